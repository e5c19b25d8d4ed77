"""Pages: the list behind the bell, what one chose, and development's mailbox."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lib import clock
from lib.pages import limited, see_other
from lib.returning import signed_in, stands_on
from notifications import reading
from notifications.forms import PreferenceForm
from notifications.models import StoredMail
from notifications.words import link

PER_PAGE = 20
# A mail is a stranger's page: it may bring its looks, and nothing else.
_MAIL_POLICY = (
    "sandbox allow-top-navigation-by-user-activation allow-popups; default-src 'none'; style-src 'unsafe-inline'"
)


@never_cache
@signed_in()
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """`?part=1` is what live.js fetches."""
    page = Paginator(reading.shown_to(request.user.pk or 0), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": reading.lines(list(page.object_list)),
        "unread": reading.unread(request.user.pk or 0),
    }
    part = "part" in request.GET
    return render(request, "notifications/_list.html" if part else "notifications/list.html", context)


@never_cache
@signed_in()
@require_GET
def bell(request: HttpRequest) -> HttpResponse:
    """The bell of the page's head, fetched anew when something was said."""
    return render(request, "notifications/_bell.html", {"unread": reading.unread(request.user.pk or 0)})


@signed_in()
@require_GET
def opened(request: HttpRequest, id: int) -> HttpResponse:
    """Go where a notification leads; it is read then."""
    row = get_object_or_404(reading.shown_to(request.user.pk or 0), pk=id)
    reading.see(user_id=row.recipient_id, ids=[row.pk], now=clock.now())
    return redirect(link(row))


@signed_in()
@stands_on("notifications:list")
@require_POST
@limited
def seen(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    reading.see(user_id=request.user.pk or 0, now=clock.now())
    return see_other("notifications:list")


@never_cache
@signed_in()
@require_http_methods(["GET", "POST"])
@limited
def preferences(request: HttpRequest) -> HttpResponse:
    chosen = reading.preference_of(request.user.pk or 0)
    form = PreferenceForm(request.POST or None, initial={"email": chosen.email, "sms": chosen.sms})
    if request.method == "POST":
        form = PreferenceForm(request.POST)
        if form.is_valid():
            reading.choose(user_id=request.user.pk or 0, **form.cleaned_data)
            messages.success(request, _("Your choice was saved."))
            return see_other("notifications:settings")
    return render(request, "notifications/settings.html", {"form": form, "phone": getattr(request.user, "phone", "")})


@never_cache
@require_GET
def mail(request: HttpRequest) -> HttpResponse:
    """Development only: the e-mails that would have been sent, newest first."""
    _in_development()
    page = Paginator(StoredMail.objects.all(), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notifications/mailbox.html", {"page": page})


@never_cache
@require_GET
def mail_html(request: HttpRequest, id: int) -> HttpResponse:
    """A mail as a mail program shows it."""
    _in_development()
    response = HttpResponse(get_object_or_404(StoredMail.objects.exclude(html=""), pk=id).html)
    response["Content-Security-Policy"] = _MAIL_POLICY
    return response


def _in_development() -> None:
    if not settings.STORED_MAIL:
        raise Http404
