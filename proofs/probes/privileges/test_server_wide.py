"""Control no-global-privileges-for-app."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.privileges.application import application_of, told
from proofs.probes.privileges.holders import uses
from proofs.probes.rights.objects import account_of, granted_to
from proofs.probes.transport.settings import texts

DENIED = 1227
"""ER_SPECIFIC_ACCESS_DENIED_ERROR: at least one of these privileges is needed."""
PAST = (1231, 1232)
"""ER_WRONG_VALUE_FOR_VAR and ER_WRONG_TYPE_FOR_VAR: the privilege was there, the value was not taken."""


def test_no_privilege_on_the_whole_server(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Applications hold nothing on `*.*` beyond the parameter's list, by grant, role or proxy (SV-235181)."""
    rights = granted_to(sql, target, application_of(target).identities)
    allowed = {name.upper() for name in texts(params, "allowed_privileges")} | {"USAGE"}
    found = [
        path
        for name in application_of(target).identities
        for privilege, path in sorted(rights.serverwide(account_of(sql, target, name)).items())
        if privilege not in allowed
    ]
    assert not found, f"{len(found)} server-wide privileges of applications: {told(found)}"


def test_nothing_can_be_passed_on(sql: SqlChannel, target: Target) -> None:
    """No grant that an application can make use of, on whatever object, by whatever role, comes WITH GRANT OPTION."""
    rights = granted_to(sql, target, application_of(target).identities)
    found = [
        path
        for name in application_of(target).identities
        for path, _ in uses(rights, account_of(sql, target, name), frozenset({"GRANT OPTION"}))
    ]
    assert not found, f"applications may pass on what they have: {'; '.join(found[:5])}"


def test_administration_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """What only administrators may do is refused with 1227, and the administrator gets past that check.

    Nothing changes even where it is let through: the variable doesn't take the value (1231), the account exists
    already, the others only read.
    """
    if "operator" not in target.identities:
        raise Indeterminate("the inventory has no identity 'operator' for the control experiment")
    invalid = "SET GLOBAL general_log = 'proof of controls'"
    looks = ["SHOW ENGINE INNODB STATUS", "SET SESSION sql_log_bin = 1"]
    controls = sql.script("operator", [invalid, *looks], transaction=False)
    for identity in application_of(target).identities:
        user, host = account_of(sql, target, identity)
        own = f"CREATE USER IF NOT EXISTS {_text(user)}@{_text(host)} ACCOUNT LOCK"
        results = sql.script(identity, [invalid, *looks, own], transaction=False)
        with experiment(f"administer the server as {identity}") as e:
            e.control_refused(controls[0], refused_with=PAST)
            for control in controls[1:]:
                e.control(control)
            for result in results:
                e.attack(result, refused_with=DENIED)


def _text(value: str) -> str:
    if not value.isascii() or not value.isprintable() or set(value) & set("'\\"):
        raise Indeterminate(f"the account's name {value!a} can't be written in every sql_mode")
    return f"'{value}'"
