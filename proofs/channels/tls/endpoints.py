"""Which address and which protocol each named endpoint of a target has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from proofs.errors import Indeterminate
from proofs.model import Target


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A listening endpoint of the server and the protocol that leads to TLS there."""

    name: str
    host: str
    port: int
    protocol: Literal["classic", "x"]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def endpoint_of(target: Target, name: str) -> Endpoint:
    """The endpoint `main`, `admin` or `x` of a target.

    Raises `Indeterminate` if the target does not have one of that name.
    """
    database = target.database
    if name == "main":
        return Endpoint(name, database.host, database.port, "classic")
    if name == "admin":
        if database.admin_port is None:
            raise Indeterminate("the target names no administrative endpoint (database.admin)")
        return Endpoint(name, database.admin_host or database.host, database.admin_port, "classic")
    if name == "x":
        if target.engine != "mysql":
            raise Indeterminate(f"{target.engine} has no X Protocol endpoint")
        return Endpoint(name, database.x_host or database.host, database.x_port, "x")
    raise Indeterminate(f"no endpoint is called {name!r}: main, admin or x")
