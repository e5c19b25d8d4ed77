"""`make run`: the whole product on this machine, from one command, stopped by Ctrl-C.

Servers, database and demo rows first, then simulator, web, workers and beat side by side; their lines become one log.
If one of them dies the rest is stopped: half a product would only mislead. Children die with us even if we are killed.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from types import FrameType

from dev import processes, servers, stack
from dev.places import CHECKOUT, RUN, Unusable

_START_PATIENCE_S = 90
_STOP_PATIENCE_S = 8
_COLOURS = {"prepare": 90, "simulator": 35, "web": 32, "money": 34, "news": 94, "beat": 36}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Stopped(Exception):
    """Ctrl-C, or somebody asked us to end."""


class Runner:
    """The children that run, and their output as one log."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: list[threading.Thread] = []
        self._seen: dict[str, str] = {}  # the words in a part's log that make it up, once they were read
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def start(self, part: stack.Part) -> None:
        child = processes.spawn(
            part.command, cwd=CHECKOUT, env={**self._env, **part.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._children[part.name] = child
        reader = threading.Thread(target=self._read, args=(part, child), daemon=True)
        reader.start()
        self._readers.append(reader)

    def finish(self, part: stack.Part) -> None:
        """Run it to its end. Raises Unusable when it fails."""
        self.start(part)
        child = self._children.pop(part.name)
        while child.poll() is None:
            time.sleep(0.05)
        self._readers.pop().join()
        if child.returncode:
            raise Unusable(f"{part.name} failed: why is in its last lines above. Mend that and start again.")

    def wait_until_up(self, parts: list[stack.Part]) -> None:
        deadline = time.monotonic() + _START_PATIENCE_S
        for part in parts:
            while not self._is_up(part):
                self.watch()
                if time.monotonic() > deadline:
                    raise Unusable(f"{part.name} was not up after {_START_PATIENCE_S} s: its lines above may say why.")
                time.sleep(0.1)

    def watch(self) -> None:
        """Raises Unusable when something has died."""
        for name, child in self._children.items():
            if child.poll() is not None:
                self._drain()
                raise Unusable(
                    f"{name} ended by itself ({_ended(child)}): why is in its last lines above. All is stopped."
                )
        if lost := servers.lost():
            raise Unusable(
                f"The embedded server {', '.join(lost)} has ended; its log is in its folder. All is stopped."
            )

    def stop(self) -> None:
        processes.stop(list(self._children.values()), patience_s=_STOP_PATIENCE_S)
        self._drain()

    def _drain(self) -> None:
        for reader in self._readers:
            reader.join(0.5)

    def _is_up(self, part: stack.Part) -> bool:
        return _answers(part.address) if part.address else not part.words or part.name in self._seen

    def _read(self, part: stack.Part, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None  # noqa: S101
        with child.stdout as lines:
            for raw in lines:
                line = _ANSI.sub("", raw.decode(errors="replace").rstrip())
                if part.words and part.words in line:
                    self._seen[part.name] = line
                if line:
                    self._say(part.name, line)

    def _say(self, name: str, line: str) -> None:
        prefix = f"{name:9} |"
        if self._coloured:
            prefix = f"\x1b[{_COLOURS.get(name, 37)}m{prefix}\x1b[0m"
        try:
            print(f"{prefix} {line}", flush=True)
        except OSError:  # the terminal, or whoever read our output, is gone
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            os.kill(os.getpid(), signal.SIGTERM)


def _ended(child: subprocess.Popen[bytes]) -> str:
    if child.returncode < 0:
        return f"killed by {signal.Signals(-child.returncode).name}"
    return f"exit status {child.returncode}"


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:  # noqa: S310  (our own, on loopback)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def table(at: stack.Ports, seconds: float) -> str:
    return f"""
  Malipo runs (started in {seconds:.1f} s). Ctrl-C stops everything.

    the product       {at.site}/
    the phones        {at.phones}/   (M-Pesa simulator: prompts appear here; the PINs 0000 and 1234 are right)
    e-mails           {at.site}/dev/mail/   (what the product would have sent; SMS are on the phones)
    the admin         {at.site}/admin/
    the API           {at.site}/api/docs/
    health            {at.site}/health/ready

    log in as         client@malipo.test      other@malipo.test       finance@malipo.test   admin@malipo.test
                      therapist@malipo.test   therapist2@malipo.test  (all with the password malipo-demo)

    try a deposit     log in as client, deposit KES 1,000 from 0712 345 678, and enter PIN 1234 on its phone:
                      {at.phones}/phone/0712345678
                      0708 374 149 pays by itself, 0700 000 000 cancels, 0711 111 111 has too little money

    try a session     1 as client, book with Tabitha:     {at.site}/therapists/
                      2 as therapist, another window:     {at.site}/practice/   press Approve
                      3 as client again, it offers "Pay with M-Pesa"; pay, and watch the therapist's board change
                      4 read what both were told:         the bell, {at.site}/dev/mail/, the phone
                      client has a session in each state: {at.site}/sessions/
                      as admin, the payment beside each:  {at.site}/admin/sessions_booking/booking/
"""


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise Stopped


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        _run()
    except Stopped:
        pass
    except Unusable as refusal:
        sys.exit(f"\n{refusal}")


def _run() -> None:
    started = time.monotonic()
    RUN.mkdir(exist_ok=True)
    at = stack.ports()
    servers.lend()
    runner = Runner(stack.environment(at))
    try:
        runner.start(stack.simulator(at))  # needs no database
        runner.finish(stack.preparation())
        for part in stack.parts(at):
            runner.start(part)
        runner.wait_until_up([stack.simulator(at), *stack.parts(at)])
        print(table(at, time.monotonic() - started), flush=True)
        while True:
            runner.watch()
            time.sleep(0.3)
    finally:
        _stop(runner)


def _stop(runner: Runner) -> None:
    """A second Ctrl-C does not interrupt this: it takes a few seconds at most."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("\nStopping …", flush=True)
    runner.stop()
    servers.give_back()
    print("Everything is stopped.", flush=True)


if __name__ == "__main__":
    main()
