"""Sandbox and production never mix: every row of money says which one it belongs to (LED-4)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Environment(models.TextChoices):
    SANDBOX = "sandbox", _("Sandbox: nothing here is real money")
    PRODUCTION = "production", _("Production")


def environment_field() -> "models.CharField[str, str]":
    return models.CharField(max_length=10, choices=Environment.choices)


def environment_known(name: str) -> models.CheckConstraint:
    """The rule that a table's environment is one of these."""
    return models.CheckConstraint(condition=models.Q(environment__in=Environment.values), name=name)
