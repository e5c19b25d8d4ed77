"""Pages of people: home, joining, profile. Log-in and passwords stand in `signing_in`."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from django.views.generic import FormView, UpdateView

from accounts import events
from accounts.forms import ProfileForm, SignUpForm
from accounts.joining import consent_template, sign_up
from accounts.models import User
from accounts.signing_in import BACKEND, SafeNext, a_form
from accounts.throttle import limited
from lib import clock
from lib.errors import Refusal
from lib.returning import signed_in


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    page = "accounts/home.html" if request.user.is_authenticated else "accounts/welcome.html"
    return render(request, page)


@require_safe
def consent(request: HttpRequest) -> HttpResponse:
    """The words one agrees to at sign-up, in their present version."""
    version = settings.CONSENT_VERSION
    return render(request, "accounts/consent.html", {"version": version, "words": consent_template(version)})


@method_decorator([a_form, limited("sign_up"), sensitive_post_parameters("password"), never_cache], name="dispatch")
class SignUp(SafeNext, FormView):
    template_name = "accounts/sign_up.html"
    form_class = SignUpForm

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.user.is_authenticated:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return super().dispatch(request, *args, **kwargs)  # type: ignore[return-value]

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        given = {key: form.cleaned_data[key] for key in ("email", "password", "name", "phone")}
        try:
            user = sign_up(**given, consent_version=settings.CONSENT_VERSION, now=clock.now())
        except Refusal as refusal:
            form.refuse(refusal)
            return self.form_invalid(form)
        events.happened("signed_up", user, self.request, consent=user.consent_version)
        login(self.request, user, backend=BACKEND)
        messages.success(self.request, _("Welcome! Your account is ready."))
        return redirect(self.get_success_url())


@method_decorator([a_form, signed_in(), never_cache], name="dispatch")
class Profile(UpdateView):
    template_name = "accounts/profile.html"
    context_object_name = "person"  # "user" would hide who is logged in
    form_class = ProfileForm

    def get_object(self, queryset: object = None) -> User:
        """A fresh row: a form that is refused must not change the name in the page's head."""
        return User.objects.get(pk=self.request.user.pk or 0)

    def get_success_url(self) -> str:
        return self.request.path

    def form_valid(self, form: ProfileForm) -> HttpResponse:  # type: ignore[override]
        response = super().form_valid(form)
        events.happened("changed", form.instance, self.request, fields=form.changed_data)
        messages.success(self.request, _("Your profile was saved."))
        return response
