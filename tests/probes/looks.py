"""Channels that answer what a test says: for verdicts that no server of the lab can be brought to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proofs.channels.host.commands import known
from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Database, Identity, KeyPair, SecretRef, Target
from proofs.verdicts import experiment

Code = int | str


@dataclass(frozen=True)
class Attempt:
    """An attempt that came out like this."""

    ok: bool = True
    codes: frozenset[Code] = frozenset()
    facts: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    truncated: bool = False

    def describe(self) -> str:
        return "an attempt"


def refused(*codes: Code, **more: Any) -> Attempt:
    return Attempt(False, frozenset(codes), **more)


@dataclass
class Sql:
    """`variables` by name, `tables` by a word of the statement, logins and attempts by function."""

    variables: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)
    logins: Callable[..., Attempt] = lambda identity, **_: Attempt()
    attempts: Callable[..., Attempt] = lambda identity, statement, **_: Attempt()

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def rows(self, statement: str, *, identity: str = "inspector") -> Any:
        if "USER_PRIVILEGES" in statement and "USER_PRIVILEGES" not in self.tables:
            # The accounts in force are those of the table, unless a test says otherwise.
            known = [row for word, rows in self.tables.items() if word.endswith(" ORDER") for row in rows]
            return [{"grantee": f"'{row['user']}'@'{row['host']}'", "privilege": "USAGE"} for row in known]
        for word, rows in self.tables.items():
            if word in statement:
                return rows
        raise Indeterminate(f"no such table: {statement}")

    def query(self, statement: str, **_: Any) -> Attempt:
        for word, rows in self.tables.items():
            if word in statement:
                return Attempt(rows=tuple(rows))
        return refused(1146)

    def login(self, identity: str, **options: Any) -> Attempt:
        return self.logins(identity, **options)

    def attempt(self, identity: str, statement: str, **options: Any) -> Attempt:
        return self.attempts(identity, statement, **options)


@dataclass
class Tls:
    """`scanned`, and handshakes by function."""

    scanned: Mapping[str, Any] = field(default_factory=dict)
    handshakes: Callable[..., Attempt] = lambda endpoint, **_: Attempt()
    suites: Callable[[str, str], Attempt] = lambda suite, endpoint: Attempt()
    groups: Callable[[str, str], Attempt] = lambda group, endpoint: Attempt()

    def scan(self, endpoint: str = "main") -> Mapping[str, Any]:
        return self.scanned

    def handshake(self, endpoint: str = "main", **options: Any) -> Attempt:
        return self.handshakes(endpoint, **options)

    def cipher_suite(self, suite: str, endpoint: str = "main") -> Attempt:
        return self.suites(suite, endpoint)

    def key_exchange(self, group: str, endpoint: str = "main") -> Attempt:
        return self.groups(group, endpoint)


@dataclass
class Machine:
    """`places` by path, leaf first; `files` by path; `sockets`; `commands` by name: stdout, a result, or an error.

    `clocks` are answered one after the other, `arrival` whenever it is asked for.
    """

    places: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    sockets: tuple[Mapping[str, Any], ...] = ()
    commands: Mapping[str, Any] = field(default_factory=dict)
    clocks: list[Mapping[str, Any]] = field(default_factory=list)
    arrival: Any = None
    offer: Any = None

    def command(self, name: str, **arguments: str) -> CommandOutput:
        known()[name].filled(arguments)
        answer = self.commands.get(name, ChannelError(f"the host has no command {name}"))
        if isinstance(answer, Mapping):
            answer = answer[next(iter(arguments.values()))]
        if isinstance(answer, Exception):
            raise answer
        return CommandOutput(0, answer, "") if isinstance(answer, str) else answer

    def stat_path(self, path: str) -> Any:
        return self.places[path]

    def read_text(self, path: str, *, limit: int = 0) -> str:
        return self.files[path]

    def listening(self) -> Any:
        return self.sockets

    def clock(self) -> Any:
        return self.clocks.pop(0)

    def login_received(self, wait_s: int) -> Any:
        if isinstance(self.arrival, Exception):
            raise self.arrival
        return self.arrival

    def ssh_offer(self) -> Any:
        return self.offer


def experiments(engine: str = "mysql") -> Any:
    return lambda title: experiment(title, engine)


def target(engine: str = "mysql", **changes: Any) -> Target:
    """A target without anything a test doesn't name."""
    app = Identity("app", "app", SecretRef("env", "APP"), KeyPair("app.pem", "app.key"), "10.0.0.5")
    database = Database("10.0.0.1", 3306, "db.example.org", "ca.pem")
    known: dict[str, Any] = {"identities": {"app": app}, "database": database} | changes
    return Target("t", "T", engine, "zero-trust-mysql", **known)
