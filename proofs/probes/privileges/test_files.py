"""Control no-file-privilege."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.privileges.application import told
from proofs.probes.rights.objects import account_of, read_rights
from proofs.probes.sqltext import literal
from proofs.probes.transport.settings import texts

OUTFILE = "SELECT 1 INTO OUTFILE '/etc/passwd'"
"""A file that exists is never written over: with FILE the answer is 1290 (secure_file_priv) or 1086 (it exists)."""
DENIED = (1227, 1045)
"""ER_SPECIFIC_ACCESS_DENIED_ERROR on MySQL 9 and MariaDB, ER_ACCESS_DENIED_ERROR on MySQL 8.0."""
PAST = (1290, 1086)


def test_file_is_held_by_administrators_only(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Of all accounts of the server only administrators hold FILE, by whatever path (SV-235181).

    Administrators are the parameter's `user@host` and the inventory's operator.
    """
    rights = read_rights(sql, target)
    exempt = set(texts(params, "administrators"))
    if "operator" in target.identities:
        exempt.add("@".join(account_of(sql, target, "operator")))
    found = [
        held["FILE"]
        for account in rights.facts.accounts
        if "@".join(account) not in exempt and "FILE" in (held := rights.serverwide(account))
    ]
    assert not found, f"{len(found)} accounts may read and write the server's files: {told(found)}"


def test_writing_a_file_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """INTO OUTFILE is refused for the privilege to every identity, and for the file to the operator."""
    _need_operator(target)
    control = sql.attempt("operator", OUTFILE)
    for identity in _ordinary(target):
        with experiment(f"write a file of the server as {identity}") as e:
            e.control_refused(control, refused_with=PAST)
            e.attack(sql.attempt(identity, OUTFILE), refused_with=DENIED)


def test_reading_a_file_gives_nothing(sql: SqlChannel, target: Target) -> None:
    """LOAD_FILE, which answers NULL rather than an error: NULL to every identity, content to the operator."""
    _need_operator(target)
    path = target.names.get("readable_file")
    if path is None:
        raise Indeterminate("the inventory names no file that the operator can read (names.readable_file)")
    statement = f"SELECT LENGTH(LOAD_FILE({literal(path)})) AS size"
    control = sql.attempt("operator", statement)
    if not control.ok or not control.rows or not control.rows[0]["size"]:
        raise Indeterminate(f"the operator reads no file either, so a NULL says nothing: {control.describe()}")
    for identity in _ordinary(target):
        result = sql.attempt(identity, statement)
        if not result.ok:
            raise Indeterminate(result.describe())
        assert result.rows[0]["size"] is None, f"{identity} reads {path!a}: {result.rows[0]['size']} bytes"


def _need_operator(target: Target) -> None:
    if "operator" not in target.identities:
        raise Indeterminate("the inventory has no identity 'operator' for the control experiment")


def _ordinary(target: Target) -> list[str]:
    """Identities that can log in and are no administrators."""
    return [name for name in target.identities if name not in ("operator", "definer", "scratch")]
