"""Control definer-accounts-locked."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import accounts, listed, without
from proofs.probes.readers import account_name, complete_reader
from proofs.probes.sqltext import quoted
from proofs.probes.transport.settings import texts

SOURCES = ("routines", "views", "triggers", "events")


def test_every_definer_is_locked(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """Every account that owns a routine, view, trigger or event of any schema is locked.

    information_schema hides what the reader has no right to: an inspector without TRIGGER and EVENT sees no triggers
    and no events, and that is no proof that there are none. So the operator reads, if there is one.
    """
    reader = complete_reader(sql, target)
    owners = {
        account_name(str(row["definer"]))
        for source in SOURCES
        for row in sql.rows(f"SELECT DISTINCT definer AS definer FROM information_schema.{source}", identity=reader)  # noqa: S608
    }
    if not owners:
        raise Indeterminate("no stored object was seen at all, although both engines bring some of their own")
    judged = [account for account in accounts(sql, target.engine) if (account.user, account.host.lower()) in owners]
    awake = [each for each in without(judged, texts(params, "exempt_accounts")) if each.can_log_in]
    assert not awake, f"{len(awake)} of {len(owners)} definers of stored objects are not locked: {listed(awake)}"


def test_definer_login_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """The definer's right password and certificate are refused because it is locked, and its routine still runs.

    3118 (MySQL) and 4151 (MariaDB), ER_ACCOUNT_HAS_BEEN_LOCKED: answered only to the right password; a wrong one gets
    1045. MySQL Reference Manual, "Account Locking" and "Stored Object Access Control".
    """
    routine = target.names.get("definer_routine")
    if routine is None or target.schema is None:
        raise Indeterminate("the inventory names no routine of the definer (schema, names.definer_routine)")
    with experiment("log in as the definer of a routine") as e:
        e.control(sql.attempt("app", f"CALL {quoted(target.schema, routine)}()"))
        e.attack(sql.login("definer"), refused_with={"mysql": 3118, "mariadb": 4151})
