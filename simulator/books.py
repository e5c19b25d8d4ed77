"""What money truly moved, whatever anybody was told about it: the oracle of the tests."""

import dataclasses
from datetime import datetime

from lib.clock import mpesa_stamp
from simulator import ids


@dataclasses.dataclass(frozen=True)
class Transaction:
    """`amount` in whole shillings; `shortcode` is the account that got the money."""

    receipt: str
    amount: int
    phone: str
    shortcode: str
    account_reference: str
    checkout_request_id: str
    at: datetime
    type: str

    def as_json(self) -> dict[str, object]:
        return {
            **dataclasses.asdict(self),
            "at": self.at.isoformat(),
            "transaction_date": int(mpesa_stamp(self.at)),
        }


class Books:
    def __init__(self) -> None:
        self._by_receipt: dict[str, Transaction] = {}

    def write(
        self,
        *,
        amount: int,
        phone: str,
        shortcode: str,
        reference: str,
        checkout_request_id: str,
        type: str,
        at: datetime,
    ) -> Transaction:
        receipt = ids.receipt(at, taken=self._by_receipt)
        made = Transaction(receipt, amount, phone, shortcode, reference, checkout_request_id, at, type)
        self._by_receipt[receipt] = made
        return made

    def all(self) -> list[Transaction]:
        """Oldest first."""
        return list(self._by_receipt.values())

    def find(self, receipt: str) -> Transaction | None:
        return self._by_receipt.get(receipt)
