"""Home, joining, log-in, passwords, profile; tokens for programs."""

from django.urls import path
from django.views.generic import TemplateView

from accounts import api, signing_in, views

app_name = "accounts"
urlpatterns = [
    path("", views.home, name="home"),
    path("consent/", views.consent, name="consent"),
    path("sign-up/", views.SignUp.as_view(), name="sign_up"),
    path("log-in/", signing_in.SignIn.as_view(), name="login"),
    path("log-out/", signing_in.SignOut.as_view(), name="logout"),
    path("profile/", views.Profile.as_view(), name="profile"),
    path("password/", signing_in.ChangePassword.as_view(), name="password_change"),
    path("password/reset/", signing_in.AskReset.as_view(), name="password_reset"),
    path(
        "password/reset/sent/",
        TemplateView.as_view(template_name="accounts/password_reset_done.html"),
        name="password_reset_done",
    ),
    path(
        "password/reset/<uidb64>/<token>/",
        signing_in.ConfirmReset.as_view(),
        name="password_reset_confirm",
    ),
    path("api/auth/token", api.TokenView.as_view(), name="token"),
    path("api/auth/refresh", api.RefreshView.as_view(), name="token_refresh"),
]
