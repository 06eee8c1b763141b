"""`proofs.ports.SqlChannel` on pymysql: every look is one exchange, every refusal an answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

from pymysql.err import MySQLError

from proofs.channels.budget import AbortBudget
from proofs.channels.sql.answers import CLIENT_SIDE, error_answer, in_words
from proofs.channels.sql.client import Client
from proofs.channels.sql.connect import Connector, Wish
from proofs.channels.sql.credentials import PUBLISHED
from proofs.channels.sql.results import LoginAttempt, Statement
from proofs.channels.sql.statements import prepare_session, run, session_facts
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Request, Target
from proofs.ports import Endpoint, ExchangeSink, Secrets, TlsMode, Transport

FAILED = (MySQLError, OSError, *CLIENT_SIDE)


class Sql:
    """See `proofs.ports.SqlChannel`. Close it to end the sessions it keeps."""

    def __init__(self, target: Target, sink: ExchangeSink, secrets: Secrets, budget: AbortBudget) -> None:
        self._target = target
        self._sink = sink
        self._budget = budget
        self._connector = Connector(target, secrets)
        self._kept: dict[str, Client] = {}
        self._guesses: dict[str, int] = {}

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
            Request("sql", "login", arguments, vantage), lambda: self._login(wish, lockout=lockout)
        )
        return LoginAttempt(_in_words(wish), exchange.answer, exchange.number)

    def candidates(self) -> Sequence[str]:
        """See `proofs.ports.SqlChannel.candidates`."""
        return tuple(PUBLISHED)

    def query(self, statement: str, *, identity: str = "inspector", memo: bool = True) -> Statement:
        """See `proofs.ports.SqlChannel.query`."""
        exchange = self._sink.exchange(
            Request("sql", "query", {"identity": identity, "statement": statement}),
            lambda: self._query(identity, statement),
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
        exchange = self._sink.exchange(Request("sql", "attempt", arguments), lambda: self._attempt(wish, statement))
        return Statement(f"{identity}: {statement}", exchange.answer, exchange.number)

    def sessions(self, identity: str, count: int) -> Sequence[LoginAttempt]:
        """See `proofs.ports.SqlChannel.sessions`."""
        exchange = self._sink.exchange(
            Request("sql", "sessions", {"identity": identity, "count": count}),
            lambda: self._sessions(Wish(identity), count),
        )
        return [
            LoginAttempt(f"session {number} of {count} as {identity}", answer, exchange.number)
            for number, answer in enumerate(exchange.answer["logins"], start=1)
        ]

    def good_login(self) -> bool:
        """Log in as the inspector, which resets the server's count of this address's aborted connections.

        MySQL manual, `max_connect_errors`: a successful connection clears the host's counter.
        """
        return bool(self._try(Wish("inspector"), look=False)["ok"])

    def close(self) -> None:
        """Clear what guesses left in the server's counters by a good login each, and end every session kept open."""
        for identity in [name for name, guesses in self._guesses.items() if guesses]:
            self._try(Wish(identity), look=False)
        self._guesses.clear()
        while self._kept:
            _, client = self._kept.popitem()
            client.close()

    def _login(self, wish: Wish, *, lockout: bool) -> dict[str, Any]:
        guess = wish.password != "own" or wish.user is not None  # noqa: S105
        if lockout and not self._target.allow_lockout_probe:
            raise ChannelError(f"{self._target.name} does not allow lock-out probes (allow_lockout_probe)")
        reset = False
        if guess and not lockout:
            # No account may be locked by being proven: never two wrong passwords in a row without a right one.
            if self._guesses.get(wish.identity, 0) >= 1:
                reset = bool(self._try(Wish(wish.identity), look=False)["ok"])
                if not reset:
                    raise ChannelError(f"{wish.identity}: no further guess, since its own login does not succeed now")
                self._guesses[wish.identity] = 0
            self._guesses[wish.identity] = self._guesses.get(wish.identity, 0) + 1
        answer = self._try(wish)
        if reset:
            answer["good_login_before"] = True
        return answer

    def _try(self, wish: Wish, *, look: bool = True) -> dict[str, Any]:
        prepared = self._connector.prepare(wish)
        if wish.certificate != "own" or wish.tls == "off":
            self._budget.spend()
        try:
            stream = self._connector.dial(wish)
        except OSError as error:
            return {"ok": False, "stage": "connect", "error": error_answer(error)}
        client = Client(**prepared)
        with closing(stream):
            try:
                client.log_in(stream)
            except FAILED as error:
                return {"ok": False, "stage": client.reached, "error": error_answer(error)}
            with closing(client):
                session = session_facts(client) if look else {}
                return {"ok": True, "stage": "session", "error": None, "session": session}

    def _session(self, identity: str) -> Client:
        if identity not in self._kept:
            wish = Wish(identity)
            prepared = self._connector.prepare(wish)
            try:
                client = self._connector.open(wish, prepared)
            except FAILED as error:
                message = in_words(error_answer(error))
                raise ChannelError(f"{self._target.name}: cannot log in as {identity}: {message}") from error
            try:
                prepare_session(client, self._target)
            except BaseException:
                client.abandon()
                raise
            self._kept[identity] = client
        return self._kept[identity]

    def _query(self, identity: str, statement: str) -> dict[str, Any]:
        client = self._session(identity)
        answer = run(client, statement)
        if answer.get("closed"):
            del self._kept[identity]
        return answer

    def _attempt(self, wish: Wish, statement: str) -> dict[str, Any]:
        prepared = self._connector.prepare(wish)
        try:
            client = self._connector.open(wish, prepared)
        except FAILED as error:
            raise ChannelError(
                f"{self._target.name}: cannot log in as {wish.identity}: {in_words(error_answer(error))}"
            ) from error
        with closing(client):
            begun = run(client, "START TRANSACTION")
            if not begun["ok"]:
                return begun
            answer = run(client, statement, warnings=True)
            if not answer.get("closed"):
                answer["rolled_back"] = run(client, "ROLLBACK")["ok"]
            return answer

    def _sessions(self, wish: Wish, count: int) -> dict[str, Any]:
        prepared = self._connector.prepare(wish)
        logins: list[dict[str, Any]] = []
        with ExitStack() as stack:
            for _ in range(count):
                try:
                    client = self._connector.open(wish, prepared)
                except FAILED as error:
                    logins.append({"ok": False, "stage": "login", "error": error_answer(error)})
                else:
                    stack.callback(client.close)
                    logins.append({"ok": True, "stage": "session", "error": None, "session": {}})
        return {"logins": logins}


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
