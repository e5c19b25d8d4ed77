"""Parts that enclose something: `{% card title=… tone=… %}…{% endcard %}`, `{% dialog id=… title=… %}…{% enddialog %}`."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_block_tag
def card(content: SafeString, title: str = "", tone: str = "") -> SafeString:
    return render_to_string("_card.html", {"content": content, "title": title, "tone": tone})


@register.simple_block_tag
def dialog(content: SafeString, id: str, title: str) -> SafeString:
    return render_to_string("_dialog.html", {"content": content, "id": id, "title": title})
