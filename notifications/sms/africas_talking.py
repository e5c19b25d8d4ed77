"""Africa's Talking over HTTP (`POST /version1/messaging`, form in, JSON out).

It answers 200 or 201 whether or not the message goes: what became of it stands beside each recipient. 100 to 102 mean
processed, sent, queued; the others are refusals with a name. An answer without our recipient and a 5xx tell nothing.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from notifications.sms import posting
from notifications.sms.posting import Unclear
from outbox.errors import Refused

TAKEN = frozenset({100, 101, 102})
REFUSED = {
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}


def send(*, number: str, text: str) -> str:
    account = settings.AFRICASTALKING
    form = {"username": account["username"], "to": f"+{number}", "message": text}
    if account["sender"]:
        form["from"] = account["sender"]
    headers = {"apiKey": account["api_key"], "Accept": "application/json"}
    answer = posting.post(f"{account['url']}/version1/messaging", data=form, headers=headers)
    return read(posting.body(answer))


def read(body: Mapping[str, Any]) -> str:
    """The message's id. Raises Refused where it was not taken, Unclear where that cannot be read."""
    data = body.get("SMSMessageData")
    recipients = data.get("Recipients") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(recipients, list):
        raise Unclear("the answer names no recipients")
    if not recipients:
        raise Refused(f"no recipient was taken: {str(data.get('Message', ''))[:60]}")
    return _taken(recipients[0])


def _taken(recipient: object) -> str:
    code = recipient.get("statusCode") if isinstance(recipient, dict) else None
    code = int(code) if isinstance(code, str) and code.isdigit() and len(code) < 5 else code
    if not isinstance(recipient, dict) or not isinstance(code, int):
        raise Unclear("the answer has no status code")
    if code in TAKEN:
        return str(recipient.get("messageId", ""))[:100]
    if code in REFUSED:
        raise Refused(f"{code} {REFUSED[code]}")
    raise Unclear(f"unknown status code {code}")
