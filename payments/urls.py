"""Addresses of payments: pages, the hooks that M-Pesa calls, and the documented callback URLs (ruling 5)."""

from django.urls import path

from payments import callbacks, views
from payments.api import views as api

app_name = "payments"

DOCUMENTED_CALLBACKS = [
    "api/deposits/callback",
    "api/mpesa/callback",
    "api/payments/mpesa/callback",
    "api/payments/mpesa/stk-callback",
]

urlpatterns = [
    path("payments/<str:transaction_id>/", views.payment, name="payment"),
    path("payments/<str:transaction_id>/status", views.status, name="status"),
    path("payments/<str:transaction_id>/details", views.details, name="details"),
    path("payments/<str:transaction_id>/again", views.again, name="again"),
    path("payments/<str:transaction_id>/retry", views.retry, name="retry"),
    path("hooks/<str:token>", callbacks.hook, name="hook"),
    path("api/mpesa/initiate", api.Initiate.as_view()),
    path("api/mpesa/test-connection", api.ConnectionTest.as_view()),
    *(path(route, callbacks.documented) for route in DOCUMENTED_CALLBACKS),
]
