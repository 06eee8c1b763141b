"""What the machine is, and how its services are doing."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

_UNIT = (
    *("Id", "Names", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "Type", "User", "Group"),
    *("MainPID", "NRestarts", "ExecMainStatus", "ExecMainCode", "ExecMainStartTimestamp", "ExecMainExitTimestamp"),
    *("ActiveEnterTimestamp", "ActiveExitTimestamp", "InactiveEnterTimestamp", "StateChangeTimestamp"),
    *("LastTriggerUSec", "NextElapseUSecRealtime", "NextElapseUSecMonotonic", "Unit", "Triggers", "TriggeredBy"),
    *("FragmentPath", "DropInPaths", "NeedDaemonReload", "Persistent", "ConditionResult", "WantedBy", "RequiredBy"),
)

COMMANDS = (
    Command("kernel", ("uname", "-srvm")),
    Command("os-release", ("cat", "/etc/os-release")),
    Command("identity", ("id", "-un")),
    # Of a login of their own; printenv(1) ends with 1 where there is no such variable: no login over SSH.
    Command("node-name", ("uname", "-n"), alone=True, limit=1024),
    Command("ssh-connection", ("printenv", "SSH_CONNECTION"), exits=(0, 1), alone=True, limit=1024),
    Command("uptime", ("cat", "/proc/uptime")),
    Command("boot-id", ("cat", "/proc/sys/kernel/random/boot_id")),
    Command("processes", ("ps", "-e", "-ww", "-o", "pid=,ppid=,user:32=,comm="), limit=1 << 18),
    # systemctl(1): `show` answers for any unit, loaded or not, with exit status 0; LoadState tells.
    # Only these properties: Environment= and ExecStart= may hold secrets that must not get into evidence.
    Command("unit", ("systemctl", "show", "--no-pager", f"--property={','.join(_UNIT)}", "{unit}")),
)
