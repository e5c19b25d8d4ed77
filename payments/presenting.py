"""One payment, ready for a template: the words, the address of each action, and what goes with it."""

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from payments import reading
from payments.facts import Known
from payments.models import Payment
from payments.payable import Description, payable
from payments.words import Action, PayerWords, payer_words, told_by_provider
from payments.words.story import Event, story


@dataclass(frozen=True, slots=True)
class Button:
    """`post` False is a link."""

    label: str
    url: str
    post: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What templates/payments/ show."""

    payment: Payment
    known: Known
    thing: Description
    words: PayerWords
    buttons: list[Button]

    def events(self) -> list[Event]:
        """The timeline; one more query."""
        arrivals = dict(self.payment.lots.values_list("receipt", "recorded_at"))
        return story(row=self.payment, known=self.known, arrivals=arrivals, thing=self.thing)


def own(transaction_id: str, payer_id: int) -> Payment:
    """A payment of this payer; raises Http404 for everybody else's and for none."""
    row = reading.own(transaction_id=transaction_id, payer_id=payer_id)
    if row is None:
        raise Http404
    return row


def show(row: Payment, *, now: datetime) -> Shown:
    known = reading.known_of([row])[row.pk]
    thing = payable(row.purpose).describe([row.target_id])[row.target_id]
    told = told_by_provider(row=row, known=known)
    words = payer_words(row=row, known=known, told=told, thing=thing, now=now)
    buttons = [button for action in words.actions if (button := _button(action, row, thing))]
    return Shown(row, known, thing, words, buttons)


def _button(action: Action, row: Payment, thing: Description) -> Button | None:
    same_form = f"{thing.pay_url}?again={row.transaction_id}" if thing.pay_url else ""
    change = _("Use another number") if thing.has_price else _("Change number or amount")
    again = reverse("payments:again", args=[row.transaction_id])
    found = {
        Action.DONE: Button(_("Done"), thing.url, post=False),
        Action.MORE: Button(_("Pay again"), thing.pay_url, post=False),
        Action.CHANGE: Button(change, same_form, post=False),
        Action.AGAIN: Button(_("Try again"), again, post=True),
        Action.REPLACE: Button(_("Try again"), again, post=True),
        Action.RETRY: Button(_("Retry now"), reverse("payments:retry", args=[row.transaction_id]), post=True),
        Action.HISTORY: Button(_("See your history"), reverse("wallet:history"), post=False),
    }[action]
    return found if found.url else None
