"""What one session holds: its account's own grants and those of the roles it has taken on.

MySQL Reference Manual, "Using Roles", "Privilege Restriction Using Partial Revokes"; MariaDB Knowledge Base, "Roles
Overview", "GRANT … TO PUBLIC". Measured on MySQL 9.7.4 and MariaDB 10.11.19, against thousands of generated grants
(tests/probes/test_rights_live.py): MySQL without an active role takes, of all rows for schemas, the most specific that
fits; with one, whatever it is, the row of all holders that names the schema without wildcards, or else of the patterns
that fit the one that sorts first, so the *least* specific as a rule. MariaDB takes the most specific that fits for the
account, for its one active role and for PUBLIC, and adds these up. Privileges of other levels always add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from proofs.probes.rights.facts import PUBLIC, Facts, Grant, Key, Scope
from proofs.probes.rights.patterns import fits, speaks_of, specificity

Steps = tuple[str, ...]
Held = dict[str, tuple[Steps, Grant]]
"""Privilege → the roles that lead to it, and the grant."""


@dataclass(frozen=True)
class Thing:
    """What something is done to: the `server`, a `schema`, a `table` (or view), or a routine by its kind."""

    kind: str
    schema: str = ""
    name: str = ""

    def __str__(self) -> str:
        """`securedb.audit_events`, escaped."""
        parts = [ascii(part)[1:-1] for part in (self.schema, self.name) if part]
        return ".".join(parts) or "the server"


SERVER = Thing("server")


@dataclass(frozen=True)
class Session:
    """One account with the roles it has switched on (MariaDB: at most one)."""

    facts: Facts
    account: Key
    active: tuple[Key, ...] = ()

    @cached_property
    def _holders(self) -> list[tuple[Key, Steps]]:
        """The account and every role it has now, nearest first, with the roles on the way."""
        found: dict[Key, Steps] = {self.account: ()}
        waiting: list[tuple[Key, Steps]] = [(role, (_named(self.facts, self.account, role),)) for role in self.active]
        if self.facts.engine == "mariadb" and PUBLIC in self.facts.accounts:
            waiting.append((PUBLIC, ("PUBLIC",)))
        while waiting:
            key, steps = waiting.pop(0)
            if key not in found:
                found[key] = steps
                waiting += [(role, (*steps, f"role {_short(role)}")) for role in self.facts.members.get(key, ())]
        return list(found.items())

    def held(self, thing: Thing, *, columns: bool = True) -> Held:
        """Every privilege on the thing, from whatever level; with `columns`, also one on a single column of it."""
        found: Held = {}
        for steps, grant in self._on_server(thing):
            for privilege in grant.privileges:
                found.setdefault(privilege, (steps, grant))
        if thing.kind == "server":
            return found
        for steps, grant in self._on_schema(thing.schema):
            for privilege in grant.privileges:
                found.setdefault(privilege, (steps, grant))
        if thing.kind != "schema":
            for steps, grant in self._on_object(thing, columns):
                for privilege in grant.privileges:
                    found.setdefault(privilege, (steps, grant))
        return found

    def grants(self) -> Iterator[tuple[Steps, Grant]]:
        """Every grant that gives something, whatever it is on, and whether or not another row hides it."""
        for key, steps in self._holders:
            for grant in self.facts.of_user(key[0]):
                if grant.privileges and self._is_of(grant, key):
                    yield steps, grant

    def _on_server(self, thing: Thing) -> Iterator[tuple[Steps, Grant]]:
        for key, steps in self._holders:
            gone = self.facts.revoked.get(key, {}).get(thing.schema, frozenset()) if thing.schema else frozenset()
            for grant in self._own(key, "server"):
                yield steps, Grant(grant.holder, grant.scope, grant.privileges - gone)

    def _on_schema(self, schema: str) -> Iterator[tuple[Steps, Grant]]:
        if self.facts.engine == "mysql" and self.active:
            yield from self._first_by_name(schema)
            return
        for group in self.groups():
            yield from self.first(schema, group)

    def groups(self) -> list[list[tuple[Key, Steps]]]:
        """Holders among whose rows for schemas one wins: the account, and in MariaDB its role and PUBLIC."""
        starts = (*self.active, PUBLIC) if self.facts.engine == "mariadb" else ()
        first = [_named(self.facts, self.account, start) for start in starts]
        led = [[(key, steps) for key, steps in self._holders[1:] if steps[0] == name] for name in first]
        return [[(self.account, ())], *led]

    def first(self, schema: str, holders: Sequence[tuple[Key, Steps]]) -> Iterator[tuple[Steps, Grant]]:
        """The rows that win: those of the highest rank (host, then name of the schema)."""
        fitting = []
        for key, steps in holders:
            for grant in self.facts.of_user(key[0]):
                if grant.scope.level == "schema" and self._is_of(grant, key) and self._fits(grant.scope, schema):
                    host = specificity(grant.holder[1], self.facts.engine)
                    rank = (host, self._rank(grant.scope), grant.holder[0] != "")
                    fitting.append((rank, steps, grant))
        # Equally specific rows are taken together: which of them wins depends on the order they were granted in, and
        # after a restart on another.
        if fitting:
            best = max(rank for rank, *_ in fitting)
            every = not self.facts.complete
            yield from ((steps, grant) for rank, steps, grant in fitting if every or rank == best)

    def _first_by_name(self, schema: str) -> Iterator[tuple[Steps, Grant]]:
        """MySQL with an active role: the name itself, or of the patterns that fit the one that sorts first."""
        rows = [(s, g) for key, s in self._holders for g in self._own(key, "schema") if self._fits(g.scope, schema)]
        if rows:
            patterns = {grant.scope.schema for _, grant in rows}
            first = min(patterns, key=lambda each: (any(sign in each for sign in "%_\\"), each.encode()))
            every = not self.facts.complete
            yield from ((steps, grant) for steps, grant in rows if every or grant.scope.schema == first)

    def _on_object(self, thing: Thing, columns: bool) -> Iterator[tuple[Steps, Grant]]:
        for key, steps in self._holders:
            for grant in self.facts.of_user(key[0]):
                if self._is_object(grant.scope, thing, columns) and self._is_of(grant, key):
                    yield steps, grant

    def _own(self, key: Key, level: str) -> Iterable[Grant]:
        return (each for each in self.facts.of_user(key[0]) if each.scope.level == level and each.holder == key)

    def _is_of(self, grant: Grant, key: Key) -> bool:
        """Sessions with active roles (MySQL) know exact accounts only, others compare the client's host."""
        by_host = key == self.account and not (self.facts.engine == "mysql" and self.active)
        return grant.holder == key or (by_host and speaks_of(grant.holder, key))

    def _fits(self, scope: Scope, schema: str) -> bool:
        pattern, name = self.facts.fold(scope.schema), self.facts.fold(schema)
        return pattern == name if self.facts.literal_names else fits(pattern, name)

    def _rank(self, scope: Scope) -> tuple[int, int]:
        return (2, 0) if self.facts.literal_names else specificity(scope.schema, self.facts.engine)

    def _is_object(self, scope: Scope, thing: Thing, columns: bool) -> bool:
        if self.facts.fold(scope.schema) != self.facts.fold(thing.schema):
            return False
        if scope.level in ("table", "column"):
            same = thing.kind == "table" and self.facts.fold(scope.name) == self.facts.fold(thing.name)
            return same and (columns or scope.level == "table")
        return scope.level == "routine" and scope.kind == thing.kind and scope.name.lower() == thing.name.lower()


def sessions(facts: Facts, account: Key) -> Iterator[Session]:
    """Every choice of active roles that matters: none, each role that can be switched on, in MySQL also all of them.

    A role need not be a default one: SET ROLE asks for no further right.
    """
    yield Session(facts, account)
    roles = tuple(dict.fromkeys((*facts.members.get(account, ()), *facts.mandatory)))
    for role in roles:
        yield Session(facts, account, (role,))
    if facts.engine == "mysql" and len(roles) > 1:
        yield Session(facts, account, roles)


def _named(facts: Facts, account: Key, role: Key) -> str:
    if role == PUBLIC and facts.engine == "mariadb":
        return "PUBLIC"
    mandatory = role in facts.mandatory and role not in facts.members.get(account, ())
    return f"{'mandatory ' if mandatory else ''}role {_short(role)}"


def _short(role: Key) -> str:
    return ascii(role[0])[1:-1] + (f"@{ascii(role[1])[1:-1]}" if role[1] not in ("", "%") else "")
