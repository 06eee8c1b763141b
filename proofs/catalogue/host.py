"""The section `host` of an inventory entry, and the same section as a bundle records it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proofs.model import Admitted, Benchmark, Host, LogForwarding


def host_of(entry: str | Mapping[str, Any], path: Callable[[str], Path]) -> Host:
    """The section, checked against the schema before; a host spec alone is the short form of `{connection: …}`.

    `path` finds files of the prover's. They are not looked at: without them the host is not seen
    """
    if isinstance(entry, str):
        return Host(entry)
    found = {name: str(path(entry[name])) for name in ("identity_file", "known_hosts") if entry.get(name)}
    received = (entry.get("log_forwarding") or {}).get("received")
    return _host({**entry, **found}, str(path(received)) if received else None)


def recorded_host(entry: str | Mapping[str, Any] | None) -> Host | None:
    """The section of a bundle's target; earlier bundles held the host spec alone."""
    if entry is None or isinstance(entry, str):
        return Host(entry) if entry else None
    return _host(entry, (entry["log_forwarding"] or {}).get("received"))


def _host(entry: Mapping[str, Any], received: str | None) -> Host:
    values = dict(entry)
    rules, forwarding = entry.get("firewall"), entry.get("log_forwarding")
    if rules is not None:
        values["firewall"] = tuple(
            Admitted(int(rule["port"]), tuple(rule["from"] if "from" in rule else rule["sources"])) for rule in rules
        )
    for name in ("listeners", "backups"):
        values[name] = tuple(entry.get(name, ()))
    values["scap"] = Benchmark(**entry["scap"]) if entry.get("scap") else None
    values["log_forwarding"] = LogForwarding(forwarding["unit"], received) if forwarding else None
    return Host(**values)
