"""Control definer-rights-minimal."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import SqlChannel
from proofs.probes.accounts import accounts, listed, without
from proofs.probes.privileges.holders import granted, path_text
from proofs.probes.privileges.owned import Owned, owned
from proofs.probes.rights.facts import Key
from proofs.probes.transport.settings import texts

EVERYBODYS = ("PUBLIC", "mandatory role")
"""Ways by which everybody holds something: no right of a definer's own, and judged by the controls about accounts."""


def test_every_definer_exists(sql: SqlChannel, target: Target) -> None:
    """Every owner of a routine, view, trigger or event is an account (or role) of the server.

    One that isn't makes its objects fail (1449 ER_NO_SUCH_USER), until somebody makes an account of that name and with
    it gets whatever they are trusted with.
    """
    known = {(user, host.lower()) for user, host in granted(sql, target).facts.accounts}
    orphans = [each for each in owned(sql, target) if (each.definer[0], each.definer[1].lower()) not in known]
    assert not orphans, f"{len(orphans)} stored objects of accounts that do not exist: {listed(_with_owner(orphans))}"


def test_definers_hold_only_what_their_code_uses(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Definers hold rights on single tables, columns and routines, and each of them is of use to code they own.

    Nothing on the whole server or on a schema, no right to pass anything on, by no role and in nobody's place.
    A right counts as used if a body names the table or routine and holds the verb; TRIGGER, if a trigger of the definer
    is on the table. MySQL Reference Manual, "Stored Object Access Control"; SV-235180, CIS 5.10 to 5.12.
    """
    rights = granted(sql, target)
    code: dict[Key, list[Owned]] = {}
    for each in owned(sql, target):
        code.setdefault((each.definer[0], each.definer[1].lower()), []).append(each)
    found = without(accounts(sql, target.engine), texts(params, "exempt_definers"))
    definers = [account for account in found if (account.user, account.host.lower()) in code]
    findings = []
    for account in definers:
        key = (account.user, account.host)
        for steps, grant in rights.holdings(key):
            if steps and steps[0].startswith(EVERYBODYS):
                continue
            for privilege in sorted(grant.privileges - {"USAGE"}):
                single = (
                    grant.scope.level in ("table", "column", "routine") and not steps and privilege != "GRANT OPTION"
                )
                bodies = code[account.user, account.host.lower()]
                if not single or not any(each.uses(grant, privilege) for each in bodies):
                    findings.append(path_text(key, (*steps, grant.one(privilege))))
    if not definers and len(found) == len(accounts(sql, target.engine)):
        raise Indeterminate("none of the definers is an account, so none of them could be judged")
    assert not findings, f"{len(findings)} rights of definers that their code does not use: {listed(findings, 10)}"


def test_the_interface_acts_as_its_definers(sql: SqlChannel, target: Target) -> None:
    """Every routine and view that the application is meant to use runs WITH SQL SECURITY DEFINER.

    One with SQL SECURITY INVOKER needs its callers to hold the rights themselves.
    """
    application = target.application
    if application is None or target.schema is None:
        raise Indeterminate("the inventory does not say what the application may use (schema, application)")
    there = {
        (each.kind == "VIEW", each.name.lower()): each
        for each in owned(sql, target)
        if each.schema == target.schema and each.kind in ("VIEW", "PROCEDURE", "FUNCTION")
    }
    wanted = [(False, name.lower()) for name in application.routines] + [
        (True, name.lower()) for name in application.views
    ]
    missing = [name for is_view, name in wanted if (is_view, name) not in there]
    if missing:
        raise Indeterminate(f"the inventory names what is not there (application): {listed(missing)}")
    findings = [there[each] for each in wanted if there[each].invoker]
    assert not findings, f"{len(findings)} parts of the interface act with their callers' rights: {listed(findings)}"


def _with_owner(found: list[Owned]) -> list[str]:
    return [f"{each} (of {each.definer[0]!a}@{each.definer[1]!a})" for each in found]
