"""How a target's machine is reached over SSH (or otherwise), and what is said of it: services, firewall, jails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STRANGER = "proofs-nobody"
"""An account that no host has: logins in its name fail, and can be told from all others in the host's log."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A TCP port, and the networks (CIDR) that the firewall may let through to it; all others are denied."""

    port: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogForwarding:
    """How the machine's log leaves it: the unit that forwards, and where the receiver (if the prover can read it)
    writes what arrives."""

    unit: str
    received: str | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What OpenSCAP evaluates on the host: a profile, of a data stream that is picked by the system where none is
    given, changed by a tailoring file if there is one. Paths are on the host."""

    profile: str
    datastream: str | None = None
    tailoring: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """The section `host` of a target. Paths of keys and known hosts are on the prover's machine, others on the host.

    `connection` is a host spec of pytest-testinfra (`ssh://user@host:port`, `local://`, …); `service` the systemd unit
    of the database server; `jails` fail2ban's, by what they watch (`ssh`, `database`).
    """

    connection: str
    identity_file: str | None = None
    known_hosts: str | None = None
    sudo: bool = False
    service: str | None = None
    firewall: tuple[Admitted, ...] | None = None
    listeners: tuple[int, ...] = ()
    jails: Mapping[str, str] = field(default_factory=dict)
    anchor_timer: str | None = None
    log_forwarding: LogForwarding | None = None
    backups: tuple[str, ...] = ()
    scap: Benchmark | None = None

    @property
    def local(self) -> bool:
        """The host is the prover's own machine."""
        return self.connection.startswith("local:")
