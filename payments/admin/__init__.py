"""The admin of payments: find one among a million, and know why it is what it is. Facts are never edited here."""

from payments.admin import callbacks, exchanges, lots, merchants, owed, payments

__all__ = ["callbacks", "exchanges", "lots", "merchants", "owed", "payments"]
