"""`make test`, interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from dev import processes
from dev.places import CHECKOUT

STANDS = """
import threading
def test_it():
    print("it stands", flush=True)
    threading.Event().wait()
"""


def test_ctrl_c_lets_pytest_have_the_last_word(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(STANDS)
    running = processes.spawn(
        [sys.executable, "-m", "dev.test", "-n0", "-s", "-p", "no:cacheprovider", test],
        cwd=CHECKOUT, env={**os.environ, "BROWSER": "no"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert running.stdout is not None
    with running.stdout as said:
        assert any(b"it stands" in line for line in said)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does, to all that it runs
        last_words = said.read().decode()
    assert "no tests ran in" in last_words.splitlines()[-1]
    assert "Traceback" not in last_words
    assert running.wait() == 2, "as pytest ended"
