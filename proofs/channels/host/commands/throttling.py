"""fail2ban, as its server answers: fail2ban-client(1).

One command changes something: it takes a ban away that a probe brought about, and there is no other like it.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command


def _of_jail(name: str, *what: str, anew: bool = False, changes: bool = False) -> Command:
    # fail2ban-client exits with 255 for a jail that is not there, and where no server answers. It is slow to start.
    argv, exits = ("fail2ban-client", *what), (0, 255)
    return Command(f"fail2ban-{name}", argv, root=True, exits=exits, alone=True, seconds=40, anew=anew, changes=changes)


COMMANDS = (
    _of_jail("status", "status"),
    _of_jail("jail", "status", "{jail}"),
    *(
        _of_jail(name, "get", "{jail}", name)
        for name in (
            *("actions", "bantime", "findtime", "maxretry", "logpath", "journalmatch"),
            *("failregex", "ignoreregex", "ignoreip", "ignorecommand"),
        )
    ),
    _of_jail("port", "get", "{jail}", "action", "{action}", "port"),
    _of_jail("banned", "get", "{jail}", "banip", anew=True),
    _of_jail("unban", "set", "{jail}", "unbanip", "{address}", changes=True),
)
