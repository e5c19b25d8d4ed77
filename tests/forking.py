"""A piece of work in a fork of this process, which has imported what it needs."""

import os
from collections.abc import Callable


def in_a_fork(work: Callable[[int], None]) -> tuple[int, str]:
    """Its exit status (negative: the signal it died by), and what it wrote to the descriptor it was given. `work` ends
    the fork itself: it must not return."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        work(writing)
    os.close(writing)
    with os.fdopen(reading) as told:
        words = told.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), words
