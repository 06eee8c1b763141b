"""The host's clock, what keeps it, and the zone it is shown in."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

# Read when they are asked for, not with what is gathered earlier.
COMMANDS = (
    # Anew: the age of what is looked at next is counted to this moment.
    Command("clock", ("date", "--utc", "+%s.%N"), anew=True, limit=64),
    Command(
        "time-settings",
        ("timedatectl", "show", "--property=Timezone", "--property=NTPSynchronized"),
        alone=True,
        limit=4096,
    ),
    # Without a port for commands chronyd answers root alone, at its socket (chronyc(1)); 1: it does not answer.
    Command("chrony-tracking", ("chronyc", "-n", "-c", "tracking"), root=True, exits=(0, 1), alone=True, limit=4096),
    Command("timesyncd-status", ("timedatectl", "timesync-status", "--no-pager"), alone=True, limit=16384),
)
