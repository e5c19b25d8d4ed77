"""Questions that may never be answered, asked by threads that may be left behind.

Nothing else bounds a server that accepts connections and then says nothing. Each question has one thread at most:
who asks while it is under way waits for the same answer, so probes cannot pile up on a server that hangs.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_lock = threading.Lock()
_under_way: dict[str, "Future[Any]"] = {}


def ask(name: str, question: Callable[[], T]) -> "Future[T]":
    """The answer to come; `name` says which questions are the same."""
    with _lock:
        answer = _under_way.get(name)
        if answer is None or answer.done():
            answer = _under_way[name] = Future()
            threading.Thread(target=_fulfil, args=(answer, question), name=f"ask-{name}", daemon=True).start()
        return answer


def _fulfil(answer: "Future[T]", question: Callable[[], T]) -> None:
    try:
        answer.set_result(question())
    except BaseException as error:
        answer.set_exception(error)
