"""What proc(5) tells of a process: identity, capabilities, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.ports import HostChannel

_SETS = {"effective": "CapEff", "permitted": "CapPrm", "inheritable": "CapInh", "ambient": "CapAmb"}
_NAMES = re.findall(
    r"\w+",
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE"
    " MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE",
)
"""In the order of their numbers: include/uapi/linux/capability.h."""


def status_of(machine: HostChannel, pid: int) -> Mapping[str, str]:
    """Fields of /proc/PID/status by name. `Indeterminate` without the fields every process has."""
    pairs = (line.partition(":") for line in machine.command("process-status", pid=str(pid)).lines)
    found = {name: value.strip() for name, _, value in pairs}
    missing = [name for name in ("Uid", "Gid", "Pid", "NoNewPrivs", *_SETS.values()) if name not in found]
    if missing or found["Pid"] != str(pid):
        raise Indeterminate(f"/proc/{pid}/status does not show {', '.join(missing) or 'this process'}")
    return found


def ids(status: Mapping[str, str], name: str) -> tuple[int, ...]:
    """Real, effective, saved and file system number of a user (`Uid`) or group (`Gid`)."""
    words = status[name].split()
    if len(words) != 4 or not all(word.isdecimal() for word in words):
        raise Indeterminate(f"the host shows no four numbers as {name} of the server: {status[name][:80]!a}")
    return tuple(int(word) for word in words)


def capabilities(status: Mapping[str, str]) -> dict[str, set[str]]:
    """Names (`CAP_…`) in each set that gives the process something; capabilities(7)."""
    return {what: _decoded(status[field]) for what, field in _SETS.items()}


def _decoded(mask: str) -> set[str]:
    if not re.fullmatch(r"[0-9a-f]{1,16}", mask):
        raise Indeterminate(f"the host shows no set of capabilities: {mask[:80]!a}")
    bits = int(mask, 16)
    known = {f"CAP_{name}" for number, name in enumerate(_NAMES) if bits >> number & 1}
    return known | {f"CAP_{number}" for number in range(len(_NAMES), 64) if bits >> number & 1}


def core_limits(machine: HostChannel, pid: int) -> tuple[str, str]:
    """Soft and hard limit of the size of a core file, as /proc/PID/limits spells them (`0`, `unlimited`, …)."""
    for line in machine.command("process-limits", pid=str(pid)).lines:
        match = re.fullmatch(r"Max core file size +(\S+) +(\S+) +bytes *", line)
        if match:
            return match[1], match[2]
    raise Indeterminate(f"/proc/{pid}/limits shows no limit of core files")


def account_of(machine: HostChannel, pid: int) -> str:
    """Name of the account a process runs under, by the host's list of accounts. `Indeterminate` without one name."""
    uid = str(ids(status_of(machine, pid), "Uid")[0])
    entries = [line.split(":") for line in machine.command("accounts").lines]
    names = [entry[0] for entry in entries if len(entry) == 7 and entry[2] == uid]
    if len(names) != 1:
        raise Indeterminate(f"the host names {len(names)} accounts with the server's number {uid}")
    return names[0]


def group_of(machine: HostChannel, pid: int) -> tuple[str, tuple[str, ...]]:
    """Name of the group a process runs under, and the accounts that are in it besides the process's own.

    By the host's lists of groups and accounts, in which a group may be an account's first one or a further one.
    `Indeterminate` without one name.
    """
    gid, account = str(ids(status_of(machine, pid), "Gid")[0]), account_of(machine, pid)
    groups = [line.split(":") for line in machine.command("groups").lines]
    found = [entry for entry in groups if len(entry) == 4 and entry[2] == gid]
    if len(found) != 1:
        raise Indeterminate(f"the host names {len(found)} groups with the server's number {gid}")
    accounts = [line.split(":") for line in machine.command("accounts").lines]
    members = {entry[0] for entry in accounts if len(entry) == 7 and entry[3] == gid}
    members |= {name for name in found[0][3].split(",") if name}
    return found[0][0], tuple(sorted(members - {account}))
