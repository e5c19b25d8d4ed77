"""`python -m dev.bench.product settling.drain 3`: a function of `dev.bench.inside`; the last line printed is its answer."""

import importlib
import json
import sys

import django


def main(what: str, arguments: list[str]) -> None:
    django.setup()
    module, _, name = what.partition(".")
    answer = getattr(importlib.import_module(f"dev.bench.inside.{module}"), name)(*map(int, arguments))
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
