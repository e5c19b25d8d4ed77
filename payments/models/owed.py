"""What is owed to a payer, as the books have it: the ledger's own row, read under the payments' name."""

from typing import ClassVar

from django.db import models
from django.db.models import QuerySet

from ledger.chart import OWED
from ledger.models import LedgerAccount


class OwedAccounts(models.Manager["Owed"]):
    """One account for each payer and environment; most hold nothing."""

    def get_queryset(self) -> "QuerySet[Owed]":
        return super().get_queryset().filter(code__startswith=OWED)


class Owed(LedgerAccount):
    """Written by the ledger alone."""

    objects: ClassVar[models.Manager["Owed"]] = OwedAccounts()

    class Meta:
        proxy = True
        verbose_name = "payer who is owed money"
        verbose_name_plural = "payers who are owed money"

    @property
    def payer_id(self) -> int:
        return int(self.code.removeprefix(OWED))
