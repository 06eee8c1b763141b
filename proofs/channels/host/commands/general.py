"""What the machine is, and how its services are doing."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    Command("kernel", ("uname", "-srvm")),
    Command("os-release", ("cat", "/etc/os-release")),
    Command("identity", ("id", "-un")),
    Command("uptime", ("cat", "/proc/uptime")),
    Command("boot-id", ("cat", "/proc/sys/kernel/random/boot_id")),
    Command("processes", ("ps", "-e", "-ww", "-o", "pid=,ppid=,user:32=,comm="), limit=1 << 18),
    # systemctl(1): `show` answers for any unit, loaded or not, with exit status 0; LoadState tells.
    Command("unit", ("systemctl", "show", "--no-pager", "{unit}"), limit=1 << 16),
)
