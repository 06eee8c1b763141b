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
_BEGINS = re.compile(
    r"(?P<file>/etc/apparmor\.d/[^/:]+):[0-9]+:\s*(?:profile\s+)?\"?(?P<name>[^\s\"]+)\"?(?:\s+[^\s(]+)?"
    r"(?:\s+(?:flags\s*=\s*)?\((?P<flags>[^)]*)\))?\s*\{\s*"
)
"""`profile NAME ATTACHMENT flags=(…) {`, or `ATTACHMENT flags=(…) {`, which is its name then, too: apparmor.d(5)."""
_LAX = frozenset({"complain", "unconfined", "default_allow", "prompt"})
_LEFT_OUT = re.compile(r"(~|\.(dpkg-(new|old|dist|bak|remove)|rpmnew|rpmsave|orig|rej|pacsave|pacnew))$")
"""Files that the boot does not load: skip_profile of AppArmor's rc.apparmor.functions."""


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
    """What loads profiles is active and enabled; the kernel's list holds the server's profile in mode enforce.

    So do the files that the next boot loads: apparmor.d(5), flags; aa-disable(8), aa-complain(8).
    """
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
    _enforced_by_files(machine, profile.split("//")[0])


def _enforced_by_files(machine: HostChannel, profile: str) -> None:
    holding = []
    for line in machine.command("apparmor-files").lines:
        found = _BEGINS.fullmatch(line)
        if found and found["name"] == profile and not _LEFT_OUT.search(found["file"]):
            holding.append((found["file"], {flag.strip() for flag in re.split("[, ]", found["flags"] or "")}))
    if not holding:
        raise Indeterminate(f"no file of /etc/apparmor.d was seen to hold the profile {profile!a} for the next boot")
    aside = machine.command("apparmor-set-aside")
    if any("No such file" not in line for line in aside.stderr.splitlines()):
        raise Indeterminate(f"which profiles the boot leaves out was not seen: {aside.stderr[:200]!a}")
    for file, flags in holding:
        lax = sorted(flags & _LAX)
        assert not lax, f"the next boot loads {profile!a} from {file} with the flag {lax[0]}"
        for link in aside.lines:
            place, _, name = link.rpartition("/")
            assert name != file.rpartition("/")[2], f"the next boot finds {file} in {place}, and does not enforce it"


def _modules(machine: HostChannel) -> tuple[bool, str]:
    """Whether AppArmor is on, and SELinux's `enforce` (`1`, `0`, or nothing where it is not the system)."""
    return machine.command("apparmor-enabled").stdout.strip() == "Y", machine.command("selinux-enforce").stdout.strip()
