"""What the API of deposits takes and gives, in the words of seed 000 (DEP-3, DEP-5)."""

from typing import Any

from rest_framework import serializers

from payments.api.fields import AmountField, PhoneField, TextField
from payments.api.replacing import ReplaceField
from wallet.deposits import MAXIMUM, MINIMUM
from wallet.history import STATUSES

WORDS = list(STATUSES)
PHONE_MESSAGE = "Please enter a valid Kenyan phone number"
_TRANSACTION_ID = "Ours, `TXN_…`: ask for its status by this."


class InitiateSerializer(serializers.Serializer[Any]):
    phoneNumber = PhoneField(
        message=PHONE_MESSAGE,
        help_text="The M-Pesa number that pays, in any Kenyan form: `0712 345 678`, `+254712345678`.",
    )
    amount = AmountField(
        minimum=MINIMUM, maximum=MAXIMUM, help_text=f"Whole shillings, {MINIMUM} to {MAXIMUM:,}, as a number or a text."
    )
    description = TextField(
        max_length=140,
        required=False,
        allow_blank=True,
        default="",
        help_text="Kept whole; M-Pesa shows 13 characters.",
    )
    replace = ReplaceField()


class InitiatedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    transactionId = serializers.CharField(help_text=_TRANSACTION_ID)
    checkoutRequestId = serializers.CharField(
        allow_null=True, help_text="M-Pesa's own; null while M-Pesa has not answered (202)."
    )
    status = serializers.ChoiceField(WORDS)
    message = serializers.CharField(help_text="For the payer.")


class DepositSerializer(serializers.Serializer[Any]):
    """A deposit, as it is known to us."""

    transactionId = serializers.CharField(help_text=_TRANSACTION_ID)
    checkoutRequestId = serializers.CharField(allow_null=True, help_text="M-Pesa's own.")
    status = serializers.ChoiceField(WORDS)
    amount = serializers.IntegerField(help_text="Whole shillings.")
    currency = serializers.CharField(help_text="KES")
    phoneNumber = serializers.CharField(help_text="All but the last three digits are stars.")
    description = serializers.CharField()
    mpesaReceiptNumber = serializers.CharField(allow_null=True, help_text="May follow some time after COMPLETED.")
    message = serializers.CharField(help_text="What happened and what to do next, for the payer.")
    resultDesc = serializers.CharField(allow_null=True, help_text="How it ended, in words; null while PENDING.")
    retryCount = serializers.IntegerField(help_text="Times that we sent it again because M-Pesa was busy.")
    maxRetries = serializers.IntegerField()
    lastRetryAt = serializers.DateTimeField(allow_null=True)
    initiatedAt = serializers.DateTimeField()
    completedAt = serializers.DateTimeField(allow_null=True)
    failedAt = serializers.DateTimeField(allow_null=True, help_text="When it ended without money, in whatever way.")
    timedOutAt = serializers.DateTimeField(
        allow_null=True, help_text="When no answer had come for two minutes. It may still be paid after that."
    )


class StatusSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    transaction = DepositSerializer()


class HistorySerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    total = serializers.IntegerField()
    transactions = DepositSerializer(many=True)


class WalletSerializer(serializers.Serializer[Any]):
    balance = serializers.FloatField(help_text="Shillings.")
    currency = serializers.CharField(help_text="KES")
