"""WSGI: plain HTTP in production (persistent database connections)."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from config import charset

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if not charset.is_text(environ.get("CONTENT_TYPE", "")):
        environ = {**environ, "CONTENT_TYPE": charset.without(environ["CONTENT_TYPE"])}
    return _django(environ, start_response)
