"""A TCP bridge on loopback behind which the database looks like a plain TLS server.

For each client it opens a connection to the endpoint, brings it to the point where TLS may start, and from then on only
copies bytes. What went wrong on the far side is kept: a scanner that merely sees its connection closed would take a
network failure for a refusal, and so for a pass.
"""

from __future__ import annotations

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
                ended_by_server, answered = self._pump(client, server)
            if ended_by_server and not answered:
                with self._lock:
                    self.unanswered += 1

    def _pump(self, client: socket.socket, server: socket.socket) -> tuple[bool, bool]:
        """Copy both ways until either side ends: did the server end it, and had it sent anything?"""
        answered = False
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, (client, server))
            selector.register(server, selectors.EVENT_READ, (server, client))
            selector.register(self._stopped, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return False, answered
                    source, sink = key.data
                    try:
                        data = source.recv(_CHUNK)
                        if data:
                            answered = answered or source is server
                            sink.sendall(data)
                    except OSError:
                        data = b""  # a reset: the end, like a close
                    if not data:
                        return source is server, answered
