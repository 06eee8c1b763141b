"""Which of OpenSSL's providers a program is given, by its configuration: config(5), "Provider Configuration"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from proofs.errors import Indeterminate
from proofs.ports import HostChannel

_INCLUDE = re.compile(r"\.include(?:\s*=\s*|\s+)(?P<path>\S+)")
_SECTION = re.compile(r"\[(?P<name>[^\]]*)\]")
_APPROVED = frozenset({"fips", "base"})
_ON = frozenset({"1", "yes", "on", "true"})
_DEEPEST = 4
MAIN = "default"
"""The section of what stands before the first one."""


def unapproved_in_use(machine: HostChannel, path: str) -> str:
    """Why algorithms of another provider than FIPS's may be used; empty where none is.

    Without a provider that is activated OpenSSL takes `default`. Beside it the FIPS provider is asked only where
    `default_properties` says `fips=yes` (fips_module(7)). `Indeterminate` for what is not read here.
    """
    conf = _sections(machine, path)
    init = _of(conf, MAIN, "openssl_conf")
    if init is None:
        return f"{path} configures nothing (openssl_conf), so the default provider is used"
    algorithms = _of(conf, init, "alg_section")
    properties = (_of(conf, algorithms, "default_properties") or "") if algorithms else ""
    if "fips=yes" in properties.replace(" ", "").split(","):
        return ""
    listed = _of(conf, init, "providers")
    active = []
    for name, section in (conf.get(listed, {}) if listed else {}).items():
        of_section = conf.get(section, {})
        identity = of_section.get("identity", name)
        # Up to OpenSSL 3.1 any value of `activate` does: of what is not wanted, any value counts.
        if "activate" in of_section and (identity not in _APPROVED or of_section["activate"].lower() in _ON):
            active.append(identity)
    others = sorted(set(active) - _APPROVED)
    if not active:
        return f"{path} activates no provider, so the default one is used"
    return (
        f"{path} activates {', '.join(others)[:100]!a} and does not say fips=yes (default_properties)" if others else ""
    )


def _of(conf: Mapping[str, Mapping[str, str]], section: str, name: str) -> str | None:
    value = conf.get(section, {}).get(name)
    if value is not None and "$" in value:
        raise Indeterminate(f"what {name} of OpenSSL's configuration is made of was not read: {value[:80]!a}")
    return value


def _sections(machine: HostChannel, path: str) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = {}
    section = MAIN
    for line in _lines(machine, path, 0):
        if begins := _SECTION.fullmatch(line):
            section = begins["name"].strip()
            continue
        name, given, value = line.partition("=")
        if given:
            found.setdefault(section, {})[name.strip()] = value.strip().strip("\"'")
    return found


def _lines(machine: HostChannel, path: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST or not path.startswith("/"):
        raise Indeterminate(f"OpenSSL's configuration includes {path[:200]!a}, which was not read")
    for raw in machine.read_text(path).splitlines():
        line = raw.partition("#")[0].strip()
        if included := _INCLUDE.fullmatch(line):
            yield from _lines(machine, included["path"], depth + 1)
        elif line and not line.startswith(".pragma"):
            yield line
