"""`make test`: all tests on several processors, with a browser for those that drive one."""

import os
import signal
import subprocess
import sys

from dev import browser
from dev.places import CHECKOUT, Unusable

_MOST_WORKERS = 5  # each brings a Redis and a database; more only wait for each other


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """pytest's exit status."""
    selection = []
    if os.environ.get("BROWSER") == "no":
        selection = ["-m", "not browser"]
    else:
        try:
            browser.ensure()
        except Unusable as refusal:
            print(refusal, file=sys.stderr)
            return 1
    # one more than there are processors: some test always waits for a browser, a clock or another process
    workers = min(_MOST_WORKERS, len(os.sched_getaffinity(0)) + 1)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), *selection, *arguments]
    # Ctrl-C reaches pytest too, which says how far it came and gives its servers back: it is waited for. (A handler, for
    # what is ignored here would be ignored there.)
    signal.signal(signal.SIGINT, lambda number, frame: None)
    return subprocess.run(command, cwd=CHECKOUT, env=_environment()).returncode


def _environment() -> dict[str, str]:
    """Images of containers often forbid Python to keep what it has compiled: each worker, and each of the many processes
    that tests start, would then compile all of the product again, and the workers all of the tests."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    main()
