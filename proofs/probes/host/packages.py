"""Which packages hold the server's program, and what of their files differs, by dpkg(1) or rpm(8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.ports import HostChannel

_DIFFERENCE = re.compile(r"(?P<marks>missing|[SM5DLUGTPC.?]{8,10}) +(?:(?P<kind>[cdglr]) )? *(?P<path>/.+)")
_BY_DPKG = re.compile(r"^ID(?:_LIKE)?=\"?(?:[a-z]+ )*(debian|ubuntu)\b", re.MULTILINE)
_LISTED = re.compile(r"[a-z]i[ ]+(?P<name>[a-z0-9][a-z0-9.+-]*)(?::\S+)? +(?P<version>[0-9]\S*) ")
"""A line of `dpkg-query --list` for a package that is installed, whatever is wanted of it."""
_RELATED = re.compile(r"(mysql|mariadb|percona)-(server|plugin|common)")
_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+")


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package, its version as the packager wrote it, and which of the server's programs it holds."""

    name: str
    version: str
    programs: tuple[str, ...]
    tool: str

    def differences(self, machine: HostChannel) -> Sequence[tuple[str, str]]:
        """(marks, path) of each file whose content, kind or capabilities are not as they were installed.

        Left aside are configuration (c), files that a package names and does not bring (g), and of rpm's marks owner,
        mode and time, which differ on sound hosts (rpm(8), Verify Options). `Indeterminate` where the database holds
        no checksums of the package, for then nothing would ever differ.
        """
        witness = "dpkg-checksums" if self.tool == "dpkg" else "rpm-files"
        if not machine.command(witness, package=self.name).lines:
            raise Indeterminate(f"the host has no checksums of the package {self.name}")
        found = []
        for line in machine.command(f"{self.tool}-verify", package=self.name).lines:
            match = _DIFFERENCE.fullmatch(line)
            if not match:
                raise Indeterminate(f"{self.tool} answered in another format: {line[:160]!a}")
            if match["kind"] not in ("c", "g") and (match["marks"] == "missing" or self._altered(match["marks"])):
                found.append((match["marks"], match["path"]))
        return found

    def _altered(self, marks: str) -> bool:
        # To dpkg a question mark is what it does not check, to rpm what it could not.
        return bool(set(marks) & set("5SLDP" if self.tool == "dpkg" else "5SLDP?"))


def installed(machine: HostChannel) -> list[Package]:
    """The server's packages, at least one of which holds its program. `Indeterminate` where none does."""
    found = _of_dpkg(machine) if by_dpkg(machine) else _of_rpm(machine)
    if not found:
        raise Indeterminate("no installed package holds a server's program, so there is nothing to hold it against")
    return found


def by_dpkg(machine: HostChannel) -> bool:
    """Whether the system's packages are dpkg's: os-release(5), Debian and what is like it."""
    return _BY_DPKG.search(machine.command("os-release").stdout) is not None


def listed(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and version of each installed package in what `dpkg-query --list` printed."""
    for line in lines:
        if match := _LISTED.match(line):
            yield match["name"], match["version"]


def _of_dpkg(machine: HostChannel) -> list[Package]:
    programs: dict[str, list[str]] = {}
    for line in machine.command("dpkg-owners").lines:
        owners, _, path = line.partition(": ")
        for owner in () if owners.startswith("diversion ") else owners.split(", "):
            programs.setdefault(owner.partition(":")[0], []).append(path)
    found = []
    for name, version in listed(machine.command("dpkg-list").lines):
        if name in programs or _RELATED.match(name):
            found.append(Package(name, version, tuple(programs.get(name, ())), "dpkg"))
    return found if any(package.programs for package in found) else []


def _of_rpm(machine: HostChannel) -> list[Package]:
    found = []
    for line in sorted(set(machine.command("rpm-owners").lines)):
        match = None if " " in line else _RPM.fullmatch(line)
        if match:
            files = tuple(machine.command("rpm-files", package=match["name"]).lines)
            found.append(Package(match["name"], match["version"], files, "rpm"))
    return found
