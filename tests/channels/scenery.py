"""Targets for the channels' tests: at a loopback port, or a whole lab; and fake servers that misbehave."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pymysql

from proofs.channels.budget import AbortBudget
from proofs.lab import LabState
from proofs.model import ClientConfiguration, Database, Host, Identity, KeyPair, SecretRef, Target, Vantage

ATTACKERS = ("rogue-ca", "expired", "not-yet-valid", "revoked", "wrong-eku", "impostor", "rogue-server")


def target_at(port: int, *, engine: str = "mysql", seconds: float = 1.0) -> Target:
    return Target(
        name="fake",
        title="A fake",
        engine=engine,
        profile="p",
        database=Database("127.0.0.1", port, "db.lab.internal", "/nonexistent/ca.pem", x_port=port),
        identities={},
        vantages={"here": Vantage("here"), "outside": Vantage("outside", "127.0.0.2")},
        connect_timeout_s=seconds,
    )


def target_of(lab: LabState) -> Target:
    pki, secrets = lab.directory / "pki", lab.directory / "secrets"
    pair = lambda name: KeyPair(str(pki / f"{name}.pem"), str(pki / f"{name}.key"))  # noqa: E731
    admin, x = (lab.directory / "admin_port").read_text(), (lab.directory / "x_port").read_text()
    inspector = Identity(
        "inspector", "inspector", SecretRef("file", str(secrets / "inspector")), pair("inspector"), "127.0.0.1"
    )
    base = target_at(lab.port, engine=lab.engine, seconds=5.0)
    database = replace(base.database, ca=str(pki / "ca.pem"), crl=str(pki / "crl.pem"), x_port=int(x))
    if lab.engine == "mysql":
        database = replace(database, admin_host="127.0.0.1", admin_port=int(admin))
    return replace(
        base,
        database=database,
        identities={"inspector": inspector},
        certificates={name: pair(name) for name in ATTACKERS},
        clients=(ClientConfiguration(str(lab.directory / "client.cnf")),),
        host=Host("local://"),
    )


def good_login(target: Target) -> Callable[[], bool]:
    """A login of the inspector with TLS and certificate."""

    def login() -> bool:
        me = target.identities["inspector"]
        password = Path(me.password.value).read_text().strip()
        tls = {"ca": target.database.ca, "cert": me.keypair.certificate, "key": me.keypair.key, "check_hostname": False}
        pymysql.connect(
            host=target.database.host, port=target.database.port, user=me.user, password=password, ssl=tls
        ).close()
        return True

    return login


def never() -> bool:
    raise AssertionError("no good login was due")


def roomy() -> AbortBudget:
    return AbortBudget(never, limit=10_000)


@contextlib.contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve each connection to a free loopback port with `serve`, until the block ends; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = []

    def one(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            serve(sock)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                open_sockets.append(sock)
                threading.Thread(target=one, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in open_sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        thread.join()


def silent(sock: socket.socket) -> None:
    sock.recv(1)


def carry_both(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes both ways until either side ends."""
    peers = {one: other, other: one}
    while True:
        for source in select.select([one, other], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            peers[source].sendall(data)


@contextlib.contextmanager
def slow_link(port: int, seconds: float) -> Iterator[int]:
    """A proxy to a loopback port that delays every chunk by `seconds` each way, keeping order and throughput."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        queue: list[tuple[float, bytes]] = []
        ready = threading.Condition()

        def deliver() -> None:
            while True:
                with ready:
                    ready.wait_for(lambda: bool(queue))
                    due, data = queue.pop(0)
                time.sleep(max(0.0, due - time.monotonic()))
                with contextlib.suppress(OSError):
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)

        thread = threading.Thread(target=deliver, daemon=True)
        thread.start()
        data = b"x"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            with ready:
                queue.append((time.monotonic() + seconds, data))
                ready.notify()
        thread.join()

    def serve(client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            back = threading.Thread(target=carry, args=(upstream, client), daemon=True)
            back.start()
            carry(client, upstream)
            back.join()

    with server(serve) as proxy:
        yield proxy
