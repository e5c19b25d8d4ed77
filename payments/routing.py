"""The WebSocket addresses."""

from django.urls import URLPattern, path, re_path

from payments.consumers import Nowhere, PaymentConsumer, PersonConsumer, StaffConsumer

websocket_urlpatterns: list[URLPattern] = [
    re_path(r"^ws/payments/(?P<transaction_id>[A-Za-z0-9_]{1,40})/$", PaymentConsumer.as_asgi()),
    path("ws/me/", PersonConsumer.as_asgi()),
    path("ws/staff/payments/", StaffConsumer.as_asgi()),
    re_path(r"", Nowhere.as_asgi()),
]
