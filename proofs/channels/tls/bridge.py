"""A TCP bridge on loopback behind which the database looks like a plain TLS server.

For each client it opens a connection to the endpoint, brings it to the point where TLS may start, and from then on only
copies bytes. What went wrong on the far side is kept: a scanner that merely sees its connection closed would take a
network failure for a refusal, and so for a pass.
"""

from __future__ import annotations

import select
import selectors
import socket
import threading

from proofs.channels.budget import AbortBudget
from proofs.channels.tls.endpoints import Endpoint
from proofs.channels.tls.starttls import open_tls_ready
from proofs.errors import ChannelError

_CHUNK = 65536


class Bridge:
    """Listens on a free loopback port between `open` and `close`; `port` is it.

    `connections` counts upstream connections made; `failures` says why some could not be made; `unanswered` counts
    those which the server ended without one byte in answer to the client's.
    """

    def __init__(self, endpoint: Endpoint, budget: AbortBudget, seconds: float) -> None:
        self._endpoint = endpoint
        self._budget = budget
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pumps: list[threading.Thread] = []
        self._stop, self._stopped = socket.socketpair()
        self.connections = 0
        self.unanswered = 0
        self.failures: list[str] = []

    def open(self) -> None:
        """Begin to listen."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name=f"bridge-{self._endpoint.name}", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """End every connection and wait until nothing of the bridge is left; more than once is harmless."""
        self._stop.close()  # readable at the other end: ends the acceptor and every pump
        if hasattr(self, "_acceptor"):
            self._acceptor.join()
            for pump in self._pumps:
                pump.join()
            self._listener.close()
        self._stopped.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._stopped in ready:
                    return
                client, _ = self._listener.accept()
                pump = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._pumps = [p for p in self._pumps if p.is_alive()]
                self._pumps.append(pump)
                pump.start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            hello = self._first_bytes(client)
            if not hello:
                return
            try:
                self._budget.spend()
                with self._lock:
                    self.connections += 1
                server = open_tls_ready(self._endpoint, self._seconds)
            except ChannelError as e:
                with self._lock:
                    self.failures.append(str(e))
                return
            with server:
                ended_by_server, answered = self._pump(client, server, hello)
            if ended_by_server and not answered:
                with self._lock:
                    self.unanswered += 1

    def _first_bytes(self, client: socket.socket) -> bytes:
        """The client's first bytes: one that gives up before it speaks costs the server no connection."""
        poll = select.poll()
        poll.register(client, select.POLLIN)
        poll.register(self._stopped, select.POLLIN)
        if self._stopped.fileno() in [descriptor for descriptor, _ in poll.poll()]:
            return b""
        try:
            return client.recv(_CHUNK)
        except ConnectionError:
            return b""

    def _pump(self, client: socket.socket, server: socket.socket, hello: bytes) -> tuple[bool, bool]:
        """Copy both ways until either side ends: did the server end it, and had it sent anything?"""
        answered = False
        try:
            server.sendall(hello)
        except OSError:
            return True, False
        peers = {client.fileno(): (client, server), server.fileno(): (server, client)}
        poll = select.poll()
        for descriptor in (*peers, self._stopped.fileno()):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor not in peers:
                    return False, answered
                source, sink = peers[descriptor]
                try:
                    data = source.recv(_CHUNK)
                    if data:
                        answered = answered or source is server
                        sink.sendall(data)
                except OSError:
                    data = b""  # a reset: the end, like a close
                if not data:
                    return source is server, answered
