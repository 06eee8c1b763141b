"""What apt knows: archives by the headers of their lists, and the versions of installed packages that they hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from proofs.errors import Indeterminate
from proofs.model import ParameterValue
from proofs.ports import HostChannel
from proofs.probes.host.debian import version_key
from proofs.probes.host.packages import by_dpkg
from proofs.probes.transport.settings import texts

VERSION = re.compile(r"(?:[0-9]{1,9}:)?[0-9][A-Za-z0-9.+~-]{0,99}")
_LISTED = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9.+-]*)(?::[a-z0-9-]+)?/(?P<suites>\S*) (?P<version>\S+) (?P<architecture>\S+)(?: \[.*\])?"
)
"""As `apt list` prints a version: the suites it is in, `now` for the one that is installed."""
_NOW = "now"
_CODENAME = re.compile(r"^(?:VERSION|UBUNTU)_CODENAME=\"?([A-Za-z0-9.-]+)\"?$", re.MULTILINE)
_NUMBERED = re.compile(r"^VERSION_ID=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that apt has lists of: header → value (Origin, Label, Suite, Codename, Version, Date)."""

    headers: Mapping[str, str]

    @property
    def name(self) -> str:
        """`Label:Version/Suite`, or `Label:Suite` for one without a version, as apt-get(8) --simulate shows it."""
        version = f"{self.headers['Version']}/" if "Version" in self.headers else ""
        return f"{self.headers.get('Label')}:{version}{self.suite}"

    @property
    def release(self) -> tuple[str, str]:
        """Origin and release: those of `trixie-security` and `trixie` are the same."""
        return self.headers.get("Origin", ""), self.headers.get("Codename", "").partition("-")[0]

    @property
    def suite(self) -> str:
        """What `apt list` calls it."""
        return self.headers.get("Suite", "unknown")


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package, and the versions of it that are known: (version, suites that hold it)."""

    name: str
    installed: str
    suites: frozenset[str]
    others: tuple[tuple[str, frozenset[str]], ...]

    @property
    def newer_in(self) -> frozenset[str]:
        """Suites that hold a newer version."""
        held = (suites for version, suites in self.others if version_key(version) > version_key(self.installed))
        return frozenset().union(*held)

    def newer(self, suites: Collection[str]) -> str | None:
        """The newest version beyond the installed one in one of these suites; None if there is none."""
        found = [version for version, held in self.others if held.intersection(suites)]
        newest = max(found, key=version_key, default=self.installed)
        return newest if version_key(newest) > version_key(self.installed) else None


def need_apt(machine: HostChannel) -> None:
    """`Indeterminate` for a system whose packages are not dpkg's."""
    if not by_dpkg(machine):
        raise Indeterminate("updates are known of systems with apt only")


def archives(machine: HostChannel) -> list[Archive]:
    """Every archive that apt has lists of."""
    need_apt(machine)
    files: dict[str, dict[str, str]] = {}
    for line in machine.command("apt-archives").lines:
        file, _, header = line.partition(":")
        name, _, value = header.partition(": ")
        files.setdefault(file, {}).setdefault(name, value.strip())
    return [Archive(headers) for headers in files.values()]


def security(machine: HostChannel, params: Mapping[str, ParameterValue]) -> list[Archive]:
    """Archives of security updates for this very release of the system: parameter `security_archives`, os-release(5).

    `Indeterminate` without any: then nothing would ever be pending. A system without a number (Debian's sid) is of no
    release, so there every archive counts.
    """
    known = archives(machine)
    named = [each for each in known if any(fnmatchcase(each.name, glob) for glob in texts(params, "security_archives"))]
    if not named:
        shown = ", ".join(sorted(each.name for each in known))[:300]
        raise Indeterminate(f"none of apt's sources is one of security updates: {shown!a} (security_archives)")
    system = machine.command("os-release").stdout
    if not _NUMBERED.search(system):
        return named
    codenames = set(_CODENAME.findall(system))
    if not codenames:
        raise Indeterminate(
            "/etc/os-release does not name the release (VERSION_CODENAME), so its archives are not known"
        )
    found = [each for each in named if each.release[1] in codenames]
    if not found:
        shown = ", ".join(f"{each.name} ({each.headers.get('Codename')})" for each in named)[:300]
        raise Indeterminate(
            f"apt's security updates are another release's than {'/'.join(sorted(codenames))}: {shown!a}"
        )
    return found


def packages(machine: HostChannel) -> Sequence[Package]:
    """Every installed package. `Indeterminate` for lines of another form, and where none is shown."""
    need_apt(machine)
    installed: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
    others: dict[tuple[str, str], list[tuple[str, frozenset[str]]]] = {}
    for line in machine.command("apt-versions").lines:
        if line == "Listing...":
            continue
        found = _LISTED.fullmatch(line)
        if found is None or not VERSION.fullmatch(found["version"]):
            raise Indeterminate(f"apt answered in another format: {line[:200]!a}")
        key, suites = (found["name"], found["architecture"]), frozenset(found["suites"].split(","))
        if _NOW in suites:
            installed[key] = found["version"], suites - {_NOW}
        else:
            others.setdefault(key, []).append((found["version"], suites))
    if not installed:
        raise Indeterminate("apt shows no installed package")
    return [Package(key[0], *facts, tuple(others.get(key, ()))) for key, facts in installed.items()]
