"""Which kind of thing a request pays for, where documents share a route (ruling 5).

The field that names the thing decides: each Payable says its own (`request_field`), so no table is kept here.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from lib.errors import Refusal
from payments.payable import payable


def purpose_named(fields: Mapping[str, Any]) -> str:
    """The purpose whose field is given. Raises Refusal `one_thing_needed` for none, or two."""
    known = {field: purpose for purpose in settings.PAYABLES if (field := payable(purpose).request_field)}
    given = [field for field in known if fields.get(field) not in (None, "")]
    if len(given) == 1:
        return known[given[0]]
    names = ", ".join(sorted(known)) or "none"
    raise Refusal("one_thing_needed", f"Name one thing to pay for. Fields that name one: {names}.")
