"""What the WSGI server is given, whatever a client says about its body."""

import io

import pytest
from django.test import RequestFactory

from config.wsgi import application

pytestmark = pytest.mark.django_db(transaction=True)  # the handler closes connections as it would for real


@pytest.mark.requirement("CB-1")
@pytest.mark.parametrize("charset", ["zip", "base64", "utf-8", "no-such-thing", '"', "utf-8\u20ac"])
def test_no_charset_breaks_a_request(charset: str) -> None:
    body = b'{"Body": 1}'
    environ = RequestFactory().post("/api/deposits/callback").environ
    environ |= {
        "CONTENT_TYPE": f"application/json; charset={charset}",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "HTTP_HOST": "127.0.0.1",
    }
    said: list[str] = []
    answer = b"".join(application(environ, lambda status, headers, *rest: said.append(status)))
    assert said == ["200 OK"]
    assert answer == b'{"ResultCode": 0, "ResultDesc": "Success"}'
