"""Updates as apt(8) and dpkg(1) have them: what is known of, what installs itself, which kernel is installed.

Nothing is fetched and nothing locked.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    # Every version that the archives hold, whatever pins, holds and APT::Default-Release say: apt_preferences(5).
    # Alone: with the lists of a whole distribution it takes seconds, on an emulated machine a minute.
    Command(
        "apt-versions",
        ("apt", "list", "--installed", "--all-versions"),
        limit=1 << 20,
        alone=True,
        seconds=180,
    ),
    # Headers of the lists' signed indices: which archives updates come from, and of when; `apt-cache` shows addresses.
    Command(
        "apt-archives",
        (
            *("grep", "-rE", "--exclude-dir=partial", "--include=*Release"),
            *("^(Origin|Label|Suite|Codename|Version|Date): .{1,100}$", "/var/lib/apt/lists"),
        ),
        exits=(0, 1),
    ),
    Command("apt-periodic", ("apt-config", "dump", "APT::Periodic")),
    Command("unattended-upgrade", ("apt-config", "dump", "Unattended-Upgrade")),
    Command("kernel-packages", ("dpkg-query", "--list", "linux-image-*"), exits=(0, 1)),
    # Names of the files it works with, the marks of proc(5) with them; not the addresses they are mapped at.
    Command(
        "process-files",
        ("grep", "-oE", "/(usr|lib|lib64|opt)/[^ ]*( .deleted.)?", "/proc/{pid}/maps"),
        root=True,
        exits=(0, 1),
        limit=1 << 18,
    ),
)
