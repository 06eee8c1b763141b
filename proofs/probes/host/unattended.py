"""Which archives unattended-upgrade(8) installs from, by its own configuration (its README, "Origins-Pattern")."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from proofs.errors import Indeterminate
from proofs.ports import HostChannel
from proofs.probes.host.apt import Archive

_ENTRY = re.compile(r'^Unattended-Upgrade::(Origins-Pattern|Allowed-Origins)::\S* "(.*)";$', re.MULTILINE)
_RELEASE = re.compile(r"^(ID|VERSION_CODENAME|VERSION_ID)=\"?([^\"\n]*)\"?$", re.MULTILINE)
_HEADERS = {
    **dict.fromkeys(("o", "origin"), "Origin"),
    **dict.fromkeys(("l", "label"), "Label"),
    **dict.fromkeys(("a", "suite", "archive"), "Suite"),
    **dict.fromkeys(("n", "codename"), "Codename"),
}
_UNSEEN = ("c", "component", "site")
"""What a pattern may ask for besides, and a list's headers do not tell."""


def uncovered(machine: HostChannel, archives: Sequence[Archive]) -> list[str]:
    """Names of the archives that no pattern lets upgrades be installed from.

    `Indeterminate` where that depends on what is not seen of an archive.
    """
    patterns = _patterns(machine)
    left: list[str] = []
    unsure: list[str] = []
    for archive in archives:
        answers = [_matches(pattern, archive) for pattern in patterns]
        if True not in answers:
            (unsure if None in answers else left).append(archive.name)
    if unsure and not left:
        raise Indeterminate(
            f"whether unattended-upgrade installs from {unsure[0][:100]!a} depends on more than was seen"
        )
    return left


def _patterns(machine: HostChannel) -> list[list[tuple[str, str]]]:
    system = dict(_RELEASE.findall(machine.command("os-release").stdout))
    known = {
        "distro_id": system.get("ID", "").capitalize(),
        "distro_codename": system.get("VERSION_CODENAME", ""),
        "distro_release": system.get("VERSION_ID", ""),
    }
    found = []
    for kind, text in _ENTRY.findall(machine.command("unattended-upgrade").stdout):
        entry = re.sub(r"\$\{(\w+)\}", lambda m: known.get(m[1], m[0]), text)
        if kind == "Allowed-Origins":
            origin, _, suite = entry.replace(":", " ", 1).partition(" ")
            entry = f"origin={origin},suite={suite}"
        pairs = (token.partition("=") for token in entry.split(","))
        found.append([(what.strip(), value.strip().replace("%2C", ",")) for what, _, value in pairs])
    return found


def _matches(pattern: Sequence[tuple[str, str]], archive: Archive) -> bool | None:
    """Whether all of a pattern holds of an archive; None where it depends on what is not seen."""
    headers: Mapping[str, str] = archive.headers
    seen = [(_HEADERS[what], glob) for what, glob in pattern if what in _HEADERS]
    if not seen or not all(fnmatchcase(headers.get(name, ""), glob) for name, glob in seen):
        return False
    others = [what for what, _ in pattern if what not in _HEADERS]
    if not others:
        return True
    return None if all(what in _UNSEEN for what in others) else False
