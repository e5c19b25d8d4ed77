"""Open pages of payments."""

from dev.bench.inside import crowd
from dev.bench.inside.visiting import signed_in


def prepare(number: int) -> list[dict[str, str]]:
    crowd.make(crowd.FIRST, number)
    posts = crowd.paths_and_bodies(crowd.FIRST, number)
    return [
        {"id": f"TXN_B{n}", "receipt": f"B{n}", "session": signed_in(n), "path": path, "body": body}
        for n, (path, body) in enumerate(posts, crowd.FIRST)
    ]
