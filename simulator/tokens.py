"""Access tokens: anybody gets one, only these are taken."""

from simulator import ids


class Tokens:
    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def issue(self, *, now: float, life_s: float, alone: bool) -> str:
        """`alone`: it ends all earlier ones."""
        self._ends = {} if alone else {token: ends for token, ends in self._ends.items() if ends > now}
        token = ids.access_token()
        self._ends[token] = now + life_s
        return token

    def valid(self, token: str, *, now: float) -> bool:
        return self._ends.get(token, now) > now

    def forget(self) -> None:
        self._ends.clear()
