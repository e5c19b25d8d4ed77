"""Rows of payments: the payment, what is known about it, the inbox, the log of calls, and who is paid."""

from payments.models.callback import Callback
from payments.models.exchange import Exchange
from payments.models.fact import LotRow, PaymentFact
from payments.models.merchant import Merchant
from payments.models.owed import Owed
from payments.models.payment import Payment

__all__ = ["Callback", "Exchange", "LotRow", "Merchant", "Owed", "Payment", "PaymentFact"]
