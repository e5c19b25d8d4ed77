"""The lines of production say what README.md and `make run` say, and what a server does without its flags is kept off."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from config import schedule
from dev import processes, procfile, stack
from dev.places import CHECKOUT


def test_a_line_is_a_command_its_variables_and_a_port() -> None:
    hooks = procfile.process("hooks", "--workers", 1, port=8010)
    assert hooks.env == {"HOOKS_ONLY": "on"}
    assert hooks.command[0].endswith("/bin/granian")
    assert hooks.command[hooks.command.index("--port") + 1] == "8010"
    assert hooks.command[-2:] == ["--workers", "1"]
    with pytest.raises(KeyError):
        procfile.process("mails")


def test_the_readme_names_all_of_them_and_no_others() -> None:
    table = (CHECKOUT / "README.md").read_text().partition("| process |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE) == list(procfile.lines())


def test_each_queue_has_its_worker_as_large_as_in_development() -> None:
    workers = {name: procfile.process(name).command for name in schedule.QUEUES}
    sizes = {
        command[command.index("-Q") + 1]: int(command[command.index("--concurrency") + 1])
        for command in workers.values()
    }
    assert sizes == stack.WORKERS
    assert set(workers) == set(sizes)


@pytest.mark.parametrize("name", ["pages", "hooks"])
def test_a_stop_ends_also_where_a_worker_does_not_hear_it(name: str) -> None:
    command = procfile.process(name).command
    assert 1 <= int(command[command.index("--workers-kill-timeout") + 1]) <= 60


@pytest.fixture(params=["pages", "hooks"])
def silent(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A caller of a server that nobody asks anything: any callable will do for the product."""
    port = processes.free_port()
    *command, _ = procfile.process(request.param, port=port).command
    once = ["--workers", "1", "--http1-header-read-timeout", "100", "--no-log", "json:loads"]
    server = processes.spawn([*command, *once], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connected(server, port) as caller:
            yield caller
    finally:
        processes.stop([server], patience_s=10)


def connected(server: "subprocess.Popen[bytes]", port: int) -> socket.socket:
    ends = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection((processes.LOOPBACK, port), timeout=60)
        except ConnectionRefusedError:
            assert time.monotonic() < ends
            assert server.poll() is None
            time.sleep(0.02)


@pytest.mark.requirement("CB-1")
def test_who_connects_and_says_nothing_is_hung_up_on(silent: socket.socket) -> None:
    """Not so where the server guesses which HTTP it will be (without --http 1): it waits for a first byte for ever."""
    assert silent.recv(1) == b""
