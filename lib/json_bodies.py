"""Bodies of the API: one JSON object in UTF-8, within a limit, read without trusting any of it."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from lib.errors import Refusal


class JSONObjectParser(BaseParser):
    """Whatever is wrong with a body is a 4xx: too large, not JSON, nested too deeply, a number too long, a list."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise Refusal("body_too_large", f"The body is larger than {limit // 1024} kB.", status=413)
        try:
            value = json.loads(body.decode("utf-8-sig"), parse_constant=_not_a_number)
        except (ValueError, RecursionError):
            raise ParseError from None
        if not isinstance(value, dict):
            raise ParseError
        return value


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
