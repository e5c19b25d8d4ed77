"""Addresses of the wallet's pages."""

from django.urls import path

from wallet import saving, views

app_name = "wallet"

urlpatterns = [
    path("deposit/", views.deposit, name="deposit"),
    path("wallet/", views.wallet, name="wallet"),
    path("history/", views.payments_history, name="history"),
    path("history/csv/", saving.history_csv, name="history_csv"),
]
