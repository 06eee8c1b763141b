"""fail2ban, as its server answers: fail2ban-client(1). Nothing here changes a jail."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command


def _of_jail(name: str, *what: str) -> Command:
    # fail2ban-client exits with 255 for a jail that is not there, and where no server answers. It is slow to start.
    return Command(f"fail2ban-{name}", ("fail2ban-client", *what), root=True, exits=(0, 255), alone=True, seconds=40)


COMMANDS = (
    _of_jail("status", "status"),
    _of_jail("jail", "status", "{jail}"),
    *(
        _of_jail(name, "get", "{jail}", name)
        for name in ("actions", "bantime", "findtime", "maxretry", "logpath", "journalmatch", "ignoreip")
    ),
)
