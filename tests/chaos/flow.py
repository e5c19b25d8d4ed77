"""People who pay, as patient apps do: the same request with the same Idempotency-Key until it is answered."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import requests

from tests.chaos.plan import Plan, Task
from tests.stack import Person, Stack

_MOST_AT_ONCE = 24
_PATIENCE_S = 60.0  # with one answer
_PAUSE_S = 0.3


class Flow:
    """All tasks of a plan, on their way in threads of their own."""

    def __init__(self, product: Stack, plan: Plan, people: Sequence[Person], sessions: Sequence[str]) -> None:
        self._product, self._plan, self._people, self._sessions = product, plan, people, sessions
        at_once = min(_MOST_AT_ONCE, max(4, len(plan.tasks) // 25))  # so that the flow lasts as long as the trouble
        self._pool = ThreadPoolExecutor(max_workers=at_once)
        self._local = threading.local()
        self._tasks: list[Future[None]] = [self._pool.submit(self._pay, task) for task in plan.tasks]

    @property
    def done(self) -> int:
        return sum(task.done() for task in self._tasks)

    def finish(self) -> None:
        self._pool.shutdown(wait=True)
        for task in self._tasks:
            task.result()

    def _pay(self, task: Task) -> None:
        person = self._people[task.person]
        for number, phone in enumerate(task.phones):
            key = f"chaos-{self._plan.seed}-{task.person}-{number}"
            if task.session is None:
                self._ask(person, "/api/deposits/initiate", {"phoneNumber": phone, "amount": task.amount}, key)
            else:
                session = self._sessions[task.session]
                self._ask(person, "/api/mpesa/initiate", {"phoneNumber": phone, "sessionId": session}, key)
                if self._ended(person, session) == "Paid":
                    return

    def _ask(self, person: Person, path: str, body: dict[str, object], key: str) -> None:
        """Until it is taken, or refused for good."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = self._http.post(
                    f"{self._product.site}{path}", json=body, headers={**person.api, "Idempotency-Key": key}, timeout=15
                )
            except requests.RequestException:
                time.sleep(_PAUSE_S)
                continue
            if answer.status_code < 500 and answer.status_code != 429:
                return
            time.sleep(_PAUSE_S)

    def _ended(self, person: Person, session: str) -> str:
        """How the last try stands when it has ended, in the API's word; "" where nobody could say."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                url = f"{self._product.site}/api/mpesa/status/{session}"
                word = self._http.get(url, headers=person.api, timeout=15).json().get("paymentStatus")
            except (requests.RequestException, ValueError):
                word = None
            if word not in (None, "Pending", "Processing"):
                return str(word)
            time.sleep(_PAUSE_S)
        return ""

    @property
    def _http(self) -> requests.Session:
        if not hasattr(self._local, "http"):
            self._local.http = requests.Session()
        session: requests.Session = self._local.http
        return session
