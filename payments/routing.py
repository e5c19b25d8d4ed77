"""The WebSocket addresses."""

from django.urls import URLPattern, path

from payments.consumers import PaymentConsumer, PersonConsumer, StaffConsumer

websocket_urlpatterns: list[URLPattern] = [
    path("ws/payments/<str:transaction_id>/", PaymentConsumer.as_asgi()),
    path("ws/me/", PersonConsumer.as_asgi()),
    path("ws/staff/payments/", StaffConsumer.as_asgi()),
]
