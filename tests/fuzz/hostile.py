"""What somebody writes into an address or a form who means no good: names and values, and how they are sent."""

from urllib.parse import quote_from_bytes

from django.db.models import Model
from hypothesis import strategies as st

Pairs = list[tuple[str, str]]
LOOKUPS = [
    "", "__exact", "__iexact", "__regex", "__iregex", "__startswith", "__contains", "__search", "__gt", "__lte", "__in",
    "__range", "__isnull", "__isempty", "__year", "__month", "__day", "__date", "__week_day", "__len", "__overlap", "__has_key", "__0", "__x",
    "__pk", "__id__exact", "__", "__password__startswith", "__data_key", "__user__password", "__payer__password__regex",
]  # fmt: skip
OF_LISTS = [
    "p", "o", "q", "e", "all", "page", "limit", "part", "status", "state", "from", "to", "mode", "purpose", "live",
    "review", "standing", "suspense", "again", "change", "day", "type", "at", "sort", "ordering", "lang", "next",
    "_facets", "_popup", "_to_field", "_changelist_filters", "_saveasnew", "app_label", "model_name", "field_name",
    "term", "sessionTypeId", "startsAt", "format", "", "_", "__", "pk", "id", "logentry", "x__y",
]  # fmt: skip
VALUES = [
    "((", "", " ", "0", "-1", "1", "99999999999999", "9" * 5000, "-9223372036854775809", "1e999", "NaN", "1.2.-3.99.-.x",
    "2026-13-45", "0001-01-01", "0001-01-01 00:00+14:00", "9999-12-31 23:59:59-23:59", "9999-12-31", "9999", "12", "31", "2026-11-21", "25:61",
    "None", "true", "[]", "{}", "a,b", ",", "'", '"', "\\", '"\\', "%", "%00", "%%s", "_", "<x-mark'\">", "{{ 7 }}", "http://x/",
    "//x/", "javascript:x", "\r\nSet-Cookie: a=b", "password", "email", "id", "user__password", "payments", "payment", "payer",
    "254712345678", "0712 345 678", "TXN_" + "A" * 60, "ws_CO_1", "a & b | !", "²٣", "\u202e\u200b\ufeff", "é" * 300, "x" * 9000,
    "\ud800", "\udfff\ud800", "\U0001f600", "\x00", "a\x00b", "\x1b\x7f\x85",
]  # fmt: skip
TEXTS = st.sampled_from(VALUES) | st.text(max_size=40)


def columns(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.get_fields()]


def queries(names: list[str]) -> st.SearchStrategy[Pairs]:
    """Of a list with columns of these names."""
    of_columns = st.builds("{}{}".format, st.sampled_from([*names, "pk", "payer", "user"]), st.sampled_from(LOOKUPS))
    pairs = st.tuples(st.sampled_from(OF_LISTS) | of_columns | st.text(max_size=12), TEXTS)
    return st.lists(pairs, min_size=1, max_size=3)


@st.composite
def spoilt(draw: st.DrawFn, given: Pairs) -> Pairs:
    """Something left out, said twice, said otherwise, or said besides."""
    pairs = list(given)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(pairs) - 1)))
        what = draw(st.sampled_from(["leave", "twice", "other", "other", "other", "besides"]))
        if what == "besides" or not pairs:
            pairs.append((draw(st.sampled_from(OF_LISTS)), draw(TEXTS)))
        elif what == "leave":
            del pairs[at]
        else:
            pairs[at : at + (what == "other")] = [(pairs[at][0], draw(TEXTS))]
    return pairs


def encoded(pairs: Pairs) -> str:
    """As a form or an address says them; halves of letters as the bytes that a careless program makes of them."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"))
