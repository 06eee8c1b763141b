"""`proofs.ports.SqlChannel` on pymysql: every look is one exchange, every refusal an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proofs.channels.budget import AbortBudget
from proofs.channels.sql.connect import Wish
from proofs.channels.sql.credentials import PUBLISHED
from proofs.channels.sql.performer import Performer
from proofs.channels.sql.results import LoginAttempt, Statement
from proofs.errors import Indeterminate
from proofs.model import Request, Target
from proofs.ports import Endpoint, ExchangeSink, Secrets, TlsMode, Transport


class Sql:
    """See `proofs.ports.SqlChannel`. Close it to end the sessions it keeps."""

    def __init__(self, target: Target, sink: ExchangeSink, secrets: Secrets, budget: AbortBudget) -> None:
        self._sink = sink
        self._live = Performer(target, secrets, budget)

    def login(
        self,
        identity: str,
        *,
        tls: TlsMode = "on",
        certificate: str = "own",
        password: str = "own",  # noqa: S107 - a label, not a password
        user: str | None = None,
        transport: Transport | None = None,
        endpoint: Endpoint = "main",
        auth_plugin: str | None = None,
        vantage: str = "here",
        lockout: bool = False,
    ) -> LoginAttempt:
        """See `proofs.ports.SqlChannel.login`."""
        wish = Wish(identity, tls, certificate, password, user, transport, endpoint, auth_plugin, vantage)
        arguments: dict[str, Any] = {
            name: value
            for name, value in (
                ("identity", identity),
                ("tls", tls),
                ("certificate", certificate),
                ("password", password),
                ("user", user),
                ("transport", transport),
                ("endpoint", endpoint),
                ("auth_plugin", auth_plugin),
                ("lockout", lockout or None),
            )
            if value is not None
        }
        exchange = self._sink.exchange(
            Request("sql", "login", arguments, vantage), lambda: self._live.login(wish, lockout=lockout)
        )
        return LoginAttempt(_in_words(wish), exchange.answer, exchange.number)

    def candidates(self) -> Sequence[str]:
        """See `proofs.ports.SqlChannel.candidates`."""
        return tuple(PUBLISHED)

    def query(self, statement: str, *, identity: str = "inspector", memo: bool = True) -> Statement:
        """See `proofs.ports.SqlChannel.query`."""
        exchange = self._sink.exchange(
            Request("sql", "query", {"identity": identity, "statement": statement}),
            lambda: self._live.query(identity, statement),
            memo=memo,
        )
        return Statement(f"{identity}: {statement}", exchange.answer, exchange.number)

    def rows(self, statement: str, *, identity: str = "inspector") -> Sequence[dict[str, Any]]:
        """See `proofs.ports.SqlChannel.rows`."""
        result = self.query(statement, identity=identity)
        if not result.ok:
            raise Indeterminate(result.describe())
        if result.truncated:
            raise Indeterminate(f"{identity}: the answer was longer than is kept: {statement}")
        return result.rows

    def variable(self, name: str) -> str | None:
        """See `proofs.ports.SqlChannel.variable`."""
        # The whole list is asked for once: one exchange instead of one a variable, and a name that does not exist
        # on this server is told apart from one that is empty.
        for row in self.rows("SHOW GLOBAL VARIABLES"):
            if str(row["variable_name"]).lower() == name.lower():
                return str(row["value"])
        return None

    def attempt(
        self, identity: str, statement: str, *, local_infile: bool = False, endpoint: Endpoint = "main"
    ) -> Statement:
        """See `proofs.ports.SqlChannel.attempt`."""
        wish = Wish(identity, local_infile=local_infile, endpoint=endpoint)
        arguments: dict[str, Any] = {"identity": identity, "statement": statement, "local_infile": local_infile}
        if endpoint != "main":
            arguments["endpoint"] = endpoint
        exchange = self._sink.exchange(
            Request("sql", "attempt", arguments), lambda: self._live.attempt(wish, statement)
        )
        return Statement(f"{identity}: {statement}", exchange.answer, exchange.number)

    def scenario(
        self, sessions: Mapping[str, str], steps: Sequence[tuple[str, str]], *, transaction: bool = True
    ) -> Sequence[Statement]:
        """See `proofs.ports.SqlChannel.scenario`."""
        arguments = {"sessions": dict(sessions), "steps": [list(step) for step in steps], "transaction": transaction}
        exchange = self._sink.exchange(
            Request("sql", "scenario", arguments), lambda: self._live.scenario(sessions, steps, transaction=transaction)
        )
        return [
            Statement(f"{sessions[label]}: {statement}", answer, exchange.number)
            for (label, statement), answer in zip(steps, exchange.answer["steps"], strict=True)
        ]

    def script(self, identity: str, statements: Sequence[str], *, transaction: bool = True) -> Sequence[Statement]:
        """See `proofs.ports.SqlChannel.script`."""
        return self.scenario({"s": identity}, [("s", each) for each in statements], transaction=transaction)

    def sessions(self, identity: str, count: int) -> Sequence[LoginAttempt]:
        """See `proofs.ports.SqlChannel.sessions`."""
        exchange = self._sink.exchange(
            Request("sql", "sessions", {"identity": identity, "count": count}),
            lambda: self._live.sessions(Wish(identity), count),
        )
        return [
            LoginAttempt(f"session {number} of {count} as {identity}", answer, exchange.number)
            for number, answer in enumerate(exchange.answer["logins"], start=1)
        ]

    def good_login(self) -> bool:
        """Log in as the inspector, to reset the server's count of this address's aborted connections."""
        return self._live.good_login()

    def close(self) -> None:
        """Leave nothing behind: no failed guess counted, no session open."""
        self._live.close()


def _in_words(wish: Wish) -> str:
    words = [f"login as {wish.identity}" if wish.user is None else f"login as user {wish.user!r}"]
    words += ["without TLS"] if wish.tls == "off" else []
    words += [f"with the {wish.password} password"] if wish.password != "own" else []  # noqa: S105
    words += [f"with certificate {wish.certificate}"] if wish.certificate != "own" else []
    words += [f"over the {wish.transport}"] if wish.transport else []
    words += [f"on the {wish.endpoint} port"] if wish.endpoint != "main" else []
    words += [f"offering {wish.auth_plugin}"] if wish.auth_plugin else []
    words += [f"from vantage {wish.vantage}"] if wish.vantage != "here" else []
    return " ".join(words)
