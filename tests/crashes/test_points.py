"""The crash points of the core, by name: where a process dies, what it leaves, who takes it up, how it ends."""

from dataclasses import dataclass

import pytest

from outbox.models import Delivery
from tests.crashes import said, scenes
from tests.crashes.life import Life
from tests.crashes.scenes import Scene

pytestmark = [pytest.mark.requirement("REC-4"), pytest.mark.requirement("P76")]
PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"


@dataclass(frozen=True)
class Point:
    """`at`: the step at which the process dies (`tests.crashes.edge`), before it or after it.

    `left`: the payment's status just after the death, and how many prompts M-Pesa has put on the phone by then.
    `taken_up_by`: who is the first to do something about it. `end`: the last status.
    """

    name: str
    scene: Scene
    at: str
    left: tuple[str, int]
    taken_up_by: str
    end: str


NOBODY = ("", 0)
UNSENT = ("SENDING", 0)
PERHAPS_SENT = ("SENDING", 1)
ON_THE_PHONE = ("PROMPTED", 1)
POINTS = [
    # The request that starts a payment, and the worker that sends it
    Point("row not committed", scenes.STARTING, "COMMIT", NOBODY, "the payer", "COMPLETED"),
    Point("row there, nothing sent", scenes.STARTING, "after COMMIT", UNSENT, "send_queued", "COMPLETED"),
    Point("sending not committed", scenes.PUSHING, "COMMIT", UNSENT, "send_queued", "COMPLETED"),
    Point("sending committed, no call", scenes.PUSHING, "after COMMIT", UNSENT, "the clock", "EXPIRED"),
    Point("just before the call", scenes.PUSHING, f"send {PUSH}", UNSENT, "the clock", "EXPIRED"),
    Point("M-Pesa took it, no answer yet", scenes.PUSHING, f"await {PUSH}", PERHAPS_SENT, "the inbox", "COMPLETED"),
    Point("answered, not written", scenes.PUSHING, f"after await {PUSH}", PERHAPS_SENT, "the inbox", "COMPLETED"),
    Point("answer not committed", scenes.PUSHING, "COMMIT #2", PERHAPS_SENT, "the inbox", "COMPLETED"),
    Point("answer there, nobody told", scenes.PUSHING, "after COMMIT #2", ON_THE_PHONE, "the inbox", "COMPLETED"),
    Point("at once: row not committed", scenes.AT_ONCE, "COMMIT", NOBODY, "the payer", "COMPLETED"),
    Point("at once: row and sending committed", scenes.AT_ONCE, "after COMMIT", UNSENT, "the clock", "EXPIRED"),
    Point("at once: no answer yet", scenes.AT_ONCE, f"await {PUSH}", PERHAPS_SENT, "the inbox", "COMPLETED"),
    Point("at once: answer not committed", scenes.AT_ONCE, "COMMIT #2", PERHAPS_SENT, "the inbox", "COMPLETED"),
    Point("at once: nobody told", scenes.AT_ONCE, "after COMMIT #2", ON_THE_PHONE, "the inbox", "COMPLETED"),
    Point("worker: sending committed", scenes.SENDING, "after COMMIT", UNSENT, "the clock", "EXPIRED"),
    Point("worker: answer not committed", scenes.SENDING, "COMMIT #2", PERHAPS_SENT, "the inbox", "COMPLETED"),
    Point("refusal not committed", scenes.REFUSED, "COMMIT #2", UNSENT, "the clock", "EXPIRED"),
    Point("refusal there, nobody told", scenes.REFUSED, "after COMMIT #2", UNSENT, "send_queued", "COMPLETED"),
    # The request that M-Pesa makes
    Point("callback not stored", scenes.CALLBACK, "INSERT payments_callback", ON_THE_PHONE, "the chase", "COMPLETED"),
    Point(
        "callback stored, not answered",
        scenes.CALLBACK,
        "after INSERT payments_callback",
        ON_THE_PHONE,
        "the inbox",
        "COMPLETED",
    ),
    # The worker that reads the inbox: one transaction, so whatever it wrote is gone with it
    *[
        Point(f"inbox: {name}", scenes.INBOX_PAID, at, ON_THE_PHONE, "the inbox", "COMPLETED")
        for name, at in {
            "claimed": "INSERT ledger_account",
            "lot written": "after INSERT payments_lot",
            "journal written": "after INSERT ledger_journal",
            "transfer written": "after INSERT ledger_transfer",
            "balance written": "after UPDATE ledger_account",
            "payment written": "after UPDATE payments_payment",
            "trail written": "after INSERT audit_entry",
            "delivery published": "after INSERT outbox_delivery",
            "callback marked": "after UPDATE payments_callback",
            "not committed": "COMMIT",
        }.items()
    ],
    Point("inbox: nobody woken", scenes.INBOX_PAID, "after COMMIT", ("COMPLETED", 1), "the outbox", "COMPLETED"),
    Point(
        "inbox: cancellation written",
        scenes.INBOX_CANCELLED,
        "after INSERT payments_paymentfact",
        ON_THE_PHONE,
        "the inbox",
        "CANCELLED",
    ),
    # The worker that asks M-Pesa
    Point("chase: claim not committed", scenes.ASKING, "COMMIT", ON_THE_PHONE, "the chase", "COMPLETED"),
    Point("chase: claimed, not asked", scenes.ASKING, "after COMMIT", ON_THE_PHONE, "the chase", "COMPLETED"),
    Point("chase: asked, no answer yet", scenes.ASKING, f"await {QUERY}", ON_THE_PHONE, "the chase", "COMPLETED"),
    Point("chase: answered", scenes.ASKING, f"after await {QUERY}", ON_THE_PHONE, "the chase", "COMPLETED"),
    Point("chase: not committed", scenes.ASKING, "COMMIT #2", ON_THE_PHONE, "the chase", "COMPLETED"),
    Point("chase: nobody told", scenes.ASKING, "after COMMIT #2", ("COMPLETED", 1), "the outbox", "COMPLETED"),
    Point("chase: claimed, late", scenes.ASKING_LATE, "after COMMIT", ("EXPIRED", 1), "the chase", "COMPLETED"),
    # The worker that lets the clock speak
    Point("clock: not committed", scenes.EXPIRING, "COMMIT", ON_THE_PHONE, "the clock", "EXPIRED"),
    Point("clock: nobody told", scenes.EXPIRING, "after COMMIT", ("EXPIRED", 1), "the outbox", "EXPIRED"),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_what_was_left_is_taken_up(life: Life, point: Point) -> None:
    given = point.scene.before(life)
    assert life.die(point.scene.job, at=point.at, after=point.scene.after, **given).died
    asked = life.asked_for(point.left[1])
    assert (life.status(), asked) == point.left
    life.go_on(since=point.scene.after)
    assert (life.taken_up_by, life.status()) == (point.taken_up_by, point.end)
    life.prove_end(unpaid=point.end)


@pytest.mark.requirement("REC-6")
@pytest.mark.parametrize("at", [f"await {PUSH}", f"after await {PUSH}", "COMMIT #2"])
def test_where_the_callback_is_lost_too_a_person_finds_the_money_in_the_statement(life: Life, at: str) -> None:
    """Nobody knows the CheckoutRequestID, so nobody can ask; never is a second prompt made to find out."""
    life.callback_comes = False
    assert life.die("submit", at=at, **scenes.started(life)).died
    assert life.asked_for(1) == 1
    life.go_on()
    life.settle_by_hand()
    life.prove_end()


@dataclass(frozen=True)
class Word:
    """A worker dies while it sends a delivery. `left` and `end` are its states, `said` how often the world heard it."""

    name: str
    at: str
    left: str
    end: str
    said: int


WORDS = [
    Word("not claimed yet", "UPDATE outbox_delivery #2", "WAITING", "DONE", 1),
    Word("claimed, not sent", "after UPDATE outbox_delivery #2", "SENDING", "DOUBTFUL", 0),
    Word("just before it is sent", "redis RPUSH", "SENDING", "DOUBTFUL", 0),
    Word("sent, not written", "after redis RPUSH", "SENDING", "DOUBTFUL", 1),
    Word("sent and written", "after UPDATE outbox_delivery #3", "DONE", "DONE", 1),
]


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_no_delivery_is_sent_twice(life: Life, word: Word) -> None:
    given = scenes.DELIVERING.before(life)
    assert life.die("deliver", at=word.at, after=scenes.DELIVERING.after, **given).died
    assert Delivery.objects.get().state == word.left
    life.go_on(since=scenes.DELIVERING.after)
    assert (Delivery.objects.get().state, len(said.everything())) == (word.end, word.said)
    life.prove_end()
