"""A user's wallet: the thing that a deposit is paid for. Its money stands in the ledger, not here."""

from django.conf import settings
from django.db import models

from payments.models.environment import Environment, environment_known


class Wallet(models.Model):
    """One per user and environment; its row is the lock of everything that moves its money."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="wallets")
    environment = models.CharField(max_length=10, choices=Environment.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "environment"], name="wallet_once"),
            environment_known("wallet_environment_known"),
        ]

    def __str__(self) -> str:
        return f"wallet of user {self.user_id} ({self.environment})"
