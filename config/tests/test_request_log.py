import json
import logging
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory

from config import request_log


def ask(
    path: str, answer: Any = lambda request: HttpResponse("hello"), **details: Any
) -> tuple[list[Any], HttpResponse]:
    """The lines of one request, before masking, and its response."""
    request = RequestFactory().generic(details.pop("method", "GET"), path, **details)
    with structlog.testing.capture_logs() as lines:
        response = request_log.middleware(answer)(request)
    return lines, response


@pytest.fixture(autouse=True)
def fresh_logger(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """capture_logs() cannot reach a logger that has cached its processors, and LOG_LEVEL may be any."""
    caplog.set_level(logging.DEBUG, logger="http")
    monkeypatch.setattr(
        request_log, "log", structlog.wrap_logger(None, wrapper_class=None, cache_logger_on_first_use=False)
    )


@pytest.mark.requirement("OPS-2")
def test_one_line_with_an_id_that_the_caller_gets_too() -> None:
    lines, response = ask("/wallet/?token=hush")
    assert [line["event"] for line in lines] == ["GET /wallet/"]
    assert lines[0]["status"] == 200
    assert len(response["X-Request-ID"]) == 16


@pytest.mark.requirement("OPS-2")
@pytest.mark.parametrize(
    ("given", "kept"), [("from-the-proxy-1", True), ("short", False), ("evil\u00e9 words here", False)]
)
def test_an_id_given_by_the_proxy_is_kept_if_it_is_one(given: str, kept: bool) -> None:
    _, response = ask("/", headers={"X-Request-ID": given})
    assert (response["X-Request-ID"] == given) is kept


def test_failures_are_errors_and_assets_are_silent() -> None:
    lines, _ = ask("/deposit/", lambda request: HttpResponse(status=503))
    assert lines[0]["log_level"] == "error"
    lines, _ = ask("/static/css/base.css")
    assert lines[0]["log_level"] == "debug"


def test_a_line_that_nobody_wants_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="http")
    lines, _ = ask("/deposit/")
    failed, _ = ask("/deposit/", lambda request: HttpResponse(status=503))
    assert ([line["status"] for line in lines], [line["status"] for line in failed]) == ([], [503])


@pytest.mark.requirement("OPS-2")
def test_bodies_only_when_asked_for(settings: Any) -> None:
    def answer(request: HttpRequest) -> JsonResponse:
        return JsonResponse(json.loads(request.body))

    details: dict[str, Any] = {
        "method": "POST",
        "data": '{"phoneNumber": "254712345678"}',
        "content_type": "application/json",
    }
    lines, _ = ask("/api/x", answer, **details)
    assert "request" not in lines[0]
    settings.DEBUG_BODIES = True
    lines, _ = ask("/api/x", answer, **details)
    assert "phoneNumber" in lines[0]["request"]
    assert "phoneNumber" in lines[0]["response"]


async def test_under_asgi() -> None:
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse("hello")

    with structlog.testing.capture_logs() as lines:
        response = await request_log.middleware(answer)(RequestFactory().get("/wallet/"))
    assert lines[0]["event"] == "GET /wallet/"
    assert response["X-Request-ID"]
