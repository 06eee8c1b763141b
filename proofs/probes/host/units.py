"""systemd units, as systemctl(1) shows their properties."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.ports import HostChannel


def properties(machine: HostChannel, unit: str) -> Mapping[str, str]:
    """Properties of a unit; one that is not there has LoadState not-found. `Indeterminate` without an answer."""
    pairs = (line.partition("=") for line in machine.command("unit", unit=unit).lines)
    found = {name: value for name, _, value in pairs}
    if "LoadState" not in found:
        raise Indeterminate(f"systemctl shows no LoadState of {unit}")
    return found


def runs_now_and_at_boot(machine: HostChannel, unit: str) -> None:
    """Fails unless the unit is active, and enabled or pulled in by a target.

    systemctl(1), is-enabled: `static` says that nothing can be enabled, not that anything starts it; what is
    `enabled-runtime` is so until the next boot.
    """
    shown = properties(machine, unit)
    assert shown["LoadState"] == "loaded", f"{unit}: {shown['LoadState']}"
    state = f"{shown.get('ActiveState')} ({shown.get('SubState')})"
    assert shown.get("ActiveState") == "active", f"{unit} is {state}"
    enabled = shown.get("UnitFileState")
    wanting = f"{shown.get('WantedBy', '')} {shown.get('RequiredBy', '')}".split()
    pulled_in = enabled == "static" and any(name.endswith(".target") for name in wanting)
    at_boot = pulled_in or enabled in ("enabled", "alias", "generated")
    assert at_boot, f"{unit} is active but not started at boot ({enabled!a})"
