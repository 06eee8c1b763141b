"""What a server stores about privileges, in one shape for both engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from proofs.model import Engine

Key = tuple[str, str]
"""User and host of an account or role; MariaDB's roles have no host."""
PUBLIC: Key = ("PUBLIC", "")
"""MariaDB (from 10.11): what is granted to it, everybody has."""
Level = Literal["server", "schema", "table", "column", "routine"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a grant is on. `schema` is a pattern at level `schema`, a name elsewhere; `kind` PROCEDURE, FUNCTION, …"""

    level: Level
    schema: str = ""
    name: str = ""
    column: str = ""
    kind: str = ""

    def __str__(self) -> str:
        """As a GRANT statement would name it, escaped."""
        match self.level:
            case "server":
                return "*.*"
            case "schema":
                return f"{_plain(self.schema)}.*"
            case "routine":
                return f"{self.kind} {_plain(self.schema)}.{_plain(self.name)}"
        return f"{_plain(self.schema)}.{_plain(self.name)}"


@dataclass(frozen=True, slots=True)
class Grant:
    """Privileges that `holder` was given on something. An empty user in `holder` means every user of that host."""

    holder: Key
    scope: Scope
    privileges: frozenset[str]

    def one(self, privilege: str) -> str:
        """One of its privileges in words, e.g. `DROP on securedb.*` or `UPDATE (balance) on securedb.accounts`."""
        column = f" ({_plain(self.scope.column)})" if self.scope.level == "column" else ""
        return f"{privilege}{column} on {self.scope}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """`holder` may log in as `proxied`; ("", "") is whoever."""

    holder: Key
    proxied: Key


@dataclass(frozen=True)
class Facts:
    """Accounts (roles among them), their grants, roles and proxies.

    `members`: account or role → roles granted to it. `revoked`: account → schema → privileges that its grants on `*.*`
    do not give there (MySQL's partial revokes). `literal_names`: `%` and `_` in the schema of a grant are no wildcards
    (MySQL with partial_revokes=ON). `fold_names`: names of schemas and tables are compared in lower case.
    `complete` is False where only some accounts were asked what they hold; such answers mix what several holders have,
    so that no row is taken to hide another.
    """

    engine: Engine
    accounts: tuple[Key, ...]
    grants: tuple[Grant, ...] = ()
    members: Mapping[Key, tuple[Key, ...]] = field(default_factory=dict)
    mandatory: tuple[Key, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    revoked: Mapping[Key, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    literal_names: bool = False
    fold_names: bool = False
    complete: bool = True

    @cached_property
    def _by_user(self) -> Mapping[str, tuple[Grant, ...]]:
        found: dict[str, list[Grant]] = {}
        for grant in self.grants:
            found.setdefault(grant.holder[0], []).append(grant)
        return {user: tuple(grants) for user, grants in found.items()}

    def of_user(self, user: str) -> tuple[Grant, ...]:
        """Grants whose holder has this user name, on whatever host, and those to no name, which are everybody's."""
        return self._by_user.get(user, ()) + (self._by_user.get("", ()) if user else ())

    def fold(self, name: str) -> str:
        """The name of a schema or table as the server compares it."""
        return name.lower() if self.fold_names else name


def account_text(key: Key) -> str:
    """`'user'@'host'`, or the name alone of one of MariaDB's roles; escaped."""
    return f"{key[0]!a}@{key[1]!a}" if key[1] else ascii(key[0])


def _plain(name: str) -> str:
    return ascii(name)[1:-1]
