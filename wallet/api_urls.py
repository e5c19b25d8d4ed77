"""Addresses of the API of deposits and wallets (seed 000)."""

from django.urls import path

from wallet import api

urlpatterns = [
    path("api/deposits/initiate", api.InitiateDeposit.as_view()),
    path("api/deposits/status/<str:transaction_id>", api.DepositStatus.as_view()),
    path("api/deposits/history", api.DepositHistory.as_view()),
    path("api/wallet", api.WalletBalance.as_view()),
]
