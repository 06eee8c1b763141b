"""Where labs live and what is known about each: one directory per user, one lab directory per name."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from proofs.errors import ConfigurationError
from proofs.model import Engine

STATE_FILE = "state.json"
SOCKET = Path("run") / "mysqld.sock"
# sockaddr_un.sun_path has 108 bytes with its NUL (unix(7)).
SOCKET_PATH_LIMIT = 107


@dataclass(frozen=True, slots=True)
class LabState:
    """A lab that is up. `kept` ones stay until `down`; the others go with the last run that uses them.

    `born` is the server process's start time in kernel ticks: with the pid it names one process for good. A restart
    changes both.
    """

    name: str
    engine: Engine
    version: str
    deployment: str
    directory: Path
    port: int
    pid: int
    born: int
    sabotage: str | None
    started: str
    kept: bool
    ready: bool = True

    @property
    def socket(self) -> Path:
        """The server's unix socket."""
        return self.directory / SOCKET

    @property
    def alive(self) -> bool:
        """The server process still runs."""
        return process_birth(self.pid) == self.born

    def same_lab(self, other: LabState) -> bool:
        """Whether both are one lab, restarted or not: it keeps its name, its port and the time it came up."""
        return (self.name, self.port, self.started) == (other.name, other.port, other.started)


def home() -> Path:
    """The directory of this user's labs, made when missing; refused unless it is ours alone to write."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    path = Path(runtime) / "proofs" if runtime and Path(runtime).is_dir() else Path(f"/tmp/proofs-{os.geteuid()}")  # noqa: S108
    path.mkdir(mode=0o700, exist_ok=True)
    seen = path.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        raise ConfigurationError(f"{path}: belongs to somebody else; remove it or set XDG_RUNTIME_DIR")
    # The server may run as another user than root: it must be able to pass through, not to look around.
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return path


def directory(name: str) -> Path:
    """The run directory of the lab with this name; `ConfigurationError` for a name that cannot be one."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise ConfigurationError(f"lab name {name!r}: expected up to 40 of a-z, 0-9, '-' and '_'")
    path = home() / name
    if len(os.fsencode(path / SOCKET)) > SOCKET_PATH_LIMIT:
        raise ConfigurationError(f"{path}: too long for a unix socket path; set XDG_RUNTIME_DIR to a shorter one")
    return path


def write(state: LabState) -> None:
    """Record a lab, at once or not at all."""
    path = state.directory / STATE_FILE
    text = json.dumps({**asdict(state), "directory": str(state.directory)}, indent=1, sort_keys=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(path)


def read(name: str) -> LabState | None:
    """What is recorded about the lab with this name; None where there is none (or it never got so far)."""
    try:
        data = json.loads((directory(name) / STATE_FILE).read_text(encoding="utf-8"))
        return LabState(**{**data, "directory": Path(data["directory"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{directory(name) / STATE_FILE}: damaged ({error}); remove that directory") from error


def process_birth(pid: int) -> int | None:
    """Start time of a process in ticks since boot (proc_pid_stat(5), field 22); None if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def timestamp() -> str:
    """The present time, UTC, as it is recorded."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
