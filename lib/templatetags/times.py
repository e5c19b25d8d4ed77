"""`{{ at|when }}`: "today 14:32" in East Africa Time, with the full date on hover. `{{ 102|clock }}`: 1:42."""

from datetime import datetime

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from lib.clock import EAT, now

register = template.Library()


def day_words(at: datetime, today: datetime) -> str:
    """ "today", "yesterday", "21 Nov", or "21 Nov 2025" for another year; both times in East Africa Time."""
    days = (today.date() - at.date()).days
    if days == 0:
        return _("today")
    if days == 1:
        return _("yesterday")
    return date_format(at, "j M" if at.year == today.year else "j M Y", use_l10n=False)


@register.filter
def when(at: datetime | None) -> SafeString | str:
    """A `<time>`; nothing for nothing."""
    if at is None:
        return ""
    local = at.astimezone(EAT)
    return format_html(
        '<time datetime="{}" title="{} EAT" class="unbroken">{} {}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "l j F Y, H:i:s", use_l10n=False),
        day_words(local, now().astimezone(EAT)),
        local.strftime("%H:%M"),
    )


@register.filter
def clock(seconds: float | None) -> str:
    """Seconds as minutes and seconds: 102 -> "1:42"."""
    left = max(0, int(seconds or 0))
    return f"{left // 60}:{left % 60:02d}"
