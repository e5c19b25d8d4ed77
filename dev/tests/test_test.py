"""`make test`, interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from dev import processes
from dev.places import CHECKOUT
from tests.stack import until

STANDS = """
import pathlib, threading
def test_it():
    pathlib.Path({sign!r}).touch()
    threading.Event().wait()
"""


def test_ctrl_c_lets_pytest_have_the_last_word(tmp_path: Path) -> None:
    sign, test = tmp_path / "sign", tmp_path / "test_it.py"
    test.write_text(STANDS.format(sign=str(sign)))
    running = processes.spawn(
        [sys.executable, "-m", "dev.test", "-n0", "-p", "no:cacheprovider", test],
        cwd=CHECKOUT, env={**os.environ, "BROWSER": "no"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    until(sign.exists, what="the test to begin")
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does, to all that it runs
    said = running.communicate()[0].decode()
    assert "no tests ran in" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert running.returncode == 2, "as pytest ended"
