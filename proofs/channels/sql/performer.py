"""What the `sql` channel does when it really looks: connections, sessions kept open, guesses held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from pymysql.err import MySQLError

from proofs.channels.budget import AbortBudget
from proofs.channels.sql.answers import CLIENT_SIDE, error_answer, in_words
from proofs.channels.sql.client import Client
from proofs.channels.sql.connect import Connector, Wish
from proofs.channels.sql.statements import LOCK_WAIT, must, prepare_session, run, session_facts, step
from proofs.errors import ChannelError
from proofs.model import Target
from proofs.ports import Secrets

FAILED = (MySQLError, OSError, *CLIENT_SIDE)


class Performer:
    """Live looks at one target's database; every public method but `good_login` and `close` gives a stored answer."""

    def __init__(self, target: Target, secrets: Secrets, budget: AbortBudget) -> None:
        self._target = target
        self._budget = budget
        self._connector = Connector(target, secrets)
        self._kept: dict[str, Client] = {}
        self._guesses: dict[str, int] = {}

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

    def login(self, wish: Wish, *, lockout: bool) -> dict[str, Any]:
        """A login that is tried and closed; a guess at a password only while it can lock nobody out."""
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
            client = self._open(Wish(identity))
            try:
                prepare_session(client, self._target)
            except BaseException:
                client.abandon()
                raise
            self._kept[identity] = client
        return self._kept[identity]

    def _open(self, wish: Wish) -> Client:
        prepared = self._connector.prepare(wish)
        try:
            return self._connector.open(wish, prepared)
        except FAILED as error:
            reason = in_words(error_answer(error))
            raise ChannelError(f"{self._target.name}: cannot log in as {wish.identity}: {reason}") from error

    def query(self, identity: str, statement: str) -> dict[str, Any]:
        """A statement on the identity's kept session."""
        client = self._session(identity)
        answer = run(client, statement)
        if answer.get("closed"):
            del self._kept[identity]
        return answer

    def attempt(self, wish: Wish, statement: str) -> dict[str, Any]:
        """A statement in a transaction of its own connection, rolled back."""
        client = self._open(wish)
        with closing(client):
            begun = run(client, "START TRANSACTION")
            if not begun["ok"]:
                return begun
            answer = run(client, statement, warnings=True)
            if not answer.get("closed"):
                answer["rolled_back"] = run(client, "ROLLBACK")["ok"]
            return answer

    def scenario(
        self, sessions: Mapping[str, str], steps: Sequence[tuple[str, str]], *, transaction: bool
    ) -> dict[str, Any]:
        """Steps on connections of their own, each rolled back at the end."""
        with ExitStack() as stack:
            clients: dict[str, Client] = {}
            for label, identity in sessions.items():
                clients[label] = stack.enter_context(closing(self._open(Wish(identity))))
                must(clients[label], LOCK_WAIT, self._target.name)
                if transaction:
                    must(clients[label], "START TRANSACTION", self._target.name)
            answers = [step(clients[label], statement) for label, statement in steps]
            rolled_back = {label: client.open and run(client, "ROLLBACK")["ok"] for label, client in clients.items()}
            return {"steps": answers, "rolled_back": rolled_back}

    def sessions(self, wish: Wish, count: int) -> dict[str, Any]:
        """Several logins held open together."""
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
