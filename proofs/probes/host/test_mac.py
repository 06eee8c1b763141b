"""Control mac-profile-enforcing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.server import server_pid
from proofs.probes.host.units import runs_now_and_at_boot
from proofs.probes.transport.settings import texts

_LABEL = re.compile(r"(?P<profile>.+) \((?P<mode>[a-z]+)\)")


def test_the_server_process_is_confined(
    machine: HostChannel, sql: SqlChannel, params: Mapping[str, ParameterValue]
) -> None:
    """The label of the process that answers the prover: an AppArmor profile in mode enforce, or the SELinux domain.

    proc(5), /proc/pid/attr/current: AppArmor writes `PROFILE (MODE)` or `unconfined`, SELinux `user:role:type:level`.
    semanage-permissive(8) takes one domain out of enforcement by a module of policy, `permissive_DOMAIN`.
    """
    apparmor, selinux = _modules(machine)
    label = machine.command("mac-label", pid=str(server_pid(machine, sql))).stdout.strip("\0\n ")
    if selinux:
        kind = label.split(":")[2] if label.count(":") > 1 else label
        assert selinux == "1", f"SELinux is permissive; the server runs as {label!a}"
        assert kind in texts(params, "selinux_domains"), f"the server runs in the SELinux domain {kind!a}"
        modules = [line.split()[0] for line in machine.command("selinux-modules").lines]
        if not modules:
            raise Indeterminate("semodule lists no module of SELinux's policy")
        assert f"permissive_{kind}" not in modules, f"SELinux denies nothing to {kind!a}: the domain is permissive"
        return
    assert apparmor, "neither AppArmor nor SELinux is on in this kernel"
    match = _LABEL.fullmatch(label)
    assert match, f"the server process is not confined: {label!a}"
    assert match["mode"] == "enforce", f"the server's profile {match['profile']!a} is in mode {match['mode']}"


def test_confinement_is_loaded_at_boot(
    machine: HostChannel, sql: SqlChannel, params: Mapping[str, ParameterValue]
) -> None:
    """What loads profiles is active and enabled, and the kernel's list holds the server's profile in mode enforce."""
    _, selinux = _modules(machine)
    if selinux:
        configured = re.search(r"^SELINUX=(\w+)", machine.command("selinux-config").stdout, re.MULTILINE)
        assert configured, "/etc/selinux/config does not set SELINUX"
        assert configured[1] == "enforcing", f"the next boot makes SELinux {configured[1]}"
        return
    runs_now_and_at_boot(machine, "apparmor.service")
    label = machine.command("mac-label", pid=str(server_pid(machine, sql))).stdout.strip("\0\n ")
    profile = label.rpartition(" (")[0] or label
    loaded = dict(line.rstrip(")").rsplit(" (", 1) for line in machine.command("apparmor-profiles").lines)
    if not loaded:
        raise Indeterminate("the kernel shows no AppArmor profile")
    mode = loaded.get(profile, "not loaded")
    assert mode == "enforce", f"the kernel has the profile {profile!a} {mode}"


def _modules(machine: HostChannel) -> tuple[bool, str]:
    """Whether AppArmor is on, and SELinux's `enforce` (`1`, `0`, or nothing where it is not the system)."""
    return machine.command("apparmor-enabled").stdout.strip() == "Y", machine.command("selinux-enforce").stdout.strip()
