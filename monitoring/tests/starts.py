"""Loads the settings with the variables it is told, each time in a fork: what every start imports is imported once.

`python -m monitoring.tests.starts` reads a start a line (JSON: its variables, which settings to say) and writes
its end (exit status, what it said; of an error its words alone). Nothing of the settings is loaded before the fork.
"""

import json
import os
import sys
import traceback
from operator import attrgetter

import django
from django.conf import settings

import config.logs
import config.mpesa_variables
import config.schedule
import config.variables
import config.wiring  # noqa: F401 - what the settings import, which reads no variable
from tests.forking import in_a_fork


def _start(variables: dict[str, str], say: list[str], report: int) -> None:
    """In the fork. Does not return."""
    os.dup2(report, 1)
    os.dup2(report, 2)
    os.environ.clear()
    os.environ.update(variables)
    status = 1
    try:
        django.setup()
        print(*(attrgetter(name)(settings) for name in say), flush=True)
        status = 0
    except BaseException:
        print(*traceback.format_exception_only(sys.exception()), file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def _run(variables: dict[str, str], say: list[str]) -> tuple[int, str]:
    code, said = in_a_fork(lambda report: _start(variables, say, report))
    return code, said.strip()


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(_run(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
