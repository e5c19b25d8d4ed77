"""One HTTP POST, with the two ends that sending knows: certainly not sent, or perhaps sent."""

from collections.abc import Mapping
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from outbox.errors import Refused

TIMEOUT_S = (5, 20)  # to connect, to answer
_NEVER_LEFT = (requests.ConnectTimeout, NewConnectionError, ConnectTimeoutError)


class Unclear(Exception):
    """The provider did not say what became of it: perhaps sent."""


def post(url: str, **request: Any) -> requests.Response:
    """Raises Refused where the request never left or was refused (4xx), Unclear or a timeout where it perhaps did.

    Errors carry no part of the request: it holds a phone number and a key.
    """
    try:
        answer = requests.post(url, timeout=TIMEOUT_S, allow_redirects=False, **request)
    except requests.RequestException as error:
        if _never_left(error):
            raise Refused(type(error).__name__) from None
        raise Unclear(type(error).__name__) from None
    if 400 <= answer.status_code < 500:
        raise Refused(f"HTTP {answer.status_code}")
    if not answer.ok:
        raise Unclear(f"HTTP {answer.status_code}")
    return answer


def _never_left(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _NEVER_LEFT) or isinstance(getattr(error, "reason", None), _NEVER_LEFT):
            return True
        error = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error.__cause__
    return False


def body(answer: requests.Response) -> Mapping[str, Any]:
    """Raises Unclear where it is no JSON object."""
    try:
        read = answer.json()
    except ValueError:
        raise Unclear("the answer is no JSON") from None
    if not isinstance(read, dict):
        raise Unclear("the answer is no JSON object")
    return read
