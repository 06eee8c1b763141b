"""Sessions on a lab's server: an identity over TLS with its certificate, or the operator over the socket."""

from __future__ import annotations

import ssl
from typing import Any

import pymysql

from proofs.lab.state import LabState


def connect(lab: LabState, identity: str) -> Any:
    password = (lab.directory / "secrets" / identity).read_text()
    if identity == "operator":
        return pymysql.connect(unix_socket=str(lab.socket), user="root", password=password, ssl_disabled=True)
    context = ssl.create_default_context(cafile=str(lab.directory / "pki" / "ca.pem"))
    context.load_cert_chain(lab.directory / "pki" / f"{identity}.pem", lab.directory / "pki" / f"{identity}.key")
    user = identity.replace("-", "_")
    return pymysql.connect(host="127.0.0.1", port=lab.port, user=user, password=password, ssl=context)


def ask(session: Any, statement: str) -> list[Any]:
    """Rows of the first result."""
    with session.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
