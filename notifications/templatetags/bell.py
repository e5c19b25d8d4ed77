"""`{% bell %}`: how many notifications the reader has not read; for the page's head."""

from typing import Any

from django import template

from notifications import reading

register = template.Library()


@register.inclusion_tag("notifications/_bell.html", takes_context=True)
def bell(context: dict[str, Any]) -> dict[str, Any]:
    request = context["request"]
    return {"unread": reading.unread(request.user.pk or 0), "request": request}
