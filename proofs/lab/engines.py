"""Find a database server to run: named by the user, installed, or unpacked from the distribution's archive."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from proofs.errors import ConfigurationError
from proofs.lab.archive import unpack
from proofs.lab.locks import locked
from proofs.model import Engine

VARIABLES: dict[Engine, str] = {"mysql": "PROOFS_MYSQLD", "mariadb": "PROOFS_MARIADBD"}
_NAMES: dict[Engine, tuple[str, ...]] = {"mysql": ("mysqld",), "mariadb": ("mariadbd", "mysqld")}
_PT_INTERP = 3
APPARMOR = Path("/etc/apparmor.d")
# Daemons live in sbin, which an ordinary user's PATH need not hold.
_SBIN = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/opt/mysql/bin")


@dataclass(frozen=True, slots=True)
class Server:
    """A server program that can be started: `command` is its argv prefix, `share` its SQL and messages."""

    engine: Engine
    version: str
    command: tuple[str, ...]
    basedir: Path
    unpacked: bool

    @property
    def share(self) -> Path:
        """Directory of the error messages and of the SQL that makes the system tables."""
        for name in ("mysql", "mariadb"):
            if (self.basedir / "share" / name / "english").is_dir():
                return self.basedir / "share" / name
        return self.basedir / "share"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Options that tell the server where its own files are."""
        located = [f"--basedir={self.basedir}", f"--lc-messages-dir={self.share}"]
        plugins = self.basedir / "lib" / "mysql" / "plugin"
        if self.unpacked and plugins.is_dir():
            located.append(f"--plugin-dir={plugins}")
        if self.unpacked:
            located.append(f"--character-sets-dir={self.share / 'charsets'}")
        return tuple(located)


def cache_directory() -> Path:
    """Where unpacked servers and initialised data directories are kept, outside any repository."""
    if os.geteuid() == 0:
        return Path("/var/cache/proof-of-controls")
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "proof-of-controls"


def cache_room(name: str) -> Path:
    """A directory of the cache, made when missing; root's can be passed by the server's user, whatever the umask."""
    room = cache_directory() / name
    room.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for each in (room.parent, room):
            each.chmod(0o755)
    return room


def find(engine: Engine) -> Server:
    """A server of this engine; fetched and unpacked on first use.

    Raises `ConfigurationError`: the named program isn't such a server, or none can be had (says what to install).
    """
    named = os.environ.get(VARIABLES[engine])
    if named:
        return _named(engine, Path(named))
    for name in _NAMES[engine]:
        where = os.pathsep.join((os.environ.get("PATH", ""), *_SBIN))
        program = shutil.which(name, path=where)
        if program and (server := _installed(engine, Path(program))):
            return server
    return _unpacked(engine)


def parse_version(text: str) -> tuple[Engine, str] | None:
    """Engine and version of a `--version` line; MariaDB's daemon is often called mysqld, so the name says nothing."""
    match = re.search(r"Ver (\d+\.\d+\.\d+)(\S*)", text)
    if not match:
        return None
    return ("mariadb" if "MariaDB" in text else "mysql"), match[1]


def _named(engine: Engine, program: Path) -> Server:
    variable = VARIABLES[engine]
    if not (program.is_file() and os.access(program, os.X_OK)):
        raise ConfigurationError(f"{variable}: {program} is not a program; name the {engine} server's own file")
    server = _installed(engine, program)
    if server is None:
        said = _said([str(program)]).strip().splitlines() or ["nothing"]
        raise ConfigurationError(f"{variable}: {program} --version does not tell of a {engine} server, but: {said[-1]}")
    return server


def _installed(engine: Engine, program: Path) -> Server | None:
    found = _version([str(program)])
    if found is None or found[0] != engine:
        return None
    # AppArmor confines an installed server, by its path, to the system's own directories. Started by its loader,
    # unprivileged as it is, it may use ours.
    loader = interpreter(program) if _confined(program) else None
    command = (loader, str(program)) if loader else (str(program),)
    return Server(engine, found[1], command, program.resolve().parent.parent, unpacked=False)


def _confined(program: Path) -> bool:
    profile = APPARMOR / str(program.resolve()).lstrip("/").replace("/", ".")
    return profile.is_file()


def interpreter(program: Path) -> str | None:
    """The loader that a dynamically linked 64-bit ELF program names (elf(5): the PT_INTERP segment), if it does."""
    with program.open("rb") as stream:
        header = stream.read(64)
        if len(header) < 64 or header[:5] != b"\x7fELF\x02":
            return None
        order: Literal["<", ">"] = "<" if header[5] == 1 else ">"
        (table,) = struct.unpack_from(f"{order}Q", header, 32)
        size, count = struct.unpack_from(f"{order}HH", header, 54)
        for number in range(count):
            stream.seek(table + number * size)
            kind, _flags, offset, _virtual, _physical, length = struct.unpack(f"{order}IIQQQQ", stream.read(40))
            if kind == _PT_INTERP:
                stream.seek(offset)
                return stream.read(length).rstrip(b"\0").decode()
    return None


def _version(command: list[str]) -> tuple[Engine, str] | None:
    return parse_version(_said(command))


def _said(command: list[str]) -> str:
    """What the program answers to --version, or why it doesn't."""
    try:
        done = subprocess.run(
            [*command, "--no-defaults", "--version"], check=False, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout if done.returncode == 0 else done.stderr


def _unpacked(engine: Engine) -> Server:
    root = cache_directory() / "servers" / engine
    servers = root.parent
    try:
        cache_room("servers")
        with locked(servers / f"{engine}.lock"):
            if not root.is_dir():
                for abandoned in servers.glob(f".{engine}-*"):
                    shutil.rmtree(abandoned)
                building = Path(tempfile.mkdtemp(prefix=f".{engine}-", dir=servers))
                try:
                    unpack(engine, building)
                    building.chmod(0o755)  # an unprivileged server must be able to read it when root unpacked it
                    building.rename(root)
                finally:
                    shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"cannot keep an unpacked {engine} server under {servers}: {error}") from error
    return _in_tree(engine, root)


def _in_tree(engine: Engine, root: Path) -> Server:
    """The server in an unpacked tree, started by that tree's own loader and libraries (any architecture)."""
    loaders = sorted(p for d in ("usr/lib", "lib") for p in (root / d).glob("*/ld*.so.*") if p.name[:5] in _LOADERS)
    daemons = [root / "usr" / "sbin" / name for name in _NAMES[engine]]
    program = next((p for p in daemons if p.is_file()), None)
    if not loaders or program is None:
        raise ConfigurationError(f"{root}: not a complete {engine} server; remove that directory and run again")
    triplet = loaders[0].parent.name
    libraries = [root / d / triplet for d in ("usr/lib", "lib") if (root / d / triplet).is_dir()]
    path = ":".join(str(p) for p in libraries)
    command = (str(loaders[0]), "--library-path", path, str(program))
    found = _version(list(command))
    if found is None or found[0] != engine:
        raise ConfigurationError(f"{program}: does not run here; remove {root} and run again, or {VARIABLES[engine]}=…")
    return Server(engine, found[1], command, root / "usr", unpacked=True)


_LOADERS = ("ld-li", "ld64.", "ld.so")
