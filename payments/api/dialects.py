"""How each document asks for a payment on a route that several documents share, and how it is answered (ruling 5).

The words belong to the room of the thing that is paid for; `config/wiring.py` says by DIALECTS where they stand. So
`payments` has one view for all of them, and names none.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from drf_spectacular.utils import OpenApiExample
from rest_framework.serializers import Serializer

from lib.errors import Refusal
from payments.models import Payment
from payments.starting import Start


class Dialect(Protocol):
    """One document's words. `request` and `response` are what the API's description shows."""

    request: type[Serializer[Any]]
    response: type[Serializer[Any]]
    examples: Sequence[OpenApiExample]

    def order(self, *, asked: Mapping[str, Any], payer_id: int, key: str) -> Start:
        """What was asked for (validated by `request`), for `payments.starting`; `key` makes it idempotent."""
        ...

    def answer(self, payment: Payment) -> dict[str, object]:
        """Where the payment stands, in the shape of `response`."""
        ...


@functools.cache
def dialect(purpose: str) -> Dialect:
    """Raises Refusal `unknown_purpose` where this kind of thing is not paid for on the shared route."""
    path = settings.DIALECTS.get(purpose)
    if path is None:
        raise Refusal("unknown_purpose", "This is not paid for here. See /api/docs/ for its own address.")
    made: Dialect = import_string(path)()
    return made


def spoken() -> list[Dialect]:
    """All of them, for the API's description."""
    return [dialect(purpose) for purpose in sorted(settings.DIALECTS)]
