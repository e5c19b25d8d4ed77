"""A person's payments: filtered, newest first, in pages. For the page and the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from lib.clock import EAT
from lib.errors import Refusal
from payments import merchants
from payments.models import Payment
from payments.states import LIVE, Status

PER_PAGE, MOST_PER_PAGE, MOST_PAGES = 20, 100, 100_000
STATUSES: dict[str, frozenset[Status]] = {
    "PENDING": LIVE,
    "COMPLETED": frozenset({Status.COMPLETED}),
    "FAILED": frozenset({Status.FAILED}),
    "CANCELLED": frozenset({Status.CANCELLED}),
    "EXPIRED": frozenset({Status.EXPIRED}),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for; days are days of East Africa Time, both included."""

    status: str = ""
    first: date | None = None
    last: date | None = None
    page: int = 1
    limit: int = PER_PAGE

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """Raises Refusal `invalid_filter` with the fields that were wrong."""
        errors: dict[str, list[str]] = {}
        status = query.get("status", "").strip().upper()
        if status and status not in STATUSES:
            errors["status"] = [f"Choose one of {', '.join(STATUSES)}."]
        first, last = _day(query, "from", errors), _day(query, "to", errors)
        if first and last and first > last:
            errors["to"] = ["The last day comes before the first."]
        page = _number(query, "page", 1, MOST_PAGES, 1, errors)
        limit = _number(query, "limit", 1, MOST_PER_PAGE, PER_PAGE, errors)
        if errors:
            raise Refusal("invalid_filter", next(iter(errors.values()))[0], errors=errors)
        return cls(status, first, last, page, limit)


def history(*, user_id: int, filters: Filters, purpose: str = "") -> "Page[Payment]":
    """A page of what was found; a page beyond the last is the last."""
    return Paginator(found(user_id=user_id, filters=filters, purpose=purpose), filters.limit).get_page(filters.page)


def found(*, user_id: int, filters: Filters, purpose: str = "") -> "QuerySet[Payment]":
    """The user's payments of the current environment, newest first."""
    rows = Payment.objects.filter(payer_id=user_id, environment=merchants.current_environment())
    rows = rows.filter(purpose=purpose) if purpose else rows
    return _filtered(rows, filters).order_by("-initiated_at", "-pk")


def _filtered(rows: "QuerySet[Payment]", filters: Filters) -> "QuerySet[Payment]":
    if filters.status:
        rows = rows.filter(status__in=STATUSES[filters.status])
    if filters.first:
        rows = rows.filter(initiated_at__gte=datetime.combine(filters.first, time(), EAT))
    if filters.last:
        rows = rows.filter(initiated_at__lt=datetime.combine(filters.last + timedelta(days=1), time(), EAT))
    return rows


def _day(query: Mapping[str, str], name: str, errors: dict[str, list[str]]) -> date | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not date(2007, 3, 6) <= day <= date(2999, 12, 31):  # M-Pesa's first day
        errors[name] = ["Write the day as YYYY-MM-DD."]
        return None
    return day


def _number(
    query: Mapping[str, str], name: str, least: int, most: int, default: int, errors: dict[str, list[str]]
) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        errors[name] = [f"Write a whole number from {least} to {most:,}."]
        return default
    return int(text)
