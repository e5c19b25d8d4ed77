"""The documents' own words for a status (ruling 1): one table for all five."""

from payments.states import Status

# ours: (000, 001, 003, 004 transaction, 004 ticket payment)
DOCUMENTS = ("000", "001", "003", "004", "004-ticket")
TABLE: dict[Status, tuple[str, str, str, str, str]] = {
    Status.SENDING: ("PENDING", "Processing", "pending", "pending", "pending"),
    Status.PROMPTED: ("PENDING", "Processing", "pending", "pending", "pending"),
    Status.EXPIRED: ("EXPIRED", "Timed Out", "failed", "failed", "failed"),
    Status.FAILED: ("FAILED", "Failed", "failed", "failed", "failed"),
    Status.CANCELLED: ("CANCELLED", "Cancelled", "canceled", "cancelled", "failed"),
    Status.COMPLETED: ("COMPLETED", "Paid", "succeeded", "success", "completed"),
}
WHOLLY_REFUNDED = ("COMPLETED", "Refunded", "refunded", "success", "refunded")


def word(status: str, document: str, *, wholly_refunded: bool = False) -> str:
    """The word of a document ("000" … "004-ticket") for a status of ours."""
    words = WHOLLY_REFUNDED if wholly_refunded else TABLE[Status(status)]
    return words[DOCUMENTS.index(document)]
