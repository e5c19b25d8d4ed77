import io
import json
import logging
from collections.abc import Iterator

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


@pytest.mark.requirement("SEC-4")
def test_a_request_is_never_written_with_its_query_string(written: io.StringIO, rf: RequestFactory) -> None:
    logging.getLogger("spoken").error("Bad request", extra={"request": rf.get("/reset/?code=hush"), "status_code": 400})
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
