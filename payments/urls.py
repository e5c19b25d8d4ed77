"""Addresses of payments: pages, the hooks that M-Pesa calls, and the documented callback URLs (ruling 5)."""

from django.urls import path

from payments import callbacks

app_name = "payments"

DOCUMENTED_CALLBACKS = [
    "api/deposits/callback",
    "api/mpesa/callback",
    "api/payments/mpesa/callback",
    "api/payments/mpesa/stk-callback",
]

urlpatterns = [
    path("hooks/<str:token>", callbacks.hook, name="hook"),
    *(path(route, callbacks.documented) for route in DOCUMENTED_CALLBACKS),
]
