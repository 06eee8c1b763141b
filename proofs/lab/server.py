"""One server process: data directory, start, readiness, end."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypedDict

from proofs.errors import ChannelError, ConfigurationError
from proofs.lab.deployment import Options
from proofs.lab.engines import Server, cache_directory, cache_room
from proofs.lab.files import Owner
from proofs.lab.locks import locked
from proofs.lab.state import process_birth

START_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0
_POLL_S = 0.01
_children: dict[int, subprocess.Popen[bytes]] = {}

# What mysql_install_db does for MariaDB, without its shell: no anonymous account, no test schema.
_MARIADB_PRELUDE = """create database mysql;
use mysql;
set @auth_root_socket=NULL;
set @skip_auth_anonymous=1;
set @current_hostname='';
"""
# A bootstrapped root's password counts as changed in 1970; the deployment gives it the default lifetime back.
_MARIADB_EPILOGUE = "\nupdate mysql.global_priv set priv=json_set(priv, '$.password_lifetime', 0) where user='root';\n"
_MARIADB_TABLES = ("system_tables.sql", "performance_tables.sql", "system_tables_data.sql")
_MYSQL_KEY_MAKERS = (
    "auto_generate_certs",
    "caching_sha2_password_auto_generate_rsa_keys",
    "loose_sha256_password_auto_generate_rsa_keys",
)


def data_directory(server: Server, storage: Options, owner: Owner | None, into: Path) -> None:
    """Put a freshly initialised data directory at `into`: a copy of a cached one, made on first use.

    The cache is by engine, version and storage options; copies share blocks where the file system can.
    """
    key = hashlib.sha256(repr((server.version, sorted(storage.items()), owner)).encode()).hexdigest()[:16]
    template = cache_directory() / "data" / f"{server.engine}-{server.version}-{key}"
    try:
        templates = cache_room("data")
        with locked(templates / f"{template.name}.lock"):
            if not template.is_dir():
                prefix = f".{template.name}-"
                for abandoned in templates.glob(f"{prefix}*"):
                    shutil.rmtree(abandoned)
                building = Path(tempfile.mkdtemp(prefix=prefix, dir=templates))
                try:
                    building.chmod(0o711)
                    _initialise(server, storage, owner, building / "data")
                    (building / "data").rename(template)
                finally:
                    shutil.rmtree(building, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", template, into], check=True, capture_output=True)
        (into / "auto.cnf").unlink(missing_ok=True)  # MySQL's server UUID: each lab makes its own
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigurationError(f"cannot make a data directory from {template}: {error}") from error


def start(server: Server, option_file: Path, error_log: Path, owner: Owner | None) -> int:
    """Start the server, detached from our terminal and process group; its pid."""
    arguments = [*server.command, f"--defaults-file={option_file}", *server.arguments]
    with error_log.open("ab") as log:  # the same file that the option file names: words before and after it is read
        if owner:
            os.fchown(log.fileno(), owner.uid, owner.gid)
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,  # Ctrl-C in our terminal is not for the server
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            **_as(owner),
        )
    _children[child.pid] = child
    return child.pid


def await_ready(pid: int, unix_socket: Path, error_log: Path, limit_s: float = START_LIMIT_S) -> None:
    """Wait until the server greets on its socket; `ChannelError` with its last words if it ends or takes too long."""
    deadline = time.monotonic() + limit_s
    while not _greets(unix_socket):
        if process_birth(pid) is None:
            raise ChannelError(f"the lab's server ended while starting: {last_words(error_log)}")
        if time.monotonic() > deadline:
            raise ChannelError(f"the lab's server did not answer within {limit_s:g} s: {last_words(error_log)}")
        time.sleep(_POLL_S)


def companion(module: str, lab: str, pid: int) -> subprocess.Popen[bytes]:
    """`python -m MODULE LAB PID`: a process beside the lab's server `pid`, which outlives whoever started it."""
    return subprocess.Popen(
        [sys.executable, "-m", module, lab, str(pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def adopt(child: subprocess.Popen[bytes]) -> None:
    """Remember a process started here, so that `kill` leaves nothing of it."""
    _children[child.pid] = child


def kill(pid: int, born: int) -> None:
    """End a lab's process at once and wait until it is gone: its data are thrown away, so there is nothing to flush."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if process_birth(pid) == born:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                select.select([handle], [], [], 10)
        finally:
            os.close(handle)
    child = _children.pop(pid, None)
    if child:
        child.wait()


def stop(pid: int, born: int, limit_s: float = STOP_LIMIT_S) -> None:
    """Ask the server to end and wait until it has; its data stay. Raises `ChannelError` if it takes too long."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if process_birth(pid) == born:
                signal.pidfd_send_signal(handle, signal.SIGTERM)
                if not select.select([handle], [], [], limit_s)[0]:
                    raise ChannelError(f"the lab's server did not end within {limit_s:g} s")
        finally:
            os.close(handle)
    child = _children.pop(pid, None)
    if child:
        child.wait()


def clients(port: int) -> int:
    """TCP connections of clients that this server has right now (proc(5), /proc/net/tcp: state 01 is established)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[3] == "01" and int(row[1].rpartition(":")[2], 16) == port)


def last_words(error_log: Path, lines: int = 3) -> str:
    """The last errors (else lines) of the server's log, on one line."""
    try:
        text = error_log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return f"it wrote no log ({error_log})"
    errors = [line for line in text if "[ERROR]" in line or "[Error]" in line]
    return " | ".join((errors or text)[-lines:]) or "its log is empty"


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Loopback TCP ports free right now, held until the block is left: just before the server takes them."""
    held = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        yield [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def _greets(unix_socket: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(unix_socket))
            return len(probe.recv(5)) == 5
        except OSError:
            return False


def _initialise(server: Server, storage: Options, owner: Owner | None, into: Path) -> None:
    into.mkdir(mode=0o700)
    if owner:
        os.chown(into, owner.uid, owner.gid)
    layout = [f"--{key}={value}" for key, value in storage.items()]
    common = [*server.command, "--no-defaults", *server.arguments, f"--datadir={into}", "--secure-file-priv=", *layout]
    if server.engine == "mysql":
        # Without these, key pairs would be left in the data directory, the same ones in every lab.
        no_keys = [f"--{key}=OFF" for key in _MYSQL_KEY_MAKERS]
        arguments, script = [*common, "--initialize-insecure", "--skip-log-bin", *no_keys], ""
    else:
        arguments = [*common, "--bootstrap", "--enforce-storage-engine="]
        # MariaDB 11 has them as mariadb_*.sql.
        prefix = "mariadb" if (server.share / "mariadb_system_tables.sql").is_file() else "mysql"
        tables = [(server.share / f"{prefix}_{name}").read_text(encoding="utf-8") for name in _MARIADB_TABLES]
        script = _MARIADB_PRELUDE + "\n".join(tables) + _MARIADB_EPILOGUE
    try:
        done = subprocess.run(
            arguments,
            check=False,
            input=script.encode(),
            capture_output=True,
            cwd="/",
            timeout=START_LIMIT_S,
            **_as(owner),
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"initialising {server.engine} took over {START_LIMIT_S:g} s") from error
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()[-2:]
        raise ConfigurationError(f"initialising {server.engine} failed ({done.returncode}): {' | '.join(words)}")


class _RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _as(owner: Owner | None) -> _RunAs:
    return {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
