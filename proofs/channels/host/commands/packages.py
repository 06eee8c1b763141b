"""Packages as the system's own database has them: dpkg-query(1), dpkg(1) --verify, rpm(8) --verify.

Any status but 0 of a query means that some of what was asked for is not installed, which is an answer; so is a verified
package that differs.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

_PROGRAMS = ("/usr/sbin/mysqld", "/usr/sbin/mariadbd", "/usr/libexec/mysqld", "/usr/libexec/mariadbd")

# Root's own limit: a login cannot end sudo's child.
_LIMITED = ("timeout", "-k", "5", "120")

COMMANDS = (
    Command("dpkg-owners", ("dpkg-query", "--search", *_PROGRAMS), exits=(0, 1), alone=True),
    Command("dpkg-list", ("dpkg-query", "--list", "mysql-*", "mariadb-*", "percona-*"), exits=(0, 1), limit=1 << 17),
    Command("dpkg-checksums", ("dpkg-query", "--control-path", "{package}", "md5sums")),
    Command(
        "dpkg-verify",
        (*_LIMITED, "dpkg", "--verify", "--verify-format", "rpm", "{package}"),
        root=True,
        exits=(0, 1),
        seconds=130,
    ),
    Command("rpm-owners", ("rpm", "--query", "--file", *_PROGRAMS), exits=tuple(range(5)), alone=True),
    Command("rpm-files", ("rpm", "--query", "--list", "{package}"), limit=1 << 18),
    Command("rpm-verify", (*_LIMITED, "rpm", "--verify", "{package}"), root=True, exits=(0, 1), seconds=130),
)
