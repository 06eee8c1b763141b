"""Control secure-file-priv-confined: where SQL may read and write files of the server."""

from __future__ import annotations

import posixpath

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.hardening.rules import names, switched_off, unconfined

ABSENT = "/proof-of-controls/absent"
NOT_THERE = (13, 29)
"""EE_STAT, EE_FILENOTFOUND: the server looked for the file, so nothing had kept it from that path."""


def _setting(sql: SqlChannel) -> dict[str, str | None]:
    return sql.rows(
        "SELECT @@GLOBAL.secure_file_priv AS directory, @@GLOBAL.datadir AS datadir,"
        " @@GLOBAL.plugin_dir AS plugin_dir, @@GLOBAL.ssl_key AS ssl_key"
    )[0]


def test_file_access_is_confined(sql: SqlChannel, target: Target, params: dict[str, ParameterValue]) -> None:
    """secure_file_priv names a directory of its own, or on MySQL switches file access off altogether.

    Empty means anywhere. MariaDB shows an option that was not given as NULL, which also means anywhere. A directory
    that overlaps with the data, the plugins or the keys would confine nothing (SV-235142).
    """
    found = _setting(sql)
    key = found["ssl_key"]
    reason = unconfined(
        found["directory"],
        target.engine,
        apart_from=(found["datadir"], found["plugin_dir"], posixpath.dirname(key) if key else None),
        allowed=names(params["allowed_directories"]),
    )
    assert reason is None, f"secure_file_priv: {reason}"


def test_reading_outside_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """An account with the FILE privilege reads no file outside the directory.

    LOAD_FILE refuses with NULL, never with an error; the content is not asked for, only whether there was any.
    LOAD DATA INFILE: 1290 ER_OPTION_PREVENTS_STATEMENT before the path is looked at. The path of the attack does not
    exist, so nothing is loaded even if it is let through: then the server says 13, which is the finding. Control
    experiments: the same inside the directory gets as far as 13; where there is no directory at all (NULL), an
    account without FILE is refused earlier, with 1045.
    """
    read = sql.attempt(
        "operator",
        "SELECT LOAD_FILE('/etc/passwd') IS NOT NULL AS passwords,"
        " LOAD_FILE(@@GLOBAL.ssl_cert) IS NOT NULL AS certificate",
    )
    if not read.ok or len(read.rows) != 1:
        raise Indeterminate(f"LOAD_FILE gave no answer: {read.describe()}")
    opened = [what for what, seen in read.rows[0].items() if str(seen) != "0"]
    assert not opened, f"LOAD_FILE read files outside the directory: {', '.join(opened)} (/etc/passwd, ssl_cert)"

    outside = sql.attempt("operator", f"LOAD DATA INFILE '{ABSENT}' INTO TABLE mysql.func")
    assert not outside.codes & set(NOT_THERE), f"LOAD DATA INFILE looked outside the directory: {outside.describe()}"
    directory = _setting(sql)["directory"]
    with experiment("load a file from outside secure_file_priv") as e:
        if directory and not switched_off(directory, target.engine):
            inside = posixpath.join(directory, "proof-of-controls-absent").replace("'", "''")
            statement = f"LOAD DATA INFILE '{inside}' INTO TABLE mysql.func"
            e.control_refused(sql.attempt("operator", statement), refused_with=NOT_THERE)
        else:
            statement = f"LOAD DATA INFILE '{ABSENT}' INTO TABLE mysql.func"
            e.control_refused(sql.attempt("app", statement), refused_with=1045)
        e.attack(outside, refused_with=1290)
