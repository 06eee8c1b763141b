"""What is proven: targets, the identities the harness may use there, and secrets by reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from proofs.model.application import Application, Audit, Records, Tenancy
from proofs.model.controls import Engine, ParameterValue
from proofs.model.host import Host


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is to be had, never the secret: `{env: NAME}`, `{file: PATH}`, `{command: [...]}`."""

    kind: Literal["env", "file", "command"]
    value: str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A client certificate and its private key, as paths on the prover's machine."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Identity:
    """An account the harness may log in as.

    `host` is the host part of the account (for statements about it); `via` is how it logs in by default.
    """

    name: str
    user: str
    password: SecretRef | None
    keypair: KeyPair | None
    host: str
    via: Literal["tcp", "socket"] = "tcp"


@dataclass(frozen=True, slots=True)
class Database:
    """The server's endpoints and the trust anchor to judge it by. Paths are on the prover's machine."""

    host: str
    port: int
    server_name: str
    ca: str
    crl: str | None = None
    socket: str | None = None
    admin_host: str | None = None
    admin_port: int | None = None
    x_host: str | None = None
    x_port: int = 33060


@dataclass(frozen=True, slots=True)
class Vantage:
    """The place on the network a look is taken from: this machine, or one of three other ways to stand elsewhere.

    `source_address` is bound before connecting. `forwards` maps ports of the host to `ADDRESS:PORT` of a forwarder that
    leads there from elsewhere, to `address` of the host. `through` is a bastion, `ssh://[user@]host[:port]`, reached
    with the two files.
    """

    name: str
    source_address: str | None = None
    forwards: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    through: str | None = None
    identity_file: str | None = None
    known_hosts: str | None = None


@dataclass(frozen=True, slots=True)
class ClientConfiguration:
    """A client option file in use (`[client]` of a my.cnf), for the controls about clients."""

    path: str
    group: str = "client"


@dataclass(frozen=True, slots=True)
class Target:
    """One host to be proven: one entry of `targets.yaml`, with every reference but the secrets resolved."""

    name: str
    title: str
    engine: Engine
    profile: str
    database: Database
    identities: Mapping[str, Identity]
    certificates: Mapping[str, KeyPair] = field(default_factory=dict)
    vantages: Mapping[str, Vantage] = field(default_factory=dict)
    clients: tuple[ClientConfiguration, ...] = ()
    host: Host | None = None
    schema: str | None = None
    application: Application | None = None
    tenancy: Tenancy | None = None
    audit: Audit | None = None
    records: Records | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    allow_canary_writes: bool = False
    allow_lockout_probe: bool = False
    allow_ban_probe: bool = False
    ban_vantage: str | None = None
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 10.0
    run_timeout_s: float = 600.0
    lab: str | None = None
