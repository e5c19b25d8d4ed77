"""Ending processes, and nobody else's."""

import subprocess
import sys

from dev import processes

# The child of the child names itself: while it is being started, it has a number but no arguments yet.
_SAYS_ITS_NUMBER = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
_HAS_A_CHILD = (
    f"import signal, subprocess, sys; subprocess.Popen([sys.executable, '-c', {_SAYS_ITS_NUMBER!r}]); signal.pause()"
)


def test_what_a_child_started_ends_with_it() -> None:
    child = processes.spawn([sys.executable, "-c", _HAS_A_CHILD], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout as said:
        grandchild = int(said.readline())
        assert processes.command_line(grandchild)
        processes.stop([child], patience_s=5)
        assert said.read() == b""  # its end of the pipe is closed: it has ended


def test_a_number_that_is_somebody_elses_by_now_is_left_alone() -> None:
    """A child has ended and was waited for; then a stranger gets its number, and leads a group of it."""
    stranger = processes.spawn(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ended = processes.spawn([sys.executable, "-c", ""])
    ended.wait()
    ended.pid = stranger.pid
    processes.stop([ended], patience_s=1)
    assert stranger.communicate(b"alive") == (b"alive", None)
