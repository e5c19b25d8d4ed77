"""M-Pesa: Daraja's words turned into facts, and the only room that speaks `daraja` (with the simulator).

What decides: a push is Refused (certainly not sent) or Uncertain (perhaps sent); whether a result code is final is a
property of the code (`daraja.results`), not of the channel that told it.
"""

import functools
import json
from datetime import datetime

import redis
from django.conf import settings

from accounts.keys import phone_hash
from daraja import callbacks, errors, hosts, results, wire
from daraja.client import Client
from daraja.complaints import PAYER_WORDS, Topic
from daraja.reading import Malformed
from daraja.tokens import RedisTokens
from daraja.transport import Exchange
from lib.errors import Refusal
from payments import calls, hooks, merchants, sealing
from payments.facts import Fact, Kind, Lot, Source
from payments.models import Merchant
from payments.providers import Answer, Order, Pushed, Question, Told, Unparsable, Words

_KINDS = {
    results.ResultKind.CANCELLED: Kind.CANCELLED,
    results.ResultKind.FAILED: Kind.FAILED,
    results.ResultKind.UNRESOLVED: Kind.UNRESOLVED,
}
_TRIED_TOO_OFTEN = "The connection was tried several times within a minute. Please wait a minute, then try again."
_WAITS_S = {Topic.LOCKED: 60, Topic.TOO_SOON: 120}


class Mpesa:
    """payments.providers.Provider."""

    def push(self, order: Order, *, now: datetime) -> Pushed:
        values = merchants.credentials(order.merchant)
        try:
            accepted = _client(order.merchant, values).stk_push(_stk_push(order, values), now=now)
        except errors.Refused as error:
            return Pushed((_unsuccessful(Kind.REFUSED, order, error, now),), passing=error.transient)
        except errors.Uncertain as error:
            return Pushed((_unsuccessful(Kind.LOST, order, error, now),))
        fact = Fact(
            Kind.ACCEPTED,
            Source.PUSH,
            order.submission,
            checkout_hash=sealing.checkout_hash(accepted.checkout_request_id),
            checkout_id=accepted.checkout_request_id,
            merchant_request_id=accepted.merchant_request_id[:80],
            text=accepted.customer_message[:500],
            at=now,
        )
        return Pushed((fact,))

    def ask(self, question: Question, *, now: datetime) -> Answer:
        merchant = question.merchant
        values = merchants.credentials(merchant)
        query = wire.StkQuery(
            shortcode=merchant.shortcode, passkey=values.passkey, checkout_request_id=question.checkout_id
        )
        try:
            answer = _client(merchant, values).stk_query(query, now=now)
        except errors.DarajaError:
            return Answer(reached=False)
        return _read_answer(answer, now)

    def read_callback(self, body: bytes) -> Told:
        try:
            callback = callbacks.parse_stk_callback(body)
        except Malformed as error:
            raise Unparsable(str(error)) from error
        seen = callback.phone or ""
        return Told(
            checkout_id=callback.checkout_request_id,
            merchant_request_id=callback.merchant_request_id,
            facts=_callback_facts(callback),
            lots=_lots(callback),
            phone_hash=phone_hash(seen) if len(seen) == 12 and seen.isdigit() else "",
            occurred_at=callback.transaction_at,
        )

    def explain(self, code: str) -> Words:
        result = results.stk(code)
        return Words(result.payer_text, result.next_step, result.wait_s, result.at_a_price)

    def explain_refusal(self, code: str) -> Words:
        said = code.rpartition(" ")[2]
        topic = Topic(said) if said in set(Topic) else Topic.UNCLEAR  # a defect of ours in a call names no topic
        happened, next_step = PAYER_WORDS[topic]
        return Words(happened, next_step, _WAITS_S.get(topic))

    def meaning(self, code: str) -> str:
        return results.stk(code).text

    def check(self, merchant: Merchant) -> None:
        try:
            _client(merchant, merchants.credentials(merchant)).check()
        except errors.DarajaError as error:
            if error.code == "token_rate":  # a limit of our own (STK-7): M-Pesa was not even asked
                wait_s = getattr(error, "wait_s", None)
                raise Refusal("too_many_requests", _TRIED_TOO_OFTEN, status=429, retry_after=wait_s) from error
            raise Refusal(
                "mpesa_connection_failed", f"M-Pesa API connection failed: {error.message} ({error.code})", status=502
            ) from error


def _stk_push(order: Order, values: merchants.Credentials) -> wire.StkPush:
    merchant = order.merchant
    return wire.StkPush(
        shortcode=merchant.shortcode,
        passkey=values.passkey,
        till=merchant.till,
        amount_cents=order.amount_cents,
        phone=order.phone,
        callback_url=hooks.url(hooks.Hook("STK", order.environment, order.payment_id, order.submission)),
        reference=order.account_reference,
        description=order.description,
    )


def _unsuccessful(kind: Kind, order: Order, error: errors.DarajaError, now: datetime) -> Fact:
    """The code of such a fact is M-Pesa's code and our topic ("500.001.1001 BUSY"): staff see both, words need one."""
    return Fact(
        kind,
        Source.PUSH,
        order.submission,
        code=f"{error.code[:24]} {error.topic}",
        text=error.message[:500],
        merchant_request_id=error.request_id[:80],
        at=now,
    )


def _read_answer(answer: wire.QueryAnswer, now: datetime) -> Answer:
    if answer.kind is wire.QueryKind.PENDING:
        return Answer(still_processing=True)
    if answer.kind is wire.QueryKind.UNKNOWN_ID:  # may be said just after a push: it proves nothing (daraja.md 5)
        return Answer()
    result = results.stk(answer.code)
    if result.kind is results.ResultKind.PENDING:
        return Answer(still_processing=True)
    return Answer((_result_fact(answer.code, answer.text, Source.QUERY, now),))


def _callback_facts(callback: callbacks.StkCallback) -> tuple[Fact, ...]:
    """Money with a receipt is a lot; a success that lacks receipt or amount is told without a receipt."""
    result = results.stk(callback.result_code)
    if result.kind is results.ResultKind.PENDING or _lots(callback):
        return ()
    return (_result_fact(callback.result_code, callback.result_desc, Source.CALLBACK, None),)


def _result_fact(code: str, text: str, source: Source, at: datetime | None) -> Fact:
    result = results.stk(code)
    if result.kind is results.ResultKind.SUCCESS:
        return Fact(Kind.SUCCEEDED, source, text=text[:500], at=at)
    return Fact(_KINDS[result.kind], source, code=code[:40], provisional=result.provisional, text=text[:500], at=at)


def _lots(callback: callbacks.StkCallback) -> tuple[Lot, ...]:
    paid = results.stk(callback.result_code).kind is results.ResultKind.SUCCESS
    if not (paid and callback.receipt and callback.amount_cents and callback.amount_cents > 0):
        return ()
    lot = Lot(
        receipt=callback.receipt,
        amount_cents=callback.amount_cents,
        source=Source.CALLBACK,
        checkout_hash=sealing.checkout_hash(callback.checkout_request_id),
        occurred_at=callback.transaction_at,
    )
    return (lot,)


def _client(merchant: Merchant, values: merchants.Credentials) -> Client:
    return _client_for(_base_url(merchant.environment), values.consumer_key, values.consumer_secret)


def _base_url(environment: str) -> str:
    own = settings.MPESA.base_url if settings.MPESA.environment == environment else ""
    return own or hosts.BASE_URLS[environment]


@functools.lru_cache(maxsize=16)
def _client_for(base_url: str, consumer_key: str, consumer_secret: str) -> Client:
    ring = sealing.keyring()
    tokens = RedisTokens(
        redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1),
        seal=lambda plain: ring.seal(plain, context="daraja.token"),
        open=lambda text: ring.open(text, context="daraja.token"),
    )
    return Client(
        base_url=base_url,
        consumer_key=consumer_key,
        consumer_secret=consumer_secret,
        tokens=tokens,
        observe=_observe,
    )


def _observe(exchange: Exchange) -> None:
    calls.note(
        calls.Call(
            type=exchange.type,
            request=json.dumps(exchange.request),
            response=exchange.response,
            http_status=exchange.http_status,
            duration_ms=exchange.duration_ms,
            error=exchange.error,
        )
    )
