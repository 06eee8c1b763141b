"""Get a server's files from the distribution's own archive, without installing anything.

Mirror addresses, signing keys and proxies come from the machine's apt configuration (sources.list(5)), so a site's
own mirror just works and no host name stands here. Everything apt writes goes to a directory of ours, which makes
the whole thing work for an ordinary user too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from proofs.errors import ConfigurationError
from proofs.model import Engine

APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
NETWORK_LIMIT_S = 240


@dataclass(frozen=True, slots=True)
class Source:
    """One binary package source of apt: `deb [signed-by=…] uri suite component…`."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str | None = None

    def line(self) -> str:
        """The one-line form that apt reads."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{self.uri} {self.suite} {' '.join(self.components)}"


def parse_list(text: str) -> list[Source]:
    """Sources of a one-line-style file (`*.list`)."""
    found = []
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        match = re.fullmatch(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<rest>.*)", line)
        if match:
            options = dict(o.split("=", 1) for o in (match["options"] or "").split() if "=" in o)
            components = tuple(match["rest"].split())
            found.append(Source(match["uri"], match["suite"], components, options.get("signed-by")))
    return found


def parse_deb822(text: str) -> list[Source]:
    """Sources of a deb822-style file (`*.sources`); a stanza with several URIs or suites gives several."""
    found = []
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", lines):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields[key] = f"{fields.get(key, '')}\n{line.strip()}"
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        signed_by = fields.get("signed-by", "").strip()
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                # A key given inline (more than one line) cannot be named in one-line style; apt then
                # falls back on the machine's trusted keys.
                key_file = signed_by if signed_by.startswith("/") else None
                found.append(Source(uri, suite, tuple(fields.get("components", "").split()), key_file))
    return found


def machine_sources(apt: Path = APT) -> list[Source]:
    """Every binary source this machine's apt is configured with."""
    found: list[Source] = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix == ".list" and path.is_file():
            found += parse_list(path.read_text(encoding="utf-8", errors="replace"))
        elif path.suffix == ".sources" and path.is_file():
            found += parse_deb822(path.read_text(encoding="utf-8", errors="replace"))
    return found


def os_release(path: Path = OS_RELEASE) -> Mapping[str, str]:
    """The machine's os-release(5) fields; empty where there is no such file."""
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def distribution_sources(sources: Iterable[Source], release: Mapping[str, str]) -> list[Source]:
    """Those sources that are the distribution's own archive: its suites, its `main`, its archive key."""
    distribution, codename = release.get("ID", ""), release.get("VERSION_CODENAME", "")
    own = [
        s
        for s in sources
        if codename and (s.suite == codename or s.suite.startswith(f"{codename}-")) and "main" in s.components
    ]
    keyed = [s for s in own if s.signed_by and f"{distribution}-archive" in s.signed_by]
    return keyed or [s for s in own if s.signed_by is None and distribution in s.uri]


def wanted_sources(engine: Engine, sources: Iterable[Source], release: Mapping[str, str]) -> list[Source]:
    """Where the engine's packages are: Debian carries MySQL in `sid` only, everything else in its own suite."""
    own = distribution_sources(sources, release)
    if engine == "mysql" and release.get("ID") == "debian":
        codename = release.get("VERSION_CODENAME", "")
        return [Source(s.uri, "sid", ("main",), s.signed_by) for s in own if s.suite == codename][:1]
    return own


def unpack(engine: Engine, into: Path) -> None:
    """Download the engine's packages and all they need, and unpack them to the directory `into`.

    Raises `ConfigurationError` (one line that says what to install) where that can't be done.
    """
    instead = install_hint(engine)
    tools = ("apt-get", "apt-cache", "dpkg-deb")
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        raise ConfigurationError(f"no {engine} server found, and none can be fetched without {missing[0]}: {instead}")
    sources = wanted_sources(engine, machine_sources(), os_release())
    if not sources:
        raise ConfigurationError(f"no {engine} server found, and apt knows no archive of this distribution: {instead}")
    with tempfile.TemporaryDirectory(prefix="proofs-apt-") as scratch:
        apt = _Apt(Path(scratch), sources)
        try:
            apt.run("apt-get", "update")
            packages, extra = _packages(engine, apt)
            apt.run("apt-get", "install", "--yes", "--no-install-recommends", "--download-only", *packages)
            if extra:
                apt.run("apt-get", "download", *extra, cwd=apt.archives)
        except (subprocess.SubprocessError, OSError) as error:
            raise ConfigurationError(
                f"no {engine} server found, and fetching one failed ({_last_line(error)}): {instead}"
            ) from error
        into.mkdir(parents=True, exist_ok=True)
        for package in sorted(apt.archives.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", package, into], check=True, capture_output=True)


def install_hint(engine: Engine) -> str:
    """What a person can do when no server can be had."""
    variable = "PROOFS_MYSQLD" if engine == "mysql" else "PROOFS_MARIADBD"
    return f"install the package {engine}-server, or name a server with {variable}=/path/to/{_daemon(engine)}"


def _daemon(engine: Engine) -> str:
    return "mysqld" if engine == "mysql" else "mariadbd"


def _packages(engine: Engine, apt: _Apt) -> tuple[list[str], list[str]]:
    """Packages to fetch with all they depend on, and packages to fetch alone."""
    listed = apt.run("apt-cache", "search", "--names-only", f"^{engine}-server").splitlines()
    names = {line.split()[0] for line in listed if line.strip()}
    cores = sorted(name for name in names if name.startswith(f"{engine}-server-core"))
    if not cores:
        raise FileNotFoundError(f"the archive has no {engine}-server-core")
    # Ubuntu has its versions in the names. Plugins may be in the package without -core, whose own dependencies are
    # not needed.
    whole = cores[-1].replace("-core", "")
    return [cores[-1]], [whole] if whole in names else []


class _Apt:
    """apt, told to keep everything it writes in one directory and to look at nothing installed."""

    def __init__(self, directory: Path, sources: Iterable[Source]) -> None:
        self.archives = directory / "cache" / "archives"
        for each in (directory / "lists" / "partial", self.archives / "partial"):
            each.mkdir(parents=True)
        source_list = directory / "sources.list"
        source_list.write_text("".join(f"{s.line()}\n" for s in sources), encoding="utf-8")
        settings = {
            "Dir::State": directory,
            "Dir::State::lists": directory / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": directory / "cache",
            "Dir::Etc::sourcelist": source_list,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Log": directory,
            "Acquire::Languages": "none",
            "Acquire::Check-Valid-Until": "false",
            "Acquire::Retries": "2",
            "Debug::NoLocking": "1",
            "DPkg::Post-Invoke::": "",
            "APT::Update::Error-Mode": "any",
        }
        if os.geteuid() == 0:
            settings["APT::Sandbox::User"] = "root"
        self._options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]

    def run(self, tool: str, *arguments: str, cwd: Path | None = None) -> str:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            [tool, *self._options, *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=NETWORK_LIMIT_S,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout


def _last_line(error: Exception) -> str:
    text = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    return (str(text).strip().splitlines() or ["no message"])[-1]
