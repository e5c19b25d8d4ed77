"""Admin pages that show payment data: who looked at what is in the trail (SEC-6, P69)."""

import contextlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import trail
from lib.admin import ReadOnlyAdmin
from lib.crypto import Unreadable
from lib.phone import mask_all
from payments import sealing


class WatchedAdmin(ReadOnlyAdmin):
    """Read-only, and every view is an entry of the trail."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        asked = {name: value for name, value in request.GET.items() if value}
        self._record(request, f"{self.opts.model_name}:list", asked)
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        self._record(request, f"{self.opts.model_name}:{object_id}", {})
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _record(self, request: HttpRequest, subject: str, data: dict[str, Any]) -> None:
        trail.record(action="admin.viewed", actor=f"user:{request.user.pk}", subject=subject, data=data)


def masked_body(sealed: bytes | memoryview, context: str) -> SafeString:
    """A sealed body for staff's eyes: indented where it is JSON, every phone number masked."""
    if not sealed:
        return format_html("{}", "–")
    try:
        text = sealing.unseal(bytes(sealed), context=context).decode("utf-8", "replace")
    except Unreadable:
        return format_html("<em>{}</em>", "cannot be opened any more")
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return format_html("<pre>{}</pre>", mask_all(text[:20_000]))
