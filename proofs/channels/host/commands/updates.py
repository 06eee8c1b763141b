"""Updates as apt(8) and dpkg(1) have them: what is pending, by lists of when, which kernel is installed.

Nothing is fetched and nothing locked: apt-get(8), `--simulate`; `--ignore-hold` counts what is held back as well.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    # Alone: with the lists of a whole distribution it takes seconds, on an emulated machine a minute.
    Command(
        "apt-pending",
        (
            *("apt-get", "--simulate", "--quiet", "--ignore-hold", "-o", "Debug::NoLocking=true"),
            # Of apt 3's two solvers the older one heeds --ignore-hold.
            *("-o", "APT::Solver=internal", "-o", "APT::Get::Show-User-Simulation-Note=false", "dist-upgrade"),
        ),
        limit=1 << 20,
        alone=True,
        seconds=180,
    ),
    # Headers of the lists' signed indices: which archives updates come from, and of when; `apt-cache` shows addresses.
    Command(
        "apt-archives",
        (
            *("grep", "-rE", "--exclude-dir=partial", "--include=*Release"),
            *("^(Label|Suite|Version|Date): .{1,100}$", "/var/lib/apt/lists"),
        ),
        exits=(0, 1),
    ),
    Command("apt-periodic", ("apt-config", "dump", "APT::Periodic")),
    Command("kernel-packages", ("dpkg-query", "--list", "linux-image-*"), exits=(0, 1)),
)
