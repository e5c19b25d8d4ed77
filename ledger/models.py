"""Accounts, journals and transfers. A transfer is one row with a debit and a credit side, so an unbalanced book
cannot be written; journals and transfers are never changed or removed (triggers in the first migration).

Every row belongs to one environment, and composite foreign keys hold a transfer, its journal and both of its
accounts in the same one (LED-4). The rest of the story is in `books`.
"""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from ledger.chart import GUARDED_CODES, OWED, Kind

ENVIRONMENTS = ["sandbox", "production"]


class TransferType(models.TextChoices):
    """What a movement of a wallet is called in its history (LED-2)."""

    DEPOSIT = "DEPOSIT", "Money put into the wallet"
    WITHDRAWAL = "WITHDRAWAL", "Money taken out of the wallet"
    INVESTMENT = "INVESTMENT", "Money invested from the wallet"
    REFUND = "REFUND", "Money given back"


class LedgerAccount(models.Model):
    """One account of one environment. `balance_cents` (credit-positive) is stored for guarded accounts only."""

    environment = models.CharField(max_length=10)
    code = models.CharField(max_length=64)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    balance_cents = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_account"
        verbose_name = "account"
        indexes = [
            # Every payer has such an account; few are owed anything.
            models.Index(
                fields=["environment", "-balance_cents"],
                condition=Q(code__startswith=OWED, balance_cents__gt=0),
                name="ledger_owed_now",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["environment", "code"], name="ledger_account_once"),
            models.UniqueConstraint(fields=["id", "environment"], name="ledger_account_environment"),
            models.CheckConstraint(condition=Q(environment__in=ENVIRONMENTS), name="ledger_account_environment_known"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="ledger_account_kind_known"),
            models.CheckConstraint(condition=Q(balance_cents__gte=0), name="ledger_balance_never_negative"),
            models.CheckConstraint(
                condition=Q(code__regex=GUARDED_CODES, balance_cents__isnull=False, kind=Kind.LIABILITY)
                | (~Q(code__regex=GUARDED_CODES) & Q(balance_cents__isnull=True)),
                name="ledger_guarded_codes_store_a_balance",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.environment})"


class Journal(models.Model):
    """One posting: `n` counts the journals of a subject from 1, so none is posted twice."""

    environment = models.CharField(max_length=10)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=100)
    n = models.IntegerField()
    description = models.TextField(blank=True, default="")
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "n"], name="journal_once"),
            models.UniqueConstraint(fields=["id", "environment"], name="journal_environment"),
            models.CheckConstraint(condition=Q(environment__in=ENVIRONMENTS), name="journal_environment_known"),
            models.CheckConstraint(condition=Q(n__gte=1), name="journal_counts_from_one"),
            models.CheckConstraint(condition=~Q(kind="") & ~Q(subject=""), name="journal_says_of_what"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} #{self.n}"


class Transfer(models.Model):
    """Money from the credit side to the debit side. `…_balance_after` is kept for guarded sides, under their lock.

    The foreign keys are composite (with the environment), so Django declares none of its own.
    """

    environment = models.CharField(max_length=10)
    journal = models.ForeignKey(Journal, models.DO_NOTHING, related_name="transfers", db_constraint=False)
    debit = models.ForeignKey(LedgerAccount, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    credit = models.ForeignKey(LedgerAccount, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    amount_cents = models.BigIntegerField()
    type = models.CharField(max_length=10, choices=TransferType.choices, blank=True, default="")
    debit_balance_after = models.BigIntegerField(null=True)
    credit_balance_after = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["debit", "id"], name="transfer_of_debit"),
            models.Index(fields=["credit", "id"], name="transfer_of_credit"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_between_two_accounts"),
            models.CheckConstraint(condition=Q(type__in=["", *TransferType.values]), name="transfer_type_known"),
            models.CheckConstraint(
                condition=(Q(debit_balance_after__isnull=True) | Q(debit_balance_after__gte=0))
                & (Q(credit_balance_after__isnull=True) | Q(credit_balance_after__gte=0)),
                name="transfer_balance_after_never_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"transfer {self.pk}: {self.amount_cents} cents"
