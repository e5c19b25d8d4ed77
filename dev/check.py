"""`make check`: everything that must hold before a change is taken, the quick things first; all are run, all are told."""

import subprocess
import sys
import time
from pathlib import Path

from dev import servers, test
from dev.places import CHECKOUT, Unusable

_BIN = Path(sys.executable).parent
STEPS: dict[str, list[str | Path]] = {
    "lint": [_BIN / "ruff", "check", "--quiet", "."],
    "format": [_BIN / "ruff", "format", "--check", "--quiet", "."],
    "import rules": [_BIN / "lint-imports"],
    "missing migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
    "settings": [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
    "types": [_BIN / "mypy", "."],
}


def main() -> None:
    try:
        servers.lend()  # Django's commands and mypy's plugin load the settings
    except Unusable as refusal:
        sys.exit(str(refusal))
    failed = [name for name, command in STEPS.items() if not _passes(name, command)]
    servers.unlend()  # the tests have servers of their own
    started = time.monotonic()
    if test.run(sys.argv[1:]):
        failed.append("tests")
    print(f"tests took {time.monotonic() - started:.0f} s")
    sys.exit(f"FAILED: {', '.join(failed)}" if failed else 0)


def _passes(name: str, command: list[str | Path]) -> bool:
    started = time.monotonic()
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    words = "ok" if done.returncode == 0 else "FAILED"
    print(f"{name:20} {words:7} {time.monotonic() - started:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
