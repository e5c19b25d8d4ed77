"""Fields that every document's request has, read by the same rules as the pages (STK-1, STK-2).

Whatever is wrong with one (missing, null, a list, out of limits) is said in the document's own words.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.drainage import set_override
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import SkipField, empty

from lib import money, phone
from lib.errors import Refusal

T = TypeVar("T")


# What programs are told; people's other ways to group the digits are read too.
_PHONE = r"^(\+?254[ -]?|0)?[17][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}$"


class TextField(serializers.CharField):
    """A text: a number is not made one."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "pattern": _PHONE, "example": "0712 345 678"})
class PhoneField(serializers.Field[Any, Any, Any, Any]):
    """Any Kenyan form; 2547XXXXXXXX afterwards."""

    def __init__(self, *, message: str = phone.MESSAGE, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def run_validation(self, data: object = empty) -> str:
        return _said(lambda: phone.normalise(data, message=self.message))


class AmountField(serializers.Field[Any, Any, Any, Any]):
    """Whole shillings within the limits, as a number or as people write it; an integer afterwards.

    Where it is not required (the thing has a price), null and nothing are the same.
    """

    def __init__(self, *, minimum: int, maximum: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.minimum, self.maximum = minimum, maximum
        whole = {"type": "integer", "minimum": minimum, "maximum": maximum, "example": 1000}
        set_override(self, "field", whole)

    def run_validation(self, data: object = empty) -> int:
        if not self.required and (data is empty or data is None or data == ""):
            raise SkipField
        cents = _said(lambda: money.parse(data, minimum=self.minimum, maximum=self.maximum))
        return money.whole_shillings(cents)


def _said(read: Callable[[], T]) -> T:
    try:
        return read()
    except Refusal as refusal:
        raise serializers.ValidationError(refusal.message, code=refusal.code) from None
