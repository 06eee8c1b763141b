"""How far a clock is off, by what chrony and systemd-timesyncd tell. An error that is not known is no small one."""

from __future__ import annotations

import re

from proofs.errors import Indeterminate
from proofs.ports import HostChannel

_NUMBER = re.compile(r"[-+]?[0-9]{1,12}(?:\.[0-9]{1,12})?")
_FIELDS = 14
_LOCAL = "7F7F0101"
_ROW = re.compile(r"\s*(?P<name>[A-Z][A-Za-z ]*): (?P<value>.*\S)\s*")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(us|ms|s|min|h|d)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def agree(what: str, offset: float, uncertainty: float, most: float) -> None:
    """Fails where a clock is certainly off by more than `most` seconds; `Indeterminate` where it only may be."""
    said = f"{what}: off by {offset:+.6f} s, give or take {uncertainty:.6f} s; at most {most:g} s are allowed"
    assert abs(offset) - uncertainty <= most, said
    if not abs(offset) + uncertainty <= most:
        raise Indeterminate(said)


def chrony(machine: HostChannel, most: float) -> None:
    """chronyd follows a source, and the clock is within `most` seconds of true time.

    chronyc(1), tracking: an absolute bound of the clock's error is |system time| + root dispersion + root delay / 2;
    stratum 0 is no source. chrony.conf(5), local: reference 127.127.1.1 (7F7F0101) is the host's own clock.
    """
    answer = machine.command("chrony-tracking")
    fields = answer.stdout.strip().split(",")
    if answer.status != 0 or len(fields) != _FIELDS:
        raise Indeterminate(f"chronyc does not tell how chronyd tracks: {(answer.stdout or answer.stderr)[:200]!a}")
    reference, stratum, leap = fields[0], _number(fields[2]), fields[13]
    where = f"reference {reference[:20]!a}, stratum {stratum:.0f}"
    assert leap != "Not synchronised", f"chronyd is not synchronised ({where})"
    if leap not in ("Normal", "Insert second", "Delete second"):
        raise Indeterminate(f"chronyc tells of another leap status: {leap[:60]!a}")
    assert reference != _LOCAL, f"chronyd follows the host's own clock, no source of time ({where})"
    assert 1 <= stratum <= 15, f"chronyd follows no source that is synchronised ({where})"
    agree("the clock, by chronyd", _number(fields[4]), _number(fields[11]) + _number(fields[10]) / 2, most)


def timesyncd(machine: HostChannel, most: float) -> None:
    """systemd-timesyncd has synchronised the clock, which is within `most` seconds of its server's time.

    timedatectl(1): NTPSynchronized; timesync-status shows offset and root distance of the last answer.
    """
    settings = dict(line.partition("=")[::2] for line in machine.command("time-settings").lines)
    assert settings.get("NTPSynchronized") == "yes", f"NTPSynchronized is {settings.get('NTPSynchronized')!a}"
    rows = [_ROW.fullmatch(line) for line in machine.command("timesyncd-status").lines]
    shown = {row["name"]: row["value"] for row in rows if row}
    if "Server" not in shown:
        raise Indeterminate("timedatectl does not show the status of systemd-timesyncd")
    assert "Offset" in shown, f"systemd-timesyncd has no answer of its server {shown['Server'][:100]!a}"
    assert shown.get("Leap") != "not synchronized", f"the server {shown['Server'][:100]!a} is not synchronised itself"
    stratum = _number(shown.get("Stratum", ""))
    assert 1 <= stratum <= 15, f"the server {shown['Server'][:100]!a} follows no source (stratum {stratum:.0f})"
    distance = shown.get("Root distance", "").partition(" (")[0]
    agree("the clock, by systemd-timesyncd", _span(shown["Offset"]), _span(distance), most)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise Indeterminate(f"no number where one is expected: {text[:60]!a}")
    return float(text)


def _span(text: str) -> float:
    """Seconds of a time span with a sign, as systemd.time(7) writes it: `-1min 2.5s`, `+140us`, `0`."""
    body = text.lstrip("+-")
    parts = [_PART.fullmatch(word) for word in body.split()]
    if body == "0":
        return 0.0
    if not parts or None in parts:
        raise Indeterminate(f"timedatectl shows a time span in another form: {text[:60]!a}")
    seconds = sum(float(part[1]) * _UNITS[part[2]] for part in parts if part)
    return -seconds if text.startswith("-") else seconds
