"""Addresses of wallets and deposits."""

app_name = "wallet"

urlpatterns: list[object] = []
