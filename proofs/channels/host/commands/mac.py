"""Mandatory access control: AppArmor and SELinux, as the kernel tells it."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    # cat(1) exits with 1 where the kernel has no such file: not that module's machine.
    Command("apparmor-enabled", ("cat", "/sys/module/apparmor/parameters/enabled"), exits=(0, 1)),
    Command(
        "apparmor-profiles", ("cat", "/sys/kernel/security/apparmor/profiles"), root=True, exits=(0, 1), limit=1 << 18
    ),
    # The lines that begin a profile (or a part of one) in the files that the boot loads, and those it treats otherwise.
    Command(
        "apparmor-files",
        (
            *("grep", "-rnE", "--exclude-dir=abstractions", "--exclude-dir=tunables", "--exclude-dir=local"),
            *("^[^#]*[{][[:blank:]]*$", "/etc/apparmor.d"),
        ),
        root=True,
        exits=(0, 1, 2),
        limit=1 << 18,
    ),
    Command(
        "apparmor-set-aside",
        ("find", "/etc/apparmor.d/disable", "/etc/apparmor.d/force-complain", "-mindepth", "1", "-maxdepth", "1"),
        exits=(0, 1),
    ),
    Command("selinux-enforce", ("cat", "/sys/fs/selinux/enforce"), exits=(0, 1)),
    Command("selinux-config", ("cat", "/etc/selinux/config"), exits=(0, 1)),
    # Asked on SELinux's machines alone.
    Command("selinux-modules", ("semodule", "-l"), root=True, alone=True, seconds=60),
    Command("mac-label", ("cat", "/proc/{pid}/attr/current"), limit=4096),
)
