"""Whether a request came by https, a proxy of ours may say, and nobody else (SEC-3).

Django believes X-Forwarded-Proto of whoever sends it. So it is taken away from those who are not in TRUSTED_PROXIES,
before anything asks for the scheme.
"""

from collections.abc import Awaitable, Callable, Mapping

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from lib.addresses import listed

_TELLING = "HTTP_X_FORWARDED_PROTO"
Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def middleware(answer: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    if iscoroutinefunction(answer):

        async def believing_async(request: HttpRequest) -> HttpResponseBase:
            _forget_strangers_words(request)
            return await answer(request)

        return believing_async

    def believing(request: HttpRequest) -> HttpResponseBase:
        _forget_strangers_words(request)
        return answer(request)  # type: ignore[return-value]

    return believing


def told_scheme(meta: Mapping[str, str]) -> str:
    """What a proxy of ours says the scheme was; "" where none says anything."""
    told = meta.get(_TELLING, "")
    return told if told and listed(meta.get("REMOTE_ADDR"), settings.TRUSTED_PROXIES) else ""


def _forget_strangers_words(request: HttpRequest) -> None:
    if not told_scheme(request.META):
        request.META.pop(_TELLING, None)
