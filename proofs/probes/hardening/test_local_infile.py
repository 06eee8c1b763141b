"""Control local-infile-disabled: the server asks no client for its files."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.ports import Experiments, SqlChannel
from proofs.probes.hardening.rules import on

LOCAL = "LOAD DATA LOCAL INFILE 'proof-of-controls-absent' INTO TABLE mysql.func"
REFUSED = {"mysql": (3948, 1148), "mariadb": (4166, 1148)}
LATER = {1044, 1045, 1142, 1143, 1146, 1227}
"""Refusals for want of privileges or of the table: they come after the check of local_infile."""


def test_local_infile_is_off(sql: SqlChannel) -> None:
    """The variable local_infile is OFF.

    MySQL: off by default since 8.0; MariaDB: on by default (SV-235145, SV-253692).
    """
    value = sql.variable("local_infile")
    if on(value) is None:
        raise Indeterminate(f"the variable local_infile is {value!a}, neither ON nor OFF")
    assert not on(value), f"local_infile is {value!a}, expected OFF"


def test_load_data_local_is_refused(sql: SqlChannel, experiment: Experiments) -> None:
    """A client that would hand over its files is refused before the server asks for one.

    MySQL 3948 ER_CLIENT_LOCAL_FILES_DISABLED, MariaDB 4166 ER_LOAD_INFILE_CAPABILITY_DISABLED, older 1148; both
    engines check it before privileges. This client sends an empty file to a server that asks, so no row is loaded
    in any case. Control experiment: the same account and table without LOCAL get as far as the file (13, 29) or
    secure_file_priv (1290), so the statement itself was in order.
    """
    with experiment("make a client send a local file") as e:
        plain = LOCAL.replace(" LOCAL", "").replace("'proof", "'/proof-of-controls/proof")
        e.control_refused(sql.attempt("operator", plain), refused_with=(13, 29, 1290))
        for identity in ("operator", "app"):
            attempt = sql.attempt(identity, LOCAL, local_infile=True)
            assert not attempt.local_file_requested, f"{identity}: the server asked for a local file"
            assert not attempt.codes & LATER, f"{identity}: LOCAL was let through to later checks: {attempt.describe()}"
            e.attack(attempt, refused_with=REFUSED)
