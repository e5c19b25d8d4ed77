"""The button "Download CSV" of a list in the admin: what its filters, search and order show, all pages of it."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET

from lib import clock, downloads
from lib.errors import Refusal
from payments import reports
from payments.admin import sheet

_LIST = "admin:payments_payment_changelist"
_OF_A_PAGE = ("p", "all", "e")  # say which page of the list; a report has none
_NAMED = ("status", "status__exact", "mode", "purpose", "live", "review")
_DAYS = ("from", "to")
_WRONG = Refusal(
    "unknown_filter", "The list knows no such filter, so nothing was exported. Go back to the list and filter it there."
)


def address(model_admin: "ModelAdmin[Any]") -> URLPattern:
    view = require_GET(model_admin.admin_site.admin_view(lambda request: export(model_admin, request)))
    return path("export/", view, name="payments_payment_export")


def link(request: HttpRequest) -> str:
    """To the report of the list that the request shows."""
    asked = _asked(request)
    return f"{reverse('admin:payments_payment_export')}{'?' if asked else ''}{asked.urlencode()}"


def export(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> HttpResponseBase:
    """For whom the list is for. Django says 400 itself to a filter over a column that the list does not offer."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    request.GET = _asked(request)
    try:
        found = model_admin.get_changelist_instance(request).queryset
    except IncorrectLookupParameters:
        return downloads.refused(request, _WRONG, back=reverse(_LIST))
    now, asked = clock.now(), {name: ",".join(filter(None, values)) for name, values in request.GET.lists()}
    report = reports.Report(
        subject="payment:list", head=sheet.HEAD, rows=sheet.rows(found), lines=sheet.lines, lane=reports.Lane.STAFF,
        user_id=int(request.user.pk or 0), asked={name: said for name, said in asked.items() if said},
    )  # fmt: skip
    try:
        download = reports.begin(report, now=now)
    except Refusal as refusal:
        return downloads.refused(request, refusal, back=f"{reverse(_LIST)}?{request.GET.urlencode()}")
    return downloads.answer(request, download, file_name=reports.file_name("payments", _words(asked), now))


def _words(asked: Mapping[str, str]) -> list[str]:
    """For the file's name; what was searched for stays out of it."""
    said = [f"{name}-{asked[name]}" if name in _DAYS else asked[name] for name in (*_NAMED, *_DAYS) if asked.get(name)]
    return [*said, "search"] if asked.get("q") else said


def _asked(request: HttpRequest) -> Any:
    asked = request.GET.copy()
    for name in _OF_A_PAGE:
        asked.pop(name, None)
    return asked
