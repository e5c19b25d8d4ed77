"""Words for a payment that ended, as far as anybody knows, without money. A later proof of payment still wins."""

from django.utils.translation import gettext as _

from payments import facts, timing
from payments.providers import Words
from payments.words.on_the_way import unclear
from payments.words.shapes import Action, Case, Said


def replaced(case: Case) -> Said:
    return {
        "headline": _("Replaced"),
        "happened": _("You started a new payment instead of this one."),
        "next_step": _("Look at the new one in your history. Should money for this one still come, it is not lost."),
        "actions": (Action.HISTORY,),
    }


def not_sent(case: Case) -> Said:
    return {
        "headline": _("Not sent"),
        "happened": _("We could not reach M-Pesa in two minutes. No request was sent, so nothing was taken."),
        "next_step": _("Please try again in a little while."),
        "actions": again(),
        "support": True,
    }


def called_off(case: Case) -> Said:
    return {
        "headline": _("Not sent"),
        "happened": _("What it was for was cancelled, so no request was sent and nothing was taken."),
        "next_step": _("There is nothing to pay any more."),
        "actions": (Action.DONE,),
    }


def silent(case: Case) -> Said:
    return {
        "headline": _("Timed out"),
        "happened": _("M-Pesa did not tell us how this payment ended."),
        "next_step": _("Check your M-Pesa messages. If no money went, try again."),
        "note": _("We keep asking M-Pesa. If money did go, it is not lost: it shows here as soon as we are told."),
        "actions": again(),
        "support": True,
    }


def ended_unclear(case: Case) -> Said:
    return {**unclear(case), "headline": _("Not clear yet"), "note": being_looked_at(), "actions": (Action.CHANGE,)}


def being_looked_at() -> str:
    return _("A person is looking at it. If money did go, it is not lost.")


def closed_by_us(case: Case) -> Said:
    return {
        "headline": _("Closed"),
        "happened": _("We stopped waiting for this payment."),
        "next_step": _("Check your M-Pesa messages. If no money went, try again; if money went, contact us."),
        "actions": again(),
        "support": True,
    }


def failed(case: Case) -> Said:
    told = case.told or Words(_("This payment did not happen; nothing was taken."), _("Please try again."))
    return {
        "headline": _("Not paid"),
        "happened": told.happened,
        "next_step": (told.at_a_price if case.thing.has_price else "") or told.next_step,
        **soonest(case, told),
        "note": still_asked(case),
        "actions": again(),
        "support": True,
    }


def soonest(case: Case, told: Words) -> Said:
    """M-Pesa takes no second request to one phone for a minute after the last, and some failures last longer.

    A hint, no block: another number may be tried at once (ruling 9).
    """
    sent, ended = case.row.last_submitted_at, case.row.failed_at
    moments = [sent + timing.seconds(timing.SPACING)] if sent else []
    if ended and told.wait_s:
        moments.append(ended + timing.seconds(told.wait_s))
    return {"seconds_left": case.until(max(moments, default=None)), "seconds_label": _("Best tried again in")}


def still_asked(case: Case) -> str:
    """Said only while it is true: a query may yet bring the money to light."""
    if not facts.may_be_asked(case.known) or case.row.next_query_at is None:
        return ""
    return _("We keep asking M-Pesa for a while. If money did go, it shows here.")


def not_paid(case: Case) -> Said:
    return {
        "headline": _("Not paid"),
        "happened": _("We looked into this payment: it did not happen, and nothing was taken."),
        "next_step": _("Try again whenever you like. If your M-Pesa messages say otherwise, contact us."),
        "actions": again(),
        "support": True,
    }


def cancelled(case: Case) -> Said:
    told = case.told or Words(_("The request was cancelled; nothing was taken."), _("You can try again."))
    return {
        "headline": _("Payment Cancelled"),
        "happened": told.happened,
        "next_step": told.next_step,
        **soonest(case, told),
        "note": still_asked(case),
        "actions": again(),
    }


def again() -> tuple[Action, ...]:
    return Action.AGAIN, Action.CHANGE
