"""Every address of the product, room by room."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.signing_in import SignOut
from payments.api import docs

handler500 = "config.failures.server_error"

admin.site.enable_nav_sidebar = False  # tables need the width; the index page lists the rooms

urlpatterns = [
    # One door for everybody: its failures are counted, and what is done there is audited.
    path("admin/login/", RedirectView.as_view(pattern_name="accounts:login", query_string=True)),
    path("admin/logout/", SignOut.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="accounts:password_change")),
    path("admin/", admin.site.urls),
    path("api/schema/", docs.Schema.as_view(), name="schema"),
    path("api/docs/", docs.Page.as_view(url_name="schema"), name="api-docs"),
    path("", include("accounts.urls")),
    path("", include("wallet.api_urls")),
    path("", include("wallet.urls")),
    path("", include("sessions_booking.api_urls")),
    path("", include("payments.urls")),
    path("", include("sessions_booking.urls")),
    path("", include("notifications.urls")),
    path("", include("monitoring.urls")),
]
