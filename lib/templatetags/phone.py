"""`{{ number|hidden }}`: •••• 678, for pages. `{{ number|spaced }}`: 0712 345 678, for the owner's own input."""

from django import template

from lib import phone

register = template.Library()


@register.filter
def hidden(number: str | None) -> str:
    return phone.hidden(number) if number else ""


@register.filter
def spaced(number: str | None) -> str:
    return phone.spaced(number) if number else ""
