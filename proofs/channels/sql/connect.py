"""From a target and the words of a request to an open connection."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

from proofs.channels.sql.client import Client, NamedContext, client_context
from proofs.channels.sql.credentials import PUBLISHED, WRONG
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Identity, KeyPair, Target
from proofs.ports import Secrets

PATIENCE = 2
"""Time-outs in a row after which an address is not dialled again: a host that is down is known within seconds."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One way to log in: whose account, with which material, from where."""

    identity: str
    tls: str = "on"
    certificate: str = "own"
    password: str = "own"  # noqa: S105 - a label, not a password
    user: str | None = None
    transport: str | None = None
    endpoint: str = "main"
    auth_plugin: str | None = None
    vantage: str = "here"
    local_infile: bool = False


class Connector:
    """Opens connections to one target. Time limits: the target's `connect_timeout_s` and `statement_timeout_s`."""

    def __init__(self, target: Target, secrets: Secrets) -> None:
        self._target = target
        self._secrets = secrets
        self._contexts: dict[tuple[KeyPair | None, bool], NamedContext] = {}
        self._silent: dict[tuple[tuple[str, int], tuple[str, int] | None], int] = {}

    def identity(self, name: str) -> Identity:
        """The identity of that name; `Indeterminate` when the inventory has none (a look that can't be made)."""
        identity = self._target.identities.get(name)
        if identity is None:
            raise Indeterminate(f"the inventory has no identity {name!r} for {self._target.name}")
        return identity

    def keypair(self, wish: Wish) -> KeyPair | None:
        """The client certificate a wish names."""
        if wish.certificate == "own":
            return self.identity(wish.identity).keypair
        if wish.certificate == "none":
            return None
        kind, _, other = wish.certificate.partition(":")
        found = self.identity(other).keypair if kind == "identity" else self._target.certificates.get(kind)
        if found is None:
            raise Indeterminate(f"the inventory has no certificate {wish.certificate!r} for {self._target.name}")
        return found

    def password(self, wish: Wish) -> str:
        """The password a wish names by label."""
        kind, _, label = wish.password.partition(":")
        if kind == "own":
            ref = self.identity(wish.identity).password
            return self._secrets.resolve(ref) if ref is not None else ""
        if kind == "user-name":
            return self.identity(wish.identity).user
        return {"wrong": WRONG, "empty": ""}[kind] if kind != "candidate" else PUBLISHED[label]

    def over_socket(self, wish: Wish) -> bool:
        """Whether the wish goes over the server's Unix socket."""
        return (wish.transport or self.identity(wish.identity).via) == "socket"

    def prepare(self, wish: Wish) -> dict[str, Any]:
        """Everything local that a login needs, before any packet is sent; raises for what the inventory lacks."""
        identity = self.identity(wish.identity)
        socket_login = self.over_socket(wish)
        if socket_login and self._target.database.socket is None:
            raise Indeterminate(f"the inventory names no Unix socket for {self._target.name}")
        if wish.vantage not in self._target.vantages and wish.vantage != "here":
            raise Indeterminate(f"the inventory has no vantage {wish.vantage!r} for {self._target.name}")
        vantage = self._target.vantages.get(wish.vantage)
        if vantage and wish.vantage != "here" and (vantage.forwards or vantage.through):
            # Logging in from here in its place would be judged as if it came from there.
            raise Indeterminate(f"logins are tried from vantages with a source_address only, not from {wish.vantage}")
        encrypted = wish.tls == "on" and not socket_login
        try:
            context = self._context(wish) if encrypted else None
        except OSError as error:
            raise ChannelError(f"TLS material for {wish.identity}/{wish.certificate} not usable: {error}") from error
        return {
            "context": context,
            "user": identity.user if wish.user is None else wish.user,
            "password": self.password(wish),
            "offer_plugin": wish.auth_plugin,
            "local_infile": wish.local_infile,
            "read_timeout": self._target.statement_timeout_s,
            "write_timeout": self._target.statement_timeout_s,
            **({"unix_socket": self._target.database.socket} if socket_login else {}),
        }

    def _context(self, wish: Wish) -> NamedContext:
        # Only attack material is expected to be refused in the handshake; a certificate of the same CA is not.
        keypair, attentive = self.keypair(wish), wish.certificate in self._target.certificates
        # Reading and checking key files costs more than a handshake, so a context serves all logins with its material.
        if (keypair, attentive) not in self._contexts:
            self._contexts[keypair, attentive] = client_context(self._target.database, keypair, attentive=attentive)
        context = self._contexts[keypair, attentive]
        context.handshake_done = False
        return context

    def dial(self, wish: Wish) -> socket.socket:
        """A connected stream. Raises `OSError`."""
        database = self._target.database
        if self.over_socket(wish):
            stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            stream.settimeout(self._target.connect_timeout_s)
            try:
                stream.connect(str(database.socket))
            except OSError:
                stream.close()
                raise
            return stream
        address = (database.host, database.port)
        if wish.endpoint == "admin":
            if database.admin_port is None:
                raise Indeterminate(f"the inventory names no administrative port for {self._target.name}")
            address = (database.admin_host or database.host, database.admin_port)
        vantage = self._target.vantages.get(wish.vantage)
        source = (vantage.source_address, 0) if vantage and vantage.source_address else None
        if self._silent.get((address, source), 0) >= PATIENCE:
            raise TimeoutError(f"timed out {PATIENCE} times before, not dialled again in this run")
        try:
            stream = socket.create_connection(address, self._target.connect_timeout_s, source_address=source)
        except TimeoutError:
            self._silent[(address, source)] = self._silent.get((address, source), 0) + 1
            raise
        self._silent.pop((address, source), None)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def open(self, wish: Wish, prepared: dict[str, Any]) -> Client:
        """Dial and log in. Raises `OSError` when the port can't be reached, driver errors for everything after."""
        stream = self.dial(wish)
        client = Client(**prepared)
        try:
            client.log_in(stream)
        except BaseException:
            stream.close()
            raise
        return client
