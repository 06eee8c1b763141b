"""Who can do something to something, and by which path: own grants, roles, proxies, definers, and ways to any account.

MySQL Reference Manual, "Stored Object Access Control" (a routine or view WITH SQL SECURITY DEFINER acts as its definer,
triggers always do), "Proxy Users"; MariaDB Knowledge Base, "Stored Routine Privileges", "CREATE VIEW". What a body does
is not read: whoever may run it *may* reach what its definer may, and a path says through which object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from proofs.errors import Indeterminate
from proofs.probes.rights.facts import Facts, Grant, Key, account_text
from proofs.probes.rights.patterns import speaks_of
from proofs.probes.rights.sessions import SERVER, Session, Steps, Thing, sessions
from proofs.probes.rights.vocabulary import (
    BECOMES_ANYBODY,
    MAY_PROXY_ANYBODY,
    WRITES_GRANT_TABLES,
    suffices,
)

GRANT_TABLES = (
    "user", "global_priv", "db", "tables_priv", "columns_priv", "procs_priv", "global_grants", "role_edges",
    "roles_mapping", "default_roles", "proxies_priv", "proc", "event", "func", "plugin", "component",
)  # fmt: skip
"""Tables of the schema `mysql` that say who may do what, or what runs with whose rights or the server's own."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored object that acts as its definer: PROCEDURE, FUNCTION, VIEW, or TRIGGER (by the name of its table)."""

    kind: str
    schema: str
    name: str
    definer: Key

    def __str__(self) -> str:
        """Kind and name, e.g. `procedure securedb.app_transfer`."""
        return f"{self.kind.lower()} {ascii(self.schema)[1:-1]}.{ascii(self.name)[1:-1]}"


@dataclass(frozen=True, slots=True)
class Path:
    """One way: the account, the steps in words, and the stored objects that lend their definer's rights on the way."""

    account: Key
    steps: Steps
    through: tuple[Stored, ...] = ()
    administrator: bool = False

    def __str__(self) -> str:
        """`migration → role ddl → DROP on securedb.* → TRUNCATE securedb.audit_events`."""
        return " → ".join((ascii(self.account[0])[1:-1] or "''", *self.steps))


@dataclass(frozen=True)
class Rights:
    """Answers questions about `facts`, with the stored objects of the server as far as they were seen."""

    facts: Facts
    stored: tuple[Stored, ...] = ()

    def who_can(self, action: str, thing: Thing, accounts: Iterable[Key] | None = None) -> list[Path]:
        """Every account's shortest path to the action, and one through each stored object that may lead to it.

        This and the other questions raise `Indeterminate` for an account that the facts don't hold: that such a one has
        no path says nothing.
        """
        keys = self.facts.accounts if accounts is None else accounts
        return [path for key in keys for path in self.paths(key, action, thing)]

    def paths(self, account: Key, action: str, thing: Thing) -> list[Path]:
        """The account's paths to the action: the first without stored objects on the way, and those with some."""
        account = self._account(account)
        found: list[Path] = []
        done: set[tuple[Stored, ...]] = set()
        end = f"{action} {thing}" if thing.kind != "server" else ""
        for key, steps, through in self._reach(account):
            own = self._direct(key, action, thing)
            if own is not None and through not in done:
                done.add(through)
                last = (end,) if end and own[-1] != f"{action} on {thing}" else ()
                found.append(Path(account, (*steps, *own, *last), through))
            if () not in done and not through and (power := self._power(key)) is not None:
                done.add(())
                goal = end or action
                found.append(Path(account, (*steps, *power, "any other account", goal), (), administrator=True))
        return found

    def serverwide(self, account: Key) -> dict[str, Path]:
        """Privilege on the whole server → path, roles and proxies followed; definers are not."""
        account = self._account(account)
        found: dict[str, Path] = {}
        for key, steps, through in self._reach(account):
            if through:
                continue
            for session in self._sessions(key):
                for privilege, (roles, grant) in session.held(SERVER).items():
                    found.setdefault(privilege, Path(account, (*steps, *roles, grant.one(privilege))))
            for privilege, way in self._extra(key).items():
                found.setdefault(privilege, Path(account, (*steps, *way)))
        return found

    def holdings(self, account: Key) -> list[tuple[Steps, Grant]]:
        """Every grant, on whatever, that the account can make use of itself, by a role, or in another's place."""
        account = self._account(account)
        found: dict[Grant, Steps] = {}
        for key, steps, through in self._reach(account):
            if through:
                continue
            for session in self._sessions(key):
                for roles, grant in session.grants():
                    found.setdefault(grant, (*steps, *roles))
        return [(steps, grant) for grant, steps in found.items()]

    def _account(self, account: Key) -> Key:
        """The account as the facts spell it: hosts compare without regard to case."""
        if account in self._names:
            return account
        same = [key for key in self._names if key[0] == account[0] and key[1].lower() == account[1].lower()]
        if not same:
            raise Indeterminate(f"the grants were read, and no account {account_text(account)} is among their holders")
        return same[0]

    @cached_property
    def _names(self) -> frozenset[Key]:
        return frozenset(self.facts.accounts)

    def _direct(self, key: Key, action: str, thing: Thing) -> Steps | None:
        for session in self._sessions(key):
            held = session.held(thing)
            for wanted in suffices(action):
                if all(each in held for each in wanted):
                    roles = next((held[each][0] for each in wanted if held[each][0]), ())
                    return (*roles, " and ".join(held[each][1].one(each) for each in wanted))
        return None

    def _reach(self, start: Key) -> Iterator[tuple[Key, Steps, tuple[Stored, ...]]]:
        """The account, those it may proxy, and the definers of what it may run, breadth first."""
        waiting: list[tuple[Key, Steps, tuple[Stored, ...]]] = [(start, (), ())]
        seen: set[tuple[Key, tuple[Stored, ...]]] = set()
        while waiting:
            key, steps, through = waiting.pop(0)
            first = through[:1]
            if (key, first) in seen:
                continue
            seen.add((key, first))
            yield key, steps, first
            for other in self._proxied(key):
                waiting.append((other, (*steps, f"proxy for {account_text(other)}"), through))
            for stored, way in self._runs(key):
                step = f"{stored} as its definer {account_text(stored.definer)}"
                waiting.append((stored.definer, (*steps, *way, step), (*through, stored)))

    def _proxied(self, key: Key) -> Iterator[Key]:
        for proxy in self.facts.proxies:
            if proxy.proxied != ("", "") and speaks_of(proxy.holder, key):
                yield proxy.proxied

    def _runs(self, key: Key) -> Iterable[tuple[Stored, Steps]]:
        if key not in self._runnable:
            self._runnable[key] = [(each, way) for each in self.stored if (way := self._may_run(key, each)) is not None]
        return self._runnable[key]

    @cached_property
    def _runnable(self) -> dict[Key, list[tuple[Stored, Steps]]]:
        return {}

    @cached_property
    def _known(self) -> dict[Key, tuple[Session, ...]]:
        return {}

    def _sessions(self, key: Key) -> tuple[Session, ...]:
        if key not in self._known:
            self._known[key] = tuple(sessions(self.facts, key))
        return self._known[key]

    def _may_run(self, key: Key, stored: Stored) -> Steps | None:
        if stored.definer == key:
            return None
        if stored.kind == "VIEW":
            return self._any(key, ("SELECT", "INSERT", "UPDATE", "DELETE"), Thing("table", stored.schema, stored.name))
        if stored.kind == "TRIGGER":
            return self._any(key, ("INSERT", "UPDATE", "DELETE"), Thing("table", stored.schema, stored.name))
        return self._any(key, ("EXECUTE",), Thing(stored.kind, stored.schema, stored.name))

    def _any(self, key: Key, privileges: Iterable[str], thing: Thing) -> Steps | None:
        return next((way for each in privileges if (way := self._direct(key, each, thing)) is not None), None)

    def _extra(self, key: Key) -> dict[str, Steps]:
        """Powers that are no privilege of their own: writing the grant tables, being anybody's proxy."""
        found: dict[str, Steps] = {}
        for table in GRANT_TABLES:
            way = self._any(key, ("INSERT", "UPDATE"), Thing("table", "mysql", table))
            if way is not None:
                found[WRITES_GRANT_TABLES] = way
                break
        if any(each.proxied == ("", "") and speaks_of(each.holder, key) for each in self.facts.proxies):
            found[MAY_PROXY_ANYBODY] = ("PROXY of any account",)
        return found

    def _power(self, key: Key) -> Steps | None:
        extra = self._extra(key)
        for power in BECOMES_ANYBODY:
            way = extra.get(power) or self._direct(key, power, SERVER)
            if way is not None:
                return way
        return None
