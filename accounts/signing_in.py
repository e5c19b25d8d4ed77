"""Log-in, log-out and passwords, on Django's own views: where each begins and ends, and what the audit trail is told."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.generic import FormView

from accounts import events, lockout, open_pages, passwords
from accounts.forms import AskResetForm, ChangePasswordForm, NewPasswordForm, SignInForm
from accounts.throttle import limited
from lib import clock
from lib.returning import UNDERWAY, UNSENT, stands_on

BACKEND = "accounts.backends.RoleBackend"
a_form = require_http_methods(["GET", "HEAD", "POST"])  # Django's form views would read a PUT too


class SafeNext(views.RedirectURLMixin):
    """Goes on to `next`, if that is an address of ours, and carries it from form to form."""

    def get_default_redirect_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        return {**super().get_context_data(**kwargs), "next": self.get_redirect_url()}  # type: ignore[misc]


@method_decorator(a_form, name="dispatch")
class SignIn(SafeNext, views.LoginView):
    """Somebody who is logged in and was sent here (a client who tries the admin) is told so, not sent in circles.

    `?why=` is what `lib.returning` says of a page that needed a log-in: a log-in in another tab will do as well.
    """

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.user.is_authenticated and request.method == "GET" and (self.why or not self.get_redirect_url()):
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)  # type: ignore[return-value]

    @property
    def why(self) -> str:
        asked = self.request.GET.get("why", "")
        return asked if asked in (UNSENT, UNDERWAY) else ""

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        return {**super().get_context_data(**kwargs), "why": self.why}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        events.happened("signed_in", form.get_user(), self.request, via=events.PAGE)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if email := form.cleaned_data.get("username"):
            locked = bool(getattr(self.request, "axes_locked_out", False))
            events.sign_in_failed(email, self.request, via=events.PAGE, locked=locked)
        return super().form_invalid(form)


@method_decorator(stands_on("accounts:home"), name="dispatch")
class SignOut(views.LogoutView):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            events.happened("signed_out", user, request)
        user_id, response = user.pk, super().post(request, *args, **kwargs)
        if user_id is not None:
            open_pages.ask_again(user_id=user_id)
        return response


@method_decorator([a_form, never_cache], name="dispatch")
class ChangePassword(views.PasswordChangeView):
    """This session goes on; every other one, and every token, ends with the old password."""

    template_name = "accounts/password_change.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("accounts:profile")

    def form_valid(self, form: object) -> HttpResponse:
        response = super().form_valid(form)  # type: ignore[arg-type]
        events.happened("password_changed", self.request.user, self.request)  # type: ignore[arg-type]
        open_pages.ask_again(user_id=self.request.user.pk or 0)
        messages.success(self.request, _("Your password was changed. You are logged out everywhere else."))
        return response


@method_decorator([a_form, limited("password_reset"), never_cache], name="dispatch")
class AskReset(FormView):
    """The same answer whether or not there is such an account."""

    template_name = "accounts/password_reset.html"
    form_class = AskResetForm
    success_url = reverse_lazy("accounts:password_reset_done")

    def form_valid(self, form: AskResetForm) -> HttpResponse:
        passwords.ask_for_reset(email=form.cleaned_data["email"], now=clock.now())
        return super().form_valid(form)


@method_decorator(a_form, name="dispatch")
class ConfirmReset(views.PasswordResetConfirmView):
    """The link of the mail. It proves who one is, so the new password logs in at once."""

    template_name = "accounts/password_reset_confirm.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("accounts:home")

    def form_valid(self, form: object) -> HttpResponse:
        response = super().form_valid(form)  # type: ignore[arg-type]
        user = self.user
        assert user is not None  # noqa: S101  (the link was valid)
        lockout.forgive(user.email)
        login(self.request, user, backend=BACKEND)
        events.happened("password_reset", user, self.request)
        open_pages.ask_again(user_id=user.pk)
        messages.success(self.request, _("Your new password is set. You are logged in."))
        return response
