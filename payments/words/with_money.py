"""Words once M-Pesa moved money: given, kept for the payer, taken back or refunded."""

from django.utils.translation import gettext as _

from lib import money
from payments import situation
from payments.words.shapes import Action, Case, Said


def paid(case: Case) -> Said:
    given = {"money": case.amount, "given": case.thing.given_words}
    return {
        "headline": _("Paid"),
        "happened": _("%(money)s %(given)s") % given,
        "next_step": _("There is nothing more to do."),
        "actions": (Action.DONE, Action.MORE),
    }


def receipt_follows(case: Case) -> Said:
    return {**paid(case), "note": _("M-Pesa confirmed it. The receipt number follows; it will show here.")}


def paid_more(case: Case) -> Said:
    more = _("We received %(money)s, more than was asked for.") % {"money": case.received}
    return {**paid(case), "note": more, "owed": case.owed, "next_step": nothing_to_do(), "support": True}


def nothing_to_do() -> str:
    return _("You need not do anything, and please do not pay again.")


def odd_amount(case: Case) -> Said:
    sums = {"received": case.received, "asked": case.amount}
    return {
        "headline": _("Paid, another amount"),
        "happened": _("We received %(received)s, where %(asked)s was asked for.") % sums,
        "next_step": nothing_to_do(),
        "owed": case.owed,
        "actions": (Action.HISTORY,),
        "support": True,
    }


def not_given(case: Case) -> Said:
    sums = {"received": case.received, "thing": case.thing.title}
    return {
        "headline": _("Paid, and kept for you"),
        "happened": _("We received %(received)s, but it could not be used: %(thing)s.") % sums,
        "next_step": nothing_to_do(),
        "owed": case.owed,
        "actions": (Action.HISTORY,),
        "support": True,
    }


def given_back(case: Case) -> Said:
    return {
        "headline": _("Paid, and kept for you"),
        "happened": case.thing.returned_words
        or _("What you paid %(money)s for was cancelled.") % {"money": case.amount},
        "next_step": nothing_to_do(),
        "owed": case.owed,
        "actions": (Action.DONE, Action.HISTORY),
        "support": True,
    }


def taken_back(case: Case) -> Said:
    taken = money.words(situation.taken_back_cents(case.known))
    return {
        "headline": _("Taken back by M-Pesa"),
        "happened": _("M-Pesa took %(money)s of this payment back.") % {"money": taken},
        "next_step": _("Check your M-Pesa messages. We look into it and will contact you."),
        "owed": case.owed,
        "actions": (Action.HISTORY,),
        "support": True,
    }


def refunded(case: Case) -> Said:
    whole = case.row.refunded_cents >= case.row.received_cents
    return {
        "headline": _("Refunded") if whole else _("Partly refunded"),
        "happened": _("%(money)s went back to your M-Pesa.") % {"money": money.words(case.row.refunded_cents)},
        "next_step": _("There is nothing more to do."),
        "owed": case.owed if not whole else "",
        "actions": (Action.DONE, Action.MORE),
    }
