"""Sessions as a thing to pay for, through the protocol of `payments.payable`."""

from collections.abc import Mapping, Sequence
from typing import Any

from payments.facts import Given
from payments.payable import Description, Paid, Quote


class Sessions:
    """payments.payable.Payable."""

    purpose = "session"
    request_field = "sessionId"
    transfer_type = "SESSION"

    def open(self, *, request: Mapping[str, Any], payer_id: int, environment: str) -> int:
        raise NotImplementedError

    def lock(self, target_ids: Sequence[int]) -> None:
        raise NotImplementedError

    def quote(self, target_ids: Sequence[int]) -> dict[int, Quote]:
        raise NotImplementedError

    def account(self, payment: Paid) -> str:
        raise NotImplementedError

    def settle(self, payments: Sequence[Paid]) -> dict[int, Given]:
        raise NotImplementedError

    def ended(self, payments: Sequence[Paid]) -> None:
        raise NotImplementedError

    def refunded(self, payments: Sequence[Paid]) -> None:
        raise NotImplementedError

    def describe(self, target_ids: Sequence[int]) -> dict[int, Description]:
        raise NotImplementedError
