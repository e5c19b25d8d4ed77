"""ASGI: everything in development; in production the WebSockets, and the processes that take M-Pesa's calls
(settings.HOOKS_ONLY). Database connections come from a pool."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["DATABASE_POOL"] = "true"

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application

_django = get_asgi_application()  # loads the settings and the apps, which what follows needs
del os.environ["DATABASE_POOL"]  # it is about this process, and none that it starts

from config import charset, hook_door  # noqa: E402
from payments.routing import websocket_urlpatterns  # noqa: E402


async def pages(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """HTTP, the long way."""
    headers = [(name, _readable(value) if name == b"content-type" else value) for name, value in scope["headers"]]
    await _django({**scope, "headers": headers}, receive, send)


def _readable(content_type: bytes) -> bytes:
    text = content_type.decode("latin1")
    return content_type if charset.is_text(text) else charset.without(text).encode("latin1")


application = ProtocolTypeRouter(
    {"http": hook_door.HookDoor(pages)}
    if settings.HOOKS_ONLY
    else {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
