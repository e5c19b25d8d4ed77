import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import Client, RequestFactory

from config import logs

PHONE = "254712345678"


@pytest.fixture(params=[True, False], ids=["production", "development"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What a logger named "spoken" writes, in both forms."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(production=request.param))
    logger = logging.getLogger("spoken")
    logger.addHandler(handler)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)
    logger.propagate = True


@pytest.mark.requirement("OPS-2")
@pytest.mark.requirement("SEC-4")
def test_every_way_of_logging_is_masked(written: io.StringIO) -> None:
    logger = logging.getLogger("spoken")
    logger.warning("called %s with %s", PHONE, {"Password": "hush"})
    logger.warning("extra", extra={"phone": PHONE, "body": {"SecurityCredential": "hush"}})
    structlog.get_logger("spoken").warning("bound", phone=PHONE, authorization="Bearer hush")
    try:
        raise ValueError(f"no such payer: {PHONE}, passkey=hush")
    except ValueError:
        logger.exception("failed for %s", PHONE)
    text = written.getvalue()
    assert "5678" in text
    assert "712345" not in text
    assert "Bearer" not in text
    assert "'hush'" not in text
    assert "=hush" not in text


@pytest.mark.requirement("OPS-2")
def test_one_line_a_fact(written: io.StringIO) -> None:
    logging.getLogger("spoken").error("first\nforged line", extra={"given": "a\r\nb"})
    assert len(written.getvalue().splitlines()) == 1


@pytest.mark.requirement("OPS-2")
def test_production_writes_json() -> None:
    record = logging.LogRecord("payments", logging.INFO, __file__, 1, "completed %s", ("12",), None)
    record.payment_id = 12
    line = json.loads(logs.formatter(production=True).format(record))
    assert (line["event"], line["level"], line["logger"], line["payment_id"]) == (
        "completed 12",
        "info",
        "payments",
        12,
    )
    assert line["timestamp"].endswith("Z")


@pytest.mark.requirement("OPS-2")
def test_both_kinds_of_loggers_write_the_same_line() -> None:
    lines = []
    handler = logging.StreamHandler(spoken := io.StringIO())
    handler.setFormatter(logs.formatter(production=True))
    (logger := logging.getLogger("spoken")).addHandler(handler)
    held = logs.request_id.set("abcdef12")
    try:
        structlog.get_logger("spoken").warning("100 % of it", payment_id=12, name="a record has this too")
        logger.warning("100 %% of %s", "it", extra={"payment_id": 12})
        lines = [json.loads(line) for line in spoken.getvalue().splitlines()]
    finally:
        logs.request_id.reset(held)
        logger.removeHandler(handler)
    for line in lines:
        del line["timestamp"]
    same = {"event": "100 % of it", "level": "warning", "logger": "spoken", "payment_id": 12, "request_id": "abcdef12"}
    assert lines == [{**same, "name": "a record has this too"}, same]


@pytest.mark.requirement("SEC-4")
def test_our_own_words_are_not_anybody_s_to_write() -> None:
    record = logging.LogRecord("payments", logging.INFO, __file__, 1, "completed", (), None)
    record.level = record.logger = record.timestamp = record.event = record._hidden = PHONE
    line = json.loads(logs.formatter(production=True).format(record))
    assert (line["level"], line["logger"], line["event"], line["_hidden"]) == (
        "info",
        "payments",
        "completed",
        "********5678",
    )
    assert PHONE not in logs.formatter(production=False).format(record)


@pytest.mark.requirement("OPS-2")
@pytest.mark.parametrize("logger", [logging.getLogger("spoken"), structlog.get_logger("spoken")])
def test_an_exception_comes_with_its_traceback_and_only_an_exception(written: io.StringIO, logger: Any) -> None:
    logger.error("nothing was raised", exc_info=True)
    assert "Traceback" not in written.getvalue()
    try:
        raise ValueError("no such payer")
    except ValueError:
        logger.exception("failed")
    assert written.getvalue().count("Traceback (most recent call last)") == 1
    assert written.getvalue().count("ValueError: no such payer") == 1


@pytest.mark.requirement("SEC-4")
def test_a_request_is_never_written_with_its_query_string(written: io.StringIO, rf: RequestFactory) -> None:
    asked = rf.get("/reset/?code=hush")
    logging.getLogger("spoken").error("Bad request", extra={"request": asked, "status_code": 400})
    structlog.get_logger("spoken").error("Bad request", request=asked)
    assert written.getvalue().count("Bad request") == 2
    assert "hush" not in written.getvalue()


@pytest.mark.requirement("OPS-2")
def test_of_django_s_words_about_requests_only_exceptions_are_kept() -> None:
    logger = logging.getLogger("django.request")
    for exc_info, kept in ((None, False), ((ValueError, ValueError("x"), None), True)):
        record = logger.makeRecord("django.request", logging.ERROR, __file__, 1, "Service Unavailable", (), exc_info)
        assert bool(logger.filter(record)) is kept


@pytest.mark.requirement("OPS-2")
def test_a_host_that_is_not_ours_is_one_short_warning(client: Client) -> None:
    """Any stranger can send one, as long as a server's whole buffer."""
    (console,) = [handler for handler in logging.getLogger().handlers if handler.get_name() == "console"]
    assert isinstance(console, logging.StreamHandler)
    spoken = io.StringIO()
    before = console.setStream(spoken)
    try:
        assert client.get("/", headers={"Host": "evil.example" + "x" * 100_000}).status_code == 400
    finally:
        console.setStream(before)
    about_it, asked = spoken.getvalue().splitlines()
    assert "warning" in about_it
    assert "Invalid HTTP_HOST header: 'evil.example" in about_it
    assert len(about_it) < 500
    assert "GET /" in asked
