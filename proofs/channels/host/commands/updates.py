"""Updates as apt(8) and dpkg(1) have them: what is pending, when it was last asked for, which kernel is installed.

Nothing is fetched and nothing locked: apt-get(8), `--simulate`; `--ignore-hold` counts what is held back as well.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

_STAMPS = "/var/lib/apt/periodic"

COMMANDS = (
    # apt's daily run leaves the first after an update that succeeded (apt.systemd.daily), Ubuntu's notifier the second.
    Command(
        "apt-updated", ("stat", "-c", "%Y", f"{_STAMPS}/update-stamp", f"{_STAMPS}/update-success-stamp"), exits=(0, 1)
    ),
    # Alone: with the lists of a whole distribution it takes seconds.
    Command(
        "apt-pending",
        (
            *("apt-get", "--simulate", "--quiet", "--ignore-hold", "-o", "Debug::NoLocking=true"),
            *("-o", "APT::Get::Show-User-Simulation-Note=false", "dist-upgrade"),
        ),
        limit=1 << 20,
        alone=True,
        seconds=60,
    ),
    # Headers of the lists' signed indices: which archives updates come from. `apt-cache policy` shows addresses.
    Command(
        "apt-archives",
        (
            *("grep", "-rE", "--exclude-dir=partial", "--include=*Release"),
            *("^(Label|Suite|Version): .{1,100}$", "/var/lib/apt/lists"),
        ),
        exits=(0, 1),
    ),
    Command("apt-periodic", ("apt-config", "dump", "APT::Periodic")),
    Command("kernel-packages", ("dpkg-query", "--list", "linux-image-*"), exits=(0, 1)),
)
