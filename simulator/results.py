"""What M-Pesa writes beside a ResultCode (daraja.md 4.3)."""

SUCCESS = "0"
INSUFFICIENT = "1"
SAME_AMOUNT = "17"
TOO_LONG = "1025"
CANCELLED = "1032"
WRONG_PIN = "2001"
WRONG_PRODUCT = "2028"
NO_OPERATOR = "SFC_IC0003"
PENDING = "4999"
SANDBOX_KILL = "E3008"

_TEXTS = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "5": "Declined due to limit rule: would exceed minimum balance.",
    "6": "Unresolved primary party.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "17": "Rule limited.",
    "26": "System busy. The service request is rejected.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber.",
    "1019": "Transaction has expired.",
    "1025": "An error occurred while sending a push request.",
    "1031": "Request cancelled by user",
    "1032": "Request cancelled by user",
    "1036": "SMSC ACK timeout.",
    "1037": "DS timeout user cannot be reached.",
    "2001": "The initiator information is invalid.",
    "2006": "Declined due to account rule",
    "2028": "The request is not permitted according to product assignment.",
    "4999": "The transaction is still under processing",
    "8006": "The security credential is locked.",
    "9999": "An error occurred while sending a push request.",
    "SFC_IC0003": "The operator does not exist.",
    "E3008": "Error, the user has a bad debt contract.",
}


def text(code: str) -> str:
    return _TEXTS.get(code, "The service request could not be processed.")
