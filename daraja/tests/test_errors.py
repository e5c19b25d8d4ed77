"""daraja.md 3.3 row by row: is it certain that no prompt was sent?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daraja.complaints import PAYER_WORDS
from daraja.errors import DarajaError, Refused, Topic, Uncertain, classify, payer_words

YES, NO = True, False
REFUSED = [  # HTTP, errorCode, errorMessage, may be tried again by itself, seconds to wait, about
    (400, "400.002.02", "Bad Request - Invalid BusinessShortCode", NO, None, Topic.SETUP),
    (400, "400.002.02", "Bad Request - Invalid CallBackURL", NO, None, Topic.SETUP),
    (400, "400.002.02", "Bad Request - Invalid Remarks", NO, None, Topic.SETUP),
    (400, "400.002.02", "Bad Request - Invalid PhoneNumber", NO, None, Topic.PHONE),
    (400, "400.002.02", "Bad Request - Invalid PartyA", NO, None, Topic.PHONE),
    (400, "400.002.02", "Bad Request - Invalid Amount", NO, None, Topic.AMOUNT),
    (400, "400.002.05", "Invalid Request Payload", NO, None, Topic.SETUP),
    (400, "400.003.01", "Invalid Access Token", YES, None, Topic.ACCESS),
    (400, "400.003.02", "Bad Request - Invalid ValidationURL - URL has the word MPESA", NO, None, Topic.SETUP),
    (400, "400.008.01", "Invalid Authentication passed", NO, None, Topic.CREDENTIALS),
    (400, "400.008.02", "Invalid grant type passed", NO, None, Topic.CREDENTIALS),
    (401, "401.002.01", "Error Occurred - Invalid Access Token - abc", YES, None, Topic.ACCESS),
    (
        401, "401.003.01", "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found",
        NO, None, Topic.ACCESS,
    ),
    (401, "401", "Unauthorized - Invalid Access Token", YES, None, Topic.ACCESS),
    (404, "404.001.01", "Resource not found", NO, None, Topic.SETUP),
    (404, "404.001.03", "Invalid Access Token", YES, None, Topic.ACCESS),
    (404, "404.001.04", "Invalid Authentication Header", NO, None, Topic.SETUP),
    (405, "405.001", "Method Not Allowed", NO, None, Topic.SETUP),
    (500, "500.001.1001", "[MerchantValidate] - Wrong credentials", NO, None, Topic.CREDENTIALS),
    (500, "500.001.1001", "Wrong credentials", NO, None, Topic.CREDENTIALS),
    (500, "500.001.1001", "Merchant does not exist", NO, None, Topic.SETUP),
    (
        500, "500.001.1001",
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
        NO, 60, Topic.LOCKED,
    ),
    (500, "500.002.1001", "Service is currently under maintenance. Please try again later", YES, None, Topic.BUSY),
    (500, "00.002.1001", "Service is currently under maintenance. Please try again later", YES, None, Topic.BUSY),
    (500, "500.003.1001", "Urls are already registered.", NO, None, Topic.SETUP),
    (500, "500.003.1001", "Duplicate notification info, SP ID is 1, correlator is 2", NO, None, Topic.SETUP),
    (500, "500.003.02", "Error Occurred: Spike Arrest Violation", YES, None, Topic.BUSY),
    (429, "500.003.02", "System is busy. Please try again in few minutes.", YES, None, Topic.BUSY),
    (500, "500.003.03", "Error Occurred: Quota Violation", YES, None, Topic.BUSY),
]  # fmt: skip
PERHAPS_SENT = [  # HTTP, errorCode, errorMessage, about
    (500, "500.001.1001", "Internal Server Error", Topic.UNCLEAR),
    (500, "500.001.1001", "The transaction is being processed", Topic.PROCESSING),
    (500, "500.001.1001", "The transaction does not Exist", Topic.UNKNOWN_REQUEST),
    (400, "400.002.02", "Bad Request - Invalid CheckoutRequestID", Topic.UNKNOWN_REQUEST),
    (500, "500.002.1001", "System internal error.", Topic.UNCLEAR),
    (500, "500.002.1001", "Duplicate OriginatorConversationID.", Topic.DUPLICATE),
    (500, "500.003.1001", "Internal Server Error", Topic.UNCLEAR),
    (500, "500.003.1001", "Service is currently unreachable. Please try again later.", Topic.UNCLEAR),
    (500, "500.003.02", "Something that nobody has seen yet", Topic.UNCLEAR),
    (500, "", "", Topic.UNCLEAR),
]


def body(code: str, message: str) -> bytes:
    return json.dumps({"requestId": "1c5b-4ba8", "errorCode": code, "errorMessage": message}).encode()


@pytest.mark.parametrize(("status", "code", "message", "transient", "wait_s", "topic"), REFUSED)
@pytest.mark.requirement("STK-8")
def test_refused(status: int, code: str, message: str, transient: bool, wait_s: int | None, topic: Topic) -> None:
    error = classify(status, body(code, message))
    assert isinstance(error, Refused)
    assert (error.code, error.message, error.request_id, error.http_status) == (code, message, "1c5b-4ba8", status)
    assert (error.transient, error.wait_s, error.topic) == (transient, wait_s, topic)


@pytest.mark.parametrize(("status", "code", "message", "topic"), PERHAPS_SENT)
@pytest.mark.requirement("STK-8")
def test_perhaps_sent(status: int, code: str, message: str, topic: Topic) -> None:
    error = classify(status, body(code, message))
    assert isinstance(error, Uncertain)
    assert error.topic is topic


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code", "message"),
    [
        (500, {"fault": {"faultstring": "Spike arrest violation", "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"}}},
         Refused, "policies.ratelimit.SpikeArrestViolation", "Spike arrest violation"),
        (401, {"fault": {"faultstring": "Access Token expired", "detail": {"errorcode": "keymanagement.service.access_token_expired"}}},
         Refused, "keymanagement.service.access_token_expired", "Access Token expired"),
        (503, {"fault": {"faultstring": "The Service is temporarily unavailable", "detail": {"errorcode": "messaging.adaptors.http.flow.ServiceUnavailable"}}},
         Uncertain, "messaging.adaptors.http.flow.ServiceUnavailable", "The Service is temporarily unavailable"),
        (500, {"fault": {"faultstring": "odd"}}, Uncertain, "http_500", "odd"),
        (500, {"Envelope": {"Body": {"Fault": {"faultcode": "soap:Server"}}}}, Uncertain, "http_500", "JSON without an errorCode"),
        (200, {"ResponseCode": "17", "ResponseDescription": "Rule limited."}, Refused, "17", "Rule limited."),
        (200, {"ResponseCode": "26", "ResponseDescription": "System busy. The service request is rejected."},
         Refused, "26", "System busy. The service request is rejected."),
        (200, {"ResponseCode": "1", "ResponseDescription": "Who knows"}, Uncertain, "1", "Who knows"),
    ],
)  # fmt: skip
def test_other_envelopes(status: int, answer: object, kind: type[DarajaError], code: str, message: str) -> None:
    error = classify(status, json.dumps(answer))
    assert isinstance(error, kind)
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize(
    ("status", "text", "kind", "message"),
    [
        (403, b"<html><script>x()</script><p>Incapsula incident ID</p></html>", Refused, "Incapsula incident ID"),
        (400, b"", Refused, "an empty answer"),
        (404, b"<h1>Not Found</h1>", Refused, "Not Found"),
        (408, b"", Uncertain, "an empty answer"),
        (409, b"", Uncertain, "an empty answer"),
        (429, b"", Refused, "an empty answer"),
        (500, b"<br/>", Uncertain, "an answer without words"),
        (503, b"<h1>Under maintenance</h1>", Refused, "Under maintenance"),
        (200, b"<h1>Under maintenance</h1>", Uncertain, "Under maintenance"),
    ],
)
def test_answers_that_are_no_json(status: int, text: bytes, kind: type[DarajaError], message: str) -> None:
    error = classify(status, text)
    assert isinstance(error, kind)
    assert (error.code, error.message) == (f"http_{status}", message)


@given(status=st.integers(100, 599), text=st.binary(max_size=300) | st.text(max_size=300))
def test_any_answer_is_one_of_the_two(status: int, text: bytes | str) -> None:
    error = classify(status, text)
    assert isinstance(error, Refused | Uncertain)
    assert error.code
    assert all(payer_words(error))


@given(message=st.text(max_size=80), code=st.from_regex(r"500\.\d{3}\.\d{2,4}", fullmatch=True))
def test_no_5xx_of_unknown_words_is_ever_called_unsent(message: str, code: str) -> None:
    error = classify(500, body(code, f"zz {message.replace(' ', '')}"))
    assert isinstance(error, Uncertain)


@pytest.mark.requirement("SEC-4")
def test_errors_hold_no_phone() -> None:
    assert "254712345678" not in str(classify(400, body("400.002.02", "Invalid PhoneNumber 254712345678")))


@pytest.mark.parametrize("topic", list(Topic))
@pytest.mark.requirement("STK-10")
def test_every_topic_has_words_without_codes(topic: Topic) -> None:
    text, next_step = PAYER_WORDS[topic]
    assert text.endswith(".")
    assert next_step.endswith(".")
    assert not any(character.isdigit() for character in text + next_step)


def test_an_error_can_be_said_in_other_words() -> None:
    error = classify(404, body("404.001.03", "Invalid Access Token"))
    assert isinstance(error, Refused)
    other = error.saying("in other words")
    assert str(other) == "404.001.03: in other words"
    assert vars(other) == vars(error) | {"message": "in other words"}
