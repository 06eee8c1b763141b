"""Whose files are, and what else is read beside them: find(1), getent(1), option files."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    Command("groups", ("getent", "group"), limit=1 << 20),
    # What somebody else than root can change in a directory; a link counts as what it leads to. Not what lies deeper:
    # no library is loaded and no option file included from there.
    Command(
        "foreign-files",
        (
            *("find", "-L", "{path}", "-mindepth", "1", "-maxdepth", "1", "!", "-type", "d"),
            *("(", "!", "-user", "root", "-o", "-perm", "/022", ")"),
        ),
        root=True,
        limit=1 << 17,
        alone=True,
    ),
    Command("links", ("find", "{path}", "-mindepth", "1", "-maxdepth", "1", "-type", "l"), root=True, alone=True),
    # Where else an option file leads; those of Debian and of Red Hat. grep(1): 2 where a place is missing.
    Command(
        "option-file-includes",
        ("grep", "-RhE", "^[[:blank:]]*!include", "/etc/my.cnf", "/etc/mysql", "/etc/my.cnf.d"),
        root=True,
        exits=(0, 1, 2),
    ),
)
