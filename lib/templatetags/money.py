"""`{{ cents|money }}`: KES 1,000."""

from django import template

from lib.money import words

register = template.Library()


@register.filter
def money(cents: int | None) -> str:
    """Cents as words; nothing for nothing."""
    return "" if cents is None or not isinstance(cents, int) else words(cents)


@register.filter
def signed(cents: int | None) -> str:
    """As `money`, with a plus or a minus before it: for lists of what came and went."""
    if not isinstance(cents, int):
        return ""
    return ("+" if cents > 0 else "−" if cents < 0 else "") + words(abs(cents))
