import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dev import processes, stack
from dev.places import CHECKOUT, Unusable


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server((processes.LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_busy_port_is_told_with_its_holder_and_the_way_out(taken: int) -> None:
    with processes.held_port() as free, pytest.raises(Unusable) as refusal:
        stack.ports({"PORT": str(free), "SIMULATOR_PORT": str(taken)}.get)
    assert str(refusal.value).startswith(f"Port {taken} is taken by process {os.getpid()}: ")
    assert str(refusal.value).endswith(f"make run SIMULATOR_PORT={taken + 1000}")


def test_a_port_that_is_held_is_nobody_elses_and_may_be_listened_on_again() -> None:
    with processes.held_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((processes.LOOPBACK, port))
        for _ in range(2):
            with socket.create_server((processes.LOOPBACK, port)) as server:
                socket.create_connection(server.getsockname()).close()
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind((processes.LOOPBACK, port))


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "８０００"])
def test_words_are_no_ports(text: str) -> None:
    with pytest.raises(Unusable, match="PORT must be a port number"):
        stack.ports({"PORT": text}.get)


def test_two_servers_need_two_ports() -> None:
    with pytest.raises(Unusable, match="two different ports"):
        stack.ports({"PORT": "8100"}.get)


def test_all_processes_agree_on_the_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPESA_BASE_URL", raising=False)
    monkeypatch.setenv("PUBLIC_URL", "https://tunnel.example")
    env = stack.environment(stack.Ports(web=9000, simulator=9100))
    assert env["MPESA_BASE_URL"] == env["SIMULATOR_URL"] == "http://127.0.0.1:9100"
    assert env["PUBLIC_URL"] == "https://tunnel.example"


def test_children_die_with_a_parent_that_is_killed() -> None:
    code = "import os, sys, time; from dev import processes; print(processes.spawn(['sleep', '60']).pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    handle = os.pidfd_open(child)
    parent.kill()
    parent.wait()
    assert wait_for_end(handle)


def wait_for_end(handle: int, seconds: float = 60) -> bool:
    ready, _, _ = select.select([handle], [], [], seconds)
    os.close(handle)
    return bool(ready)


def test_stopping_kills_what_does_not_listen() -> None:
    deaf = processes.spawn(["bash", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"], stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    with deaf.stdout:
        assert deaf.stdout.readline() == b"up\n"
    processes.stop([deaf], patience_s=0.3)
    assert deaf.returncode == -signal.SIGKILL
