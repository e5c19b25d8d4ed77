"""The client: a push, a query, and a test of the connection.

Every method raises `Refused` (certainly not sent) or `Uncertain` (perhaps sent), nothing else. A token that M-Pesa
calls invalid is fetched anew once; that is the only thing ever done twice, and safe: the gateway turns such a request
away before anybody behind it sees it. A client belongs to one process and is shared by its threads.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from daraja import hosts
from daraja.errors import Refused, Topic, Uncertain, classify
from daraja.hosts import BASE_URLS, PRODUCTION_URL, SANDBOX_URL
from daraja.reading import Malformed, clean, load_object
from daraja.tokens import WAIT_S, Token, TokenStore, obtain
from daraja.transport import HIDDEN, Answer, Call, Exchange, ExchangeType, Transport
from daraja.wire import QueryAnswer, QueryKind, StkAccepted, StkPush, StkQuery, read_accepted, read_result

__all__ = [
    "BASE_URLS", "PRODUCTION_URL", "SANDBOX_URL", "Client", "Exchange", "ExchangeType", "QueryAnswer", "QueryKind",
    "StkAccepted", "StkPush", "StkQuery",
]  # fmt: skip

TOKEN_PATH = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"
_TOKEN_READ_TIMEOUT_S = 10.0  # the lock on fetching is held no longer than this and the connection take
_UNREADABLE_LIFE_S = 300  # of a token whose expires_in can not be read
_TOKEN = re.compile(r"[\x21-\x7e]{1,2000}")
_PERHAPS = "a fresh token too: perhaps the product is not enabled for this app"
_SECRET_FIELDS = ("Password", "SecurityCredential")


def _nobody(exchange: Exchange) -> None:
    return None


@dataclass(frozen=True, slots=True)
class _Bearer(AuthBase):
    token: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Client:
    """M-Pesa for one app (consumer key and secret). `observe` is told every HTTP call; its errors are swallowed.

    Raises ValueError for a base URL that is not https (http on loopback).
    """

    def __init__(
        self,
        base_url: str,
        consumer_key: str,
        consumer_secret: str,
        tokens: TokenStore,
        observe: Callable[[Exchange], None] = _nobody,
        connect_timeout_s: float = 3.05,
        read_timeout_s: float = 25.0,
        pool_size: int = 16,
    ) -> None:
        self._base_url = hosts.checked(base_url)
        self._basic = HTTPBasicAuth(consumer_key.encode(), consumer_secret.encode())
        basic = base64.b64encode(f"{consumer_key}:{consumer_secret}".encode()).decode()
        self._secrets = (basic, consumer_secret, consumer_key)
        self._tokens = tokens
        self._app = hashlib.sha256(f"{self._base_url} {consumer_key}".encode()).hexdigest()[:32]
        self._token_timeout_s = min(read_timeout_s, _TOKEN_READ_TIMEOUT_S)
        self._transport = Transport(
            base_url=self._base_url,
            observe=observe,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            pool_size=pool_size,
        )

    @property
    def longest_call_s(self) -> float:
        """No push or query takes longer (tokens, one repetition for a refused one, slow answers): for leases."""
        return 2 * (self._transport.longest_call_s + WAIT_S + self._transport.longest_call_s)

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def stk_push(self, push: StkPush, *, now: datetime) -> StkAccepted:
        """Ask the payer's phone. Raises Refused or Uncertain."""
        answer = self._post("STK_PUSH", PUSH_PATH, push.payload(now))
        accepted = read_accepted(answer.raw) if answer.ok else None
        if accepted is None:
            raise classify(answer.http_status, answer.text)
        return accepted

    def stk_query(self, query: StkQuery, *, now: datetime) -> QueryAnswer:
        """Ask what became of a push. Raises Refused or Uncertain where M-Pesa did not say (daraja.md 5)."""
        answer = self._post("STK_QUERY", QUERY_PATH, query.payload(now))
        if answer.ok:
            asked = query.checkout_request_id
            result = read_result(answer.raw, checkout_request_id=asked, http_status=answer.http_status)
            if result is not None:
                return result
        error = classify(answer.http_status, answer.text)
        kind = {Topic.PROCESSING: QueryKind.PENDING, Topic.UNKNOWN_REQUEST: QueryKind.UNKNOWN_ID}.get(error.topic)
        if kind is None:
            raise error
        return QueryAnswer(kind, error.code, error.message, answer.http_status)

    def check(self) -> None:
        """Prove that M-Pesa is there and takes our key and secret, by a token of this moment. Raises Refused."""
        obtain(self._tokens, self._app, self._fetch_token, fresh=True)

    def _post(self, kind: ExchangeType, path: str, payload: dict[str, Any]) -> Answer:
        for last_try in (False, True):
            token = obtain(self._tokens, self._app, self._fetch_token)
            answer = self._transport.send(self._call(kind, path, payload, token))
            error = classify(answer.http_status, answer.text)
            if answer.ok or not isinstance(error, Refused) or error.topic is not Topic.ACCESS:
                return answer
            self._tokens.invalidate(self._app, token)
            if last_try:
                raise error.saying(f"{error.message} ({_PERHAPS})")
        raise AssertionError("unreachable")

    def _call(self, kind: ExchangeType, path: str, payload: dict[str, Any], token: str) -> Call:
        return Call(
            type=kind,
            method="POST",
            url=self._base_url + path,
            auth=_Bearer(token),
            shown=_without_secrets(payload),
            body=json.dumps(payload).encode(),
            secrets=(token, payload["Password"], *self._secrets),
        )

    def _fetch_token(self) -> Token:
        """Raises Refused: whatever goes wrong here, the request it was for was not sent."""
        url = self._base_url + TOKEN_PATH
        call = Call(type="TOKEN", method="GET", url=url, auth=self._basic, shown={}, secrets=self._secrets)
        try:
            answer = self._transport.send(call, read_timeout_s=self._token_timeout_s)
        except Uncertain as error:
            raise Refused(f"token_{error.code}", error.message, transient=True, topic=Topic.NO_CONNECTION) from error
        token = _read_token(answer.raw) if answer.ok else None
        if token is None:
            raise _no_token(answer)
        return token


def _no_token(answer: Answer) -> Refused:
    """M-Pesa answers 400, often without a word, to a wrong key or secret (daraja.md 2)."""
    error = classify(answer.http_status, answer.text)
    wrong = answer.http_status in (400, 401)
    transient = not isinstance(error, Refused) or error.transient
    said = "M-Pesa refused the consumer key or secret" if wrong else "M-Pesa gave no access token"
    return Refused(
        error.code,
        f"{said}: {error.message}",
        transient=transient and not wrong,
        topic=Topic.CREDENTIALS if wrong else Topic.ACCESS,
        request_id=error.request_id,
        http_status=answer.http_status,
    )


def _read_token(raw: bytes) -> Token | None:
    try:
        answer = load_object(raw)
    except Malformed:
        return None
    value = answer.get("access_token")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        return None
    life = clean(answer.get("expires_in")).partition(".")[0]
    return Token(value, int(life) if life.isascii() and life.isdigit() and len(life) < 9 else _UNREADABLE_LIFE_S)


def _without_secrets(payload: dict[str, Any]) -> dict[str, Any]:
    """The request as it may be kept. The callback URL's last part is a token of its payment (ruling 4)."""
    shown = {key: HIDDEN if key in _SECRET_FIELDS else value for key, value in payload.items()}
    if "CallBackURL" in shown:
        url = urlsplit(str(shown["CallBackURL"]))
        shown["CallBackURL"] = f"{url.scheme}://{url.netloc}{url.path.rpartition('/')[0]}/{HIDDEN}"
    return shown
