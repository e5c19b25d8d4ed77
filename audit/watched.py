"""Admin pages that show payment data: who looked at what is in the trail (SEC-6, P69)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from audit import trail
from audit.models import Entry
from lib import clock
from lib.admin import ReadOnlyAdmin
from lib.phone import mask_all

LIVE_HEADER = "X-Live-List"  # sent by static/js/admin-live.js, which fetches a list again with every change
_SAME_LOOK = timedelta(minutes=1)  # in which such a list is one look, not hundreds
_LONGEST_ID = 40  # characters; no row has a longer one, and Python reads no number of thousands of digits
_ACTION = "admin.viewed"


class WatchedAdmin(ReadOnlyAdmin):
    """Read-only, and every look is an entry of the trail: at which row, or at which list with which search."""

    list_title = ""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        asked = {name: str(value) for name, value in request.GET.items() if value}
        _looked(request, f"{self.opts.model_name}:list", asked)
        title = {"title": self.list_title} if self.list_title else {}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        _looked(request, self.subject_of((object_id or "")[:_LONGEST_ID]), {})
        return super().changeform_view(request, object_id, form_url, extra_context)

    def subject_of(self, object_id: str) -> str:
        """What the trail calls a row."""
        return f"{self.opts.model_name}:{object_id}"


def looked(*, user_id: int, subject: str, asked: Mapping[str, str] | None = None) -> None:
    """At payment data, outside of the admin. What an open page repeats within a minute is one look."""
    actor, data = f"user:{user_id}", dict(asked or {})
    if not _just_now(actor, subject, data):
        trail.record(action=_ACTION, actor=actor, subject=subject, data=data, at=clock.now())


def _looked(request: HttpRequest, subject: str, asked: dict[str, str]) -> None:
    actor = f"user:{request.user.pk}"
    if not (LIVE_HEADER in request.headers and _just_now(actor, subject, asked)):
        trail.record(action=_ACTION, actor=actor, subject=subject, data=asked)


def _just_now(actor: str, subject: str, asked: dict[str, str]) -> bool:
    """They looked at this within the last minute. Compared as it was stored, masked; a difference is one entry more."""
    latest = Entry.objects.filter(actor=actor, action=_ACTION, subject=subject, at__gt=clock.now() - _SAME_LOOK)
    return latest.filter(data={mask_all(name): mask_all(value) for name, value in asked.items()}).exists()
