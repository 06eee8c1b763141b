"""A second connection through mysqlclient, to the very server that our own client verified.

libmariadb checks a server's name against the address it dials, on some of its versions not at all; it has no notion of
the inventory's `server_name`. So the certificate is pinned instead: our own client has verified chain, name and
validity a moment before, and libmariadb is told the fingerprint of just that certificate (`ssl-fp`, Connector/C
manual), which it checks before it sends the login. MySQL's own client library has no such pin: it is not used.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from proofs.channels.sql.client import MAX_ANSWER_BYTES
from proofs.model import Database, KeyPair

_GROUP = "proof-of-controls"
_SHA256_SINCE = (3, 4)  # Connector/C; before, a fingerprint is SHA-1: finding another certificate that has it
# (a second preimage, not a collision) is out of reach there too.


class NotFast(Exception):  # noqa: N818 - a reason, not an error: the other driver does the same
    """mysqlclient can't be used here, for the reason given."""


def connect(
    database: Database, keypair: KeyPair | None, user: str, password: str, *, leaf: bytes, limit_s: float
) -> Any:
    """A connection with unbuffered cursors that give bytes. `leaf`: the server's verified certificate, DER.

    Raises `NotFast` for whatever keeps this driver from being used.
    """
    try:
        import MySQLdb  # noqa: PLC0415 - an extra, and slow to import
        import MySQLdb.cursors  # noqa: PLC0415
    except ImportError:
        raise NotFast("mysqlclient is not installed (extra: fast)") from None
    library = str(MySQLdb.get_client_info())
    version = tuple(int(part) for part in library.split(".")[:2] if part.isdigit())
    if version[:1] != (3,):
        raise NotFast(f"mysqlclient is built on client library {library}, which can't pin a server's certificate")
    pin = hashlib.sha256(leaf) if version >= _SHA256_SINCE else hashlib.sha1(leaf)  # noqa: S324 - see _SHA256_SINCE
    seconds = max(1, int(limit_s))
    tls = {"ca": database.ca}
    if keypair is not None:
        tls |= {"cert": keypair.certificate, "key": keypair.key}
    options = _option_file(f"ssl-fp = {pin.hexdigest()}\nmax-allowed-packet = {MAX_ANSWER_BYTES}\n")
    try:
        return MySQLdb.connect(
            host=database.host,
            port=database.port,
            user=user,
            password=password,
            ssl=tls,
            ssl_mode="REQUIRED",
            read_default_file=options,
            read_default_group=_GROUP,
            local_infile=0,
            charset="utf8mb4",
            use_unicode=False,
            conv={},
            autocommit=None,
            connect_timeout=seconds,
            read_timeout=seconds,
            write_timeout=seconds,
            cursorclass=MySQLdb.cursors.SSCursor,
        )
    except MySQLdb.Error as error:
        raise NotFast(f"mysqlclient: {words(error)}") from None
    finally:
        Path(options).unlink()


def name(connection: Any) -> str:
    """The driver as it is told in evidence."""
    import MySQLdb  # noqa: PLC0415

    version = ".".join(str(part) for part in MySQLdb.version_info[:3])
    cipher = connection.get_ssl_cipher() if hasattr(connection, "get_ssl_cipher") else None
    return f"mysqlclient {version}, libmariadb {MySQLdb.get_client_info()}" + (f", {cipher}" if cipher else "")


def errors() -> tuple[type[BaseException], ...]:
    """What this driver raises, once it is in use."""
    import MySQLdb  # noqa: PLC0415

    return (MySQLdb.Error,)


def words(error: BaseException) -> str:
    """One of its errors for people: number and message, bounded."""
    return " ".join(str(part) for part in error.args)[:300]


def _option_file(text: str) -> str:
    """An option file of our own: there is no other way to these settings, and nobody else's file is read."""
    descriptor, path = tempfile.mkstemp(prefix="proofs-", suffix=".cnf")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"[{_GROUP}]\n{text}")
    return path
