"""Lends PostgreSQL and Redis where the environment names none.

`lend()` sets DATABASE_URL and REDIS_URL, and must run before the settings load: manage.py, the runner and the tests
call it first. Servers of the same name are shared by all processes of the checkout (so `manage.py shell` beside
`make run` sees the same database) and stop when the last of them has ended. Tests take a name of their own per run.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import environ

from dev import locks, processes
from dev.places import CHECKOUT, Unusable, home

DEVELOPMENT = "dev"
_VARIABLES = {"DATABASE_URL": "postgres", "REDIS_URL": "redis"}
_lent: dict[Path, locks.Held] = {}


def lend(name: str = DEVELOPMENT, *, throwaway: bool = False) -> None:
    """Set the variables that are not set, in the environment or in `.env`, to servers of ours. Raises Unusable."""
    environ.Env.read_env(CHECKOUT / ".env")
    if environ.Env().bool("PRODUCTION", default=False):
        return  # the settings then name what is missing
    missing = {variable: kind for variable, kind in _VARIABLES.items() if not os.environ.get(variable)}
    for variable, kind in missing.items():
        os.environ[variable] = _use(home() / f"{name}-{kind}", kind, throwaway=throwaway)


def give_back(*, patience_s: float = 15.0) -> None:
    """Stop using them now, and wait until those that nobody else uses have stopped. The end of the process does the same."""
    deadline = time.monotonic() + patience_s
    for held in _lent.values():
        held.release()
    for folder in list(_lent):
        while _running(folder) and time.monotonic() < deadline:
            if not (folder / locks.STATE).exists() or _is_free(folder / locks.USERS):
                time.sleep(0.05)
            else:
                break
    _lent.clear()


def unlend() -> None:
    """Give them back and forget their variables."""
    for variable, kind in _VARIABLES.items():
        if any(folder.name.endswith(f"-{kind}") for folder in _lent):
            os.environ.pop(variable, None)
    give_back()


def lost() -> list[str]:
    """Of the servers lent to us, those that have ended."""
    return [folder.name for folder in _lent if not _running(folder)]


def in_use() -> list[str]:
    """The servers of this checkout that run now."""
    return [folder.name for folder in home().glob("*-*") if _running(folder)]


def sweep(prefix: str) -> None:
    """Delete the folders of killed test runs, whose guardians were killed too."""
    for folder in home().glob(f"{prefix}*"):
        with suppress(FileNotFoundError):
            if users := locks.try_hold(folder / locks.USERS, shared=False):
                with users:
                    if not _running(folder):
                        shutil.rmtree(folder, ignore_errors=True)


def _use(folder: Path, kind: str, *, throwaway: bool) -> str:
    _lent[folder] = _held(folder)
    with locks.hold(folder / locks.START, shared=False):
        while _running(folder):
            if (url := _state(folder)) and processes.is_taken(urlsplit(url).port or 0):
                return url
            time.sleep(0.05)  # its keeper is just noticing that the server has died
        return _start(folder, kind, throwaway=throwaway)


def _held(folder: Path) -> locks.Held:
    """As one of its users. Its last keeper, or somebody who sweeps, may just be deleting it: then another is made."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            held = locks.hold(folder / locks.USERS, shared=True)
            if held.is_at(folder / locks.USERS):
                return held
            held.release()


def _running(folder: Path) -> bool:
    """Whether its guardian lives, asked of the kernel: a process id in a file may be anybody's by now."""
    return not _is_free(folder / locks.GUARDIAN)


def _is_free(lock: Path) -> bool:
    try:
        held = locks.try_hold(lock, shared=False)
    except FileNotFoundError:
        return True
    if held:
        held.release()
    return held is not None


def _state(folder: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads((folder / locks.STATE).read_text())["url"])
    return ""


def _start(folder: Path, kind: str, *, throwaway: bool) -> str:
    command = [sys.executable, "-m", "dev.guardian", kind, str(folder), *(["--throwaway"] if throwaway else [])]
    with (folder / "guardian.log").open("wb") as log:
        guardian = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert guardian.stdout is not None  # noqa: S101
    with guardian.stdout as answers:
        line = answers.readline()
    guardian.wait()  # it went on as nobody's child
    if not line:
        raise Unusable(f"The keeper of the embedded {kind} died; why is in {folder / 'guardian.log'}.")
    answer = json.loads(line)
    if "error" in answer:
        raise Unusable(answer["error"])
    return str(answer["url"])
