"""The one kind of error whose words a user may read."""

from collections.abc import Mapping


class Refusal(Exception):
    """A request that cannot be done, said so that the reader knows what to do next.

    `code` is a stable snake_case word for programs, `message` a sentence for people (what happened and the next
    step), `status` the HTTP status it maps to, `errors` the messages by field name, and `retry_after` the seconds
    after which the same request may succeed.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        errors: Mapping[str, list[str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.errors = dict(errors or {})
        self.retry_after = retry_after
