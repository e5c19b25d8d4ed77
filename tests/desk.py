"""The one process of a running product that works for the tests: with its settings and its database, beside its own.

It stays open, for to start Django takes longer than most of what is asked. A line in is the dotted path of a function
and its argument, a line out what it gave, or why it gave nothing.
"""

import json
import sys
from typing import Any

import django
from django.db import connections
from django.utils.module_loading import import_string


def main() -> None:
    django.setup()
    for line in sys.stdin:
        print("DESK", json.dumps(_answer(*json.loads(line))), flush=True)


def _answer(path: str, given: Any) -> dict[str, Any]:
    try:
        return {"answer": import_string(path)(given)}
    except (Exception, SystemExit) as error:
        return {"error": f"{path}: {error}"}
    finally:
        connections.close_all()


if __name__ == "__main__":
    main()
