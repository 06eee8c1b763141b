"""Judgements of the privileges probes: what code makes use of, and which grants name several schemas."""

import pytest

from proofs.errors import Indeterminate
from proofs.probes.privileges.owned import NO_CODE, Owned
from proofs.probes.privileges.test_scoped_grants import _several
from proofs.probes.rights.facts import Grant, Scope

OWNER = ("api_definer", "10.0.0.5")


def owned(body, kind="PROCEDURE", name="transfer", table=""):
    return Owned(kind, "s", name, table, OWNER, False, None if body is None else NO_CODE.sub("''", body))


def on(privilege, name, level="table", kind=""):
    return Grant(OWNER, Scope(level, "s", name, kind=kind), frozenset((privilege,))), privilege


@pytest.mark.parametrize(
    ("body", "right", "used"),
    [
        ("UPDATE s.accounts SET a = 1", on("UPDATE", "accounts"), True),
        ("UPDATE s.accounts SET a = 1", on("DELETE", "accounts"), False),
        ("UPDATE s.accounts_old SET a = 1", on("UPDATE", "accounts"), False),
        ("CALL log('accounts', 'DELETE')", on("DELETE", "accounts"), False),
        ("SELECT 1 /* delete from accounts */", on("DELETE", "accounts"), False),
        ("SELECT 'it''s', a FROM `s`.`accounts`", on("SELECT", "accounts"), True),
        ("REPLACE INTO accounts VALUES (1)", on("DELETE", "accounts"), True),
        ("UPDATE s.accounts SET a = 1", on("DROP", "accounts"), False),
        ("SELECT s.helper(1)", on("EXECUTE", "helper", "routine", "FUNCTION"), True),
        ("SELECT 1", on("EXECUTE", "TRANSFER", "routine", "PROCEDURE"), True),
        ("SELECT 1", on("EXECUTE", "transfer", "routine", "FUNCTION"), False),
        ("SELECT 1", on("ALTER ROUTINE", "transfer", "routine", "PROCEDURE"), False),
    ],
)
def test_what_code_makes_use_of(body, right, used):
    assert owned(body).uses(*right) is used


def test_a_trigger_uses_its_table():
    trigger = owned("CALL s.log(NEW.a)", "TRIGGER", "accounts_ai", "accounts")
    assert [trigger.uses(*on(each, "accounts")) for each in ("TRIGGER", "SELECT", "DELETE")] == [True, True, False]
    assert not trigger.uses(*on("TRIGGER", "users"))


def test_a_body_that_does_not_show_is_in_doubt():
    with pytest.raises(Indeterminate, match="does not show the body of procedure"):
        owned(None).uses(*on("SELECT", "accounts"))


@pytest.mark.parametrize(
    ("scope", "several"),
    [
        (Scope("server"), True), (Scope("schema", "app"), False), (Scope("schema", "ap%"), True),
        (Scope("schema", r"ap\%"), False), (Scope("schema", "app_x"), True), (Scope("schema", r"app\_x"), False),
        (Scope("schema", "a__"), False), (Scope("table", "app_x", "t"), False),
    ],
)  # fmt: skip
def test_grants_that_name_several_schemas(scope, several):
    grant = Grant(OWNER, scope, frozenset(("CREATE",)))
    assert _several(grant, ["app", "app_x", "appyx"], literal=False) is several
    if scope.level != "server":
        assert not _several(grant, ["app", "app_x", "appyx"], literal=True)
