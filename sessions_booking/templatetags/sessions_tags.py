"""`{{ at|moment }}`: "tomorrow 10:00"; `{{ date|day }}`: "Tue 24 Nov". `{% sessions_home_card %}` for the home page."""

from datetime import date, datetime, time
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from lib import clock
from lib.clock import EAT
from sessions_booking import desk, words

register = template.Library()


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A `<time>` with the full date on hover; nothing for nothing."""
    if at is None:
        return ""
    local = at.astimezone(EAT)
    return format_html(
        '<time datetime="{}" title="{} EAT" class="unbroken">{}</time>',
        local.isoformat(timespec="minutes"),
        date_format(local, "l j F Y, H:i", use_l10n=False),
        words.moment(at, clock.now()),
    )


@register.filter
def clock_time(at: datetime) -> str:
    """10:00, in Nairobi."""
    return f"{at.astimezone(EAT):%H:%M}"


@register.filter
def day(on: date) -> str:
    """today, tomorrow, Tue 24 Nov."""
    return words.day(datetime.combine(on, time(), tzinfo=EAT), clock.now().astimezone(EAT))


@register.inclusion_tag("sessions_booking/_home_card.html", takes_context=True)
def sessions_home_card(context: dict[str, Any]) -> dict[str, Any]:
    """What this person's sessions ask of them next."""
    user = context["user"]
    if not isinstance(user, User):
        return {}
    now = clock.now()
    if user.role == User.Role.THERAPIST:
        return {"counts": desk.counts(user=user, now=now)}
    return {"next": desk.next_session(user=user, now=now)}
