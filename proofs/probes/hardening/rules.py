"""Judgements of the hardening probes as pure functions: values in, findings out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proofs.model import Engine, ParameterValue

NOT_DEDICATED = frozenset({"/", "/tmp", "/var/tmp", "/etc", "/home", "/root", "/usr", "/var", "/var/lib", "/dev/shm"})  # noqa: S108
"""Directories that hold other things than files for the database."""
OF_THE_SYSTEM = ("/etc", "/usr", "/bin", "/sbin", "/lib", "/boot", "/dev", "/proc", "/sys", "/root")
"""Below these nothing is a directory for the database's files, however deep."""


def names(value: ParameterValue) -> tuple[str, ...]:
    """A parameter of type string-list as a tuple."""
    return value if isinstance(value, tuple) else ()


def on(value: str | None) -> bool | None:
    """A boolean variable as the server spells it; None where there is none, or it is no boolean."""
    return {"ON": True, "1": True, "OFF": False, "0": False}.get((value or "").upper())


def switched_off(secure_file_priv: str | None, engine: Engine) -> bool:
    """Whether reading and writing files is switched off altogether.

    MySQL's NULL does that, and `@@secure_file_priv` shows it as the text NULL (seen on 9.7). MariaDB knows no such
    NULL: what it shows as NULL is an option that was not given, so files are read anywhere.
    """
    return engine == "mysql" and (secure_file_priv is None or secure_file_priv.upper() == "NULL")


def unconfined(
    value: str | None, engine: Engine, *, apart_from: Sequence[str | None], allowed: Sequence[str] = ()
) -> str | None:
    """Why a `secure_file_priv` does not confine files; None if it does.

    `apart_from`: directories (data, plugins, keys) that must lie neither in it nor around it.
    """
    if switched_off(value, engine):
        return None
    if not value:
        return "it is empty, so SQL reads and writes files anywhere"
    path = _directory(value)
    others = [other for other in apart_from if other and other.startswith("/")]
    overlapping = [other for other in others if path.startswith("/") and (_inside(other, path) or _inside(path, other))]
    reasons = (
        (bool(allowed) and path not in map(_directory, allowed), "is not one of the allowed directories"),
        (not path.startswith("/"), "is not an absolute path"),
        (path in NOT_DEDICATED, "is not a directory of its own"),
        (bool(overlapping), f"overlaps with {', '.join(map(ascii, overlapping))}"),
        (path.startswith("/") and any(_inside(path, each) for each in OF_THE_SYSTEM), "lies among the system's files"),
    )
    return next((f"{path!a} {reason}" for holds, reason in reasons if holds), None)


def missing_modes(mode: str, required: Iterable[str]) -> list[str]:
    """The required SQL modes that a mode lacks."""
    have = {part.strip().upper() for part in mode.split(",")}
    return [wanted for wanted in required if wanted.upper() not in have]


def unapproved(found: Iterable[str], approved: Iterable[str]) -> list[str]:
    """What was found and is not approved, each once, without regard to case."""
    known = {name.lower() for name in approved}
    return sorted({name for name in found if name.lower() not in known})


@dataclass(frozen=True, slots=True)
class Drift:
    """Where a variable stands: its running value, whether that was set at run time, and the value that is persisted.

    `running` None: the server has no such variable. `by`: who set it when, in words for the finding. `from_file`: the
    running value was read from an option file.
    """

    running: str | None
    set_at_run_time: bool
    persisted: str | None
    by: str = ""
    from_file: bool = False


def drifts(values: Mapping[str, Drift], options: Mapping[str, str] | None) -> list[str]:
    """What would differ after a restart, one finding a variable.

    `options`: what the option files hold now, None where they can't be seen. A persisted value outranks them (MySQL
    Reference Manual, "Persisted System Variables"). A variable that no option file names keeps its origin
    (command line, compiled in), unless it was set at run time.
    """
    findings = []
    for name, value in sorted(values.items()):
        planned = value.persisted if value.persisted is not None else _planned(name, options)
        if planned is None and value.set_at_run_time:
            findings.append(f"{name} is {value.running!a}, set at run time{value.by} and nowhere kept")
        elif planned is not None and not agree(value.running, planned, name):
            source = "persisted" if value.persisted is not None else "in the option files"
            findings.append(f"{name} is {value.running!a}, {planned!a} {source}")
    return findings


def forgotten(values: Mapping[str, Drift], options: Mapping[str, str] | None) -> list[str]:
    """Variables whose value came from an option file that does not name them any more."""
    return sorted(
        name
        for name, value in values.items()
        if options is not None and value.from_file and value.persisted is None and _planned(name, options) is None
    )


def _planned(name: str, options: Mapping[str, str] | None) -> str | None:
    if options is None:
        return None
    if f"skip_{name}" in options:
        return "OFF"
    return options.get(name)


def agree(one: str | None, other: str | None, name: str = "") -> bool:
    """Whether two spellings of a variable's value mean the same."""
    if name.lower() == "sql_mode":
        # Combination modes (ANSI, TRADITIONAL) are expanded by the server, so the running value may hold more.
        left, right = _parts(one), _parts(other)
        return left <= right or right <= left if left and right else left == right
    return _canonical(one) == _canonical(other)


def compiled_version(interface: str) -> str | None:
    """`10.11.19` of `101119.0`: the number a storage engine was compiled with, from information_schema.PLUGINS.

    PLUGIN_TYPE_VERSION of a storage engine is the server's own version id, major * 10000 + minor * 100 + patch,
    which no option changes.
    """
    number = interface.split(".", 1)[0]
    if not number.isdigit() or len(number) < 5:
        return None
    major, rest = divmod(int(number), 10_000)
    return f"{major}.{rest // 100}.{rest % 100}"


def _directory(path: str) -> str:
    return re.sub("^/+", "/", posixpath.normpath(path.strip()))


def _inside(path: str, directory: str) -> bool:
    return posixpath.commonpath([_directory(path), _directory(directory)]) == _directory(directory)


def _parts(value: str | None) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in (value or "").replace(":", ",").split(",") if part.strip())


_SPELLINGS = {"1": "on", "true": "on", "yes": "on", "0": "off", "false": "off", "no": "off", "null": ""}
_POLICIES = {"low": "off", "medium": "on", "strong": "2"}  # validate_password.policy: 0, 1, 2
_SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def _canonical(value: str | None) -> frozenset[str]:
    text = (value or "").strip().strip("'\"").lower()
    if text[-1:] in _SIZES and text[:-1].isdigit():
        text = str(int(text[:-1]) * _SIZES[text[-1]])
    if text.startswith("/"):
        text = posixpath.normpath(text)
    text = _SPELLINGS.get(text, _POLICIES.get(text, text))
    return _parts(text)
