"""Reading a page as a person does."""

import html
import re

from django.http import HttpResponse


def text_of(answer: HttpResponse) -> str:
    """The words of the page, with single spaces."""
    body = re.sub(r"<(svg|head|noscript)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+([.,·])", r"\1", " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split()))


def key_of(answer: HttpResponse) -> str:
    """The hidden key of the deposit form."""
    found = re.search(r'name="key" value="([^"]*)"', answer.content.decode())
    assert found
    return found[1]
