"""Control firewall-default-deny, after the next boot: by what the services that load rules have to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel
from proofs.probes.host.netfilter import Ruleset
from proofs.probes.host.netfilter.at_boot import Boot, loaded_by
from proofs.probes.host.test_firewall import compared
from proofs.probes.host.units import properties
from proofs.probes.transport.settings import texts


@dataclass(frozen=True, slots=True)
class _Fault:
    """What rules let in beyond the inventory, surely and perhaps; neither where they let in nothing more."""

    wider: str = ""
    unsure: str = ""

    def __bool__(self) -> bool:
        return bool(self.wider or self.unsure)


def test_rules_are_loaded_at_boot(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """A service that is active and enabled loads rules at boot that let in nothing that the inventory does not list.

    The rules are those of its files, judged as the kernel's are, IPv4 and IPv6: systemd's state alone says little
    (Debian's ufw.service stays enabled when ufw is off), and rules may be written that are not loaded yet. What is
    enabled in /run only is gone with the boot (systemctl(1), is-enabled). What another service loads (firewalld) is
    not read.

    Of several services one that denies is enough, as a packet must pass the chains of all: but only where no other can
    flush its rules or let in more from a chain before them.
    """
    states = {unit: properties(machine, unit) for unit in texts(params, "services")}
    enabled = [unit for unit, shown in states.items() if shown.get("UnitFileState") == "enabled"]
    active = [unit for unit in enabled if states[unit].get("ActiveState") == "active"]
    said = ", ".join(
        f"{u} {s.get('ActiveState')}/{s.get('UnitFileState') or s['LoadState']}" for u, s in states.items()
    )
    assert active, f"no service that is active now and enabled at boot loads the firewall: {said}"
    boots = {unit: loaded_by(machine, unit) for unit in enabled}
    faults = {unit: _fault(machine, target, params, boot) for unit, boot in boots.items()}
    disturbing = [unit for unit in enabled if faults[unit] and not boots[unit].apart]
    if not disturbing and not all(faults[unit] for unit in active):
        return
    why = "; ".join(f"{unit}: {faults[unit].wider or faults[unit].unsure}" for unit in enabled if faults[unit])
    # What even all of them together let in is open after the boot, whoever comes first or flushes whose rules.
    together = Boot([table for boot in boots.values() for table in boot.tables])
    unread = any(boot.unread for boot in boots.values())
    wider = "" if unread else _fault(machine, target, params, together).wider
    assert not wider, f"at the next boot: {why}"
    raise Indeterminate(f"what is let in after the next boot was not seen: {why}")


def _fault(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue], boot: Boot) -> _Fault:
    if boot.unread:
        return _Fault(unsure=boot.unread)
    six = machine.command("ipv6-addresses")
    # Without the file the kernel was booted without IPv6; an empty one is sysctl's doing and may be so until the boot.
    families = (4,) if six.status and "No such file" in six.stderr else (4, 6)
    wider: list[str] = []
    unsure: list[str] = []
    try:
        for family in families:
            more, perhaps = compared(Ruleset(boot.tables, ()), target, params, family)
            if more and family == 6 and not six.lines:
                perhaps, more = ["if IPv6 is on again, though no address is there now:", *more], []
            wider += [f"IPv{family} {each}" for each in more[:5]]
            unsure += [f"IPv{family} {each}" for each in perhaps[:3]]
    except Indeterminate as error:
        unsure.append(str(error))
    if wider:
        reason = f" ({boot.nothing})" if boot.nothing else ""
        return _Fault(wider=f"more than the inventory lists is let in{reason}: {'; '.join(wider)}")
    return (
        _Fault(unsure=f"rules that were not understood or lead elsewhere: {'; '.join(unsure)}") if unsure else _Fault()
    )
