"""Words while a request is on its way or on the phone."""

from django.utils.translation import gettext as _

from payments import situation, starting, timing
from payments.words.shapes import Action, Case, Said


def sending(case: Case) -> Said:
    return {
        "headline": _("Sending…"),
        "happened": _("We are asking M-Pesa to send the request for %(money)s to %(phone)s.")
        % {"money": case.amount, "phone": case.phone},
        "next_step": _("Have your phone at hand. Nothing is taken before you enter your PIN."),
    }


def queued(case: Case) -> Said:
    tries = {"try": case.row.attempts, "of": len(timing.RETRIES) + 1}
    by_hand = situation.may_be_sent_by_hand(row=case.row, known=case.known, now=case.now)
    return {
        "headline": _("Not sent yet"),
        "happened": case.told.happened if case.told else _("M-Pesa did not take the request, so no request was sent."),
        "next_step": _("We try again by ourselves: stay on this page. Nothing was taken."),
        "seconds_left": case.until(case.row.next_attempt_at),
        "seconds_label": _("Next try in"),
        "note": _("That was try %(try)s of %(of)s.") % tries,
        "actions": (Action.RETRY,) if by_hand else (),
    }


def perhaps_sent(case: Case) -> Said:
    lost = case.told.happened if case.told else _("M-Pesa is taking long to answer: the request may be on your phone.")
    return {
        "headline": _("Check your phone"),
        "happened": lost,
        "next_step": _(
            "If the request is there, enter your PIN. Do not pay again before this page tells you how it ended."
        ),
        "hints": hints(case),
        "seconds_left": case.until(case.row.deadline_at),
        "seconds_label": _("We wait for"),
    }


def prompted(case: Case) -> Said:
    """The payer's clock is the phone's: it ends with the prompt. Ours goes on for as long again."""
    sent = case.row.last_submitted_at or case.row.initiated_at
    left = case.until(sent + timing.prompt())
    return _on_the_phone(case, left) if left else _unanswered(case)


def _on_the_phone(case: Case, seconds: int) -> Said:
    return {
        "headline": _("Check your phone"),
        "happened": _("We sent a request for %(money)s to %(phone)s.") % {"money": case.amount, "phone": case.phone},
        "next_step": _("Nothing is taken before you enter your PIN."),
        "steps": (_("Unlock your phone"), _("Enter your M-Pesa PIN"), _("Wait here: this page changes by itself")),
        "hints": hints(case),
        "seconds_left": seconds,
        "seconds_whole": timing.PROMPT,
        "seconds_label": _("Time left"),
    }


def _unanswered(case: Case) -> Said:
    return {
        "headline": _("Check your phone"),
        "happened": _("Our request for %(money)s to %(phone)s had no answer within a minute. We are asking M-Pesa.")
        % {"money": case.amount, "phone": case.phone},
        "next_step": _(
            "If the request is still there, enter your PIN. Do not pay again before this page tells you how it ended."
        ),
        "hints": hints(case),
    }


def hints(case: Case) -> tuple[str, ...]:
    return (
        _("Is the phone with the number %(phone)s on, unlocked, and does it have signal?") % {"phone": case.phone},
        _("Close an open M-Pesa menu or another request on it: a phone shows only one at a time."),
        _("Was it the wrong number? Then leave the request alone: it ends by itself, and nothing is taken."),
    )


def unclear(case: Case) -> Said:
    told = case.told
    return {
        "headline": _("We are still asking M-Pesa"),
        "happened": told.happened if told else _("M-Pesa has not told us clearly how this payment ended."),
        "next_step": told.next_step if told else _("Please check your M-Pesa messages before you pay again."),
        "actions": replace(case),
        "support": True,
    }


def timed_out(case: Case) -> Said:
    return {
        "headline": _("Timed out"),
        "happened": _("No answer came from your phone in two minutes. We are asking M-Pesa."),
        "next_step": _("Check your M-Pesa messages first. If no money went, try again."),
        "note": _("If money did go, it is not lost: it shows here as soon as M-Pesa tells us."),
        "actions": replace(case),
        "support": True,
    }


def replace(case: Case) -> tuple[Action, ...]:
    return (Action.REPLACE,) if starting.may_be_replaced(case.row) else ()


def still_processing(case: Case) -> Said:
    return {
        "headline": _("M-Pesa is working on it"),
        "happened": _("M-Pesa says that your payment is still being processed."),
        "next_step": _("Check your phone, and do not pay again yet. This page changes by itself."),
        "seconds_left": case.until(case.row.deadline_at),
        "seconds_label": _("We wait for"),
        "hints": hints(case),
    }
