"""Every address that the product answers, walked through Django's resolver: none can be forgotten in the table."""

import re
from collections.abc import Iterable, Iterator, Mapping

from django.contrib import admin
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

_NAMED_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
_STANDARD = ("", "add/", "<path:object_id>/history/", "<path:object_id>/delete/", "<path:object_id>/change/", "<path:object_id>/")  # fmt: skip


def all_addresses() -> set[str]:
    """As they are declared, without the standard ones of the admin's models."""
    return set(walked(get_resolver().url_patterns)) - _of_models()


def filled_in(address: str, values: Mapping[str, object]) -> str:
    """The address of one thing, e.g. `payments/<str:transaction_id>/` with its id."""
    return "/" + _PLACE.sub(lambda place: str(values[place[1]]), address)


def models() -> list[str]:
    """`app.model` of all that has pages in the admin."""
    return sorted(model._meta.label_lower for model in admin.site._registry)


def walked(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        address = before + _plain(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from walked(pattern.url_patterns, address)
        else:
            yield address


def _plain(pattern: str) -> str:
    """A regular expression as a path says it."""
    return _NAMED_GROUP.sub(r"<\1>", pattern).removeprefix("^").removesuffix("$")


def _of_models() -> set[str]:
    return {f"admin/{label.replace('.', '/')}/{end}" for label in models() for end in _STANDARD}
