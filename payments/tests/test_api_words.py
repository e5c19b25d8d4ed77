"""Ruling 1's words for a status, ruling 5's way to tell what is paid for."""

from typing import Any

import pytest

from lib.errors import Refusal
from payments.api.naming import purpose_named
from payments.api.words import DOCUMENTS, TABLE, WHOLLY_REFUNDED, word
from payments.states import LIVE, Status
from wallet.deposits import Deposits

EXPECTED = {  # as ruling 1 prints it
    "PENDING": "PENDING / Processing / pending / pending / pending",
    Status.COMPLETED: "COMPLETED / Paid / succeeded / success / completed",
    Status.FAILED: "FAILED / Failed / failed / failed / failed",
    Status.CANCELLED: "CANCELLED / Cancelled / canceled / cancelled / failed",
    Status.EXPIRED: "EXPIRED / Timed Out / failed / failed / failed",
}


def test_every_status_has_a_word_in_every_document() -> None:
    assert set(TABLE) == set(Status)
    assert all(len(words) == len(DOCUMENTS) and all(words) for words in TABLE.values())


@pytest.mark.parametrize("status", Status)
def test_the_words_are_the_rulings(status: Status) -> None:
    expected = EXPECTED["PENDING" if status in LIVE else status]
    assert " / ".join(word(status, document) for document in DOCUMENTS) == expected


def test_wholly_refunded_has_words_of_its_own() -> None:
    assert " / ".join(WHOLLY_REFUNDED) == "COMPLETED / Refunded / refunded / success / refunded"
    assert word(Status.COMPLETED, "001", wholly_refunded=True) == "Refunded"


class Sessions(Deposits):
    request_field = "sessionId"


class Orders(Deposits):
    request_field = "orderId"


@pytest.fixture
def _shared(settings: Any) -> None:
    here = __name__
    settings.PAYABLES = {**settings.PAYABLES, "a session": f"{here}.Sessions", "an order": f"{here}.Orders"}


@pytest.mark.usefixtures("_shared")
def test_the_field_that_names_the_thing_decides() -> None:
    assert purpose_named({"sessionId": 7, "phoneNumber": "0712345678", "orderId": ""}) == "a session"
    assert purpose_named({"orderId": "A-1", "amount": 5}) == "an order"


@pytest.mark.usefixtures("_shared")
@pytest.mark.parametrize("fields", [{}, {"sessionId": 7, "orderId": "A-1"}, {"sessionId": None}, {"deposit": 1}])
def test_two_or_none_is_told_which_there_are(fields: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refusal:
        purpose_named(fields)
    assert (refusal.value.status, refusal.value.code) == (400, "one_thing_needed")
    assert refusal.value.message == "Name one thing to pay for. Fields that name one: orderId, sessionId."
