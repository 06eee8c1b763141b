"""What the audit's probes make of texts, before any server is asked."""

from inspect import signature

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probes import looks

from proofs.errors import Indeterminate
from proofs.probes.audit import (
    test_actor,
    test_atomicity,
    test_cascades,
    test_changes,
    test_concurrency,
    test_coverage,
    test_ddl,
    test_forging,
    test_reading,
)
from proofs.probes.audit.copies import changed
from proofs.probes.audit.place import Column
from proofs.probes.audit.stored import Stored
from proofs.probes.audit.wording import code_of, mentions, session_words, swallowing_handlers, writes
from proofs.probes.sqltext import filled, literal, quoted


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("IF @maintenance IS NULL THEN SIGNAL SQLSTATE '45000'; END IF", ["@maintenance"]),
        ("IF @`a b` THEN BEGIN END; END IF", ["@a"]),
        ("SET v = @@foreign_key_checks", ["@@foreign_key_checks"]),
        ("SET v = @@SESSION . sql_log_bin", ["@@SESSION . sql_log_bin"]),
        ("SET v = @@session.time_zone; SET v = @@global.read_only", []),
        ("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'write to @ops, or @@x'", []),
        ("/* @off */ SIGNAL SQLSTATE '45000' -- @off\n # @off", []),
        ("/*!50000 IF @off THEN */ SIGNAL SQLSTATE '45000'", ["@off"]),
        ("/*M!100100 IF @off THEN */ SIGNAL SQLSTATE '45000'", ["@off"]),
        ("SELECT 'it''s \\' @no', \"@no\", x@host", []),
        ("SELECT 1--@yes", ["@yes"]),
    ],
)
def test_what_a_session_can_set(body, words):
    assert session_words(body) == words


@pytest.mark.parametrize(
    ("body", "swallows"),
    [
        ("DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; CALL x()", True),
        ("declare continue handler for 1205 SET v = 1; CALL x()", True),
        ("DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END; CALL x()", True),
        ("DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; CALL x()", False),
        ("DECLARE EXIT HANDLER FOR 1062 SIGNAL SQLSTATE '45000'; CALL x()", False),
        ("DECLARE EXIT HANDLER FOR 1062 SET v = 1; SIGNAL SQLSTATE '45000'", True),
        ("DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; CALL x()", False),
        ("DECLARE CONTINUE HANDLER FOR SQLEXCEPTION RESIGNAL; CALL x()", True),
        ("SELECT 'DECLARE CONTINUE HANDLER FOR SQLEXCEPTION'", False),
    ],
)
def test_handlers_that_swallow(body, swallows):
    assert bool(swallowing_handlers(body)) is swallows


def test_names_are_found_as_words_of_code():
    names = ("audit_events", "audit_head")
    assert mentions("DELETE FROM `securedb`.`audit_events`", names) == ["audit_events"]
    assert mentions("DELETE FROM securedb.AUDIT_HEAD WHERE 1", names) == ["audit_head"]
    assert mentions("SELECT 'audit_events' -- audit_head", names) == []
    assert mentions("SELECT 1 FROM audit_events_copy", names) == []
    assert mentions("SET @s = 'TRUNCATE audit_events'; PREPARE p FROM @s", names) == ["audit_events"]
    assert mentions("EXECUTE IMMEDIATE 'TRUNCATE audit_events'", names) == ["audit_events"]


def test_words_that_write():
    assert writes("TRUNCATE audit_events")
    assert not writes("SELECT 'DELETE' FROM audit_events")


@given(st.text())
def test_any_text_is_read(text):
    assert isinstance(code_of(text), str)
    session_words(text), swallowing_handlers(text), mentions(text, ("x",)), writes(text)


def test_a_comment_that_swallows_the_next_line_is_another_definition():
    head = "TRIGGER BEFORE DELETE ON t"
    guard = Stored("g", "d@h", "BEGIN -- never\nSIGNAL SQLSTATE '45000';\nEND", head)
    muted = Stored("g", "d@h", "BEGIN -- never SIGNAL SQLSTATE '45000';\nEND", head)
    assert guard.digest != muted.digest
    assert guard.digest == Stored("g", "d@h", "BEGIN -- never  \r\nSIGNAL SQLSTATE '45000';\r\nEND; ", head).digest
    assert guard.digest != Stored("g", "d@h", guard.body, "TRIGGER AFTER DELETE ON t").digest


@given(st.text())
def test_a_literal_holds_nothing_but_its_value(text):
    written = literal(text)
    if written.startswith("_utf8mb4 X'"):
        assert bytes.fromhex(written[11:-1]).decode() == text
    else:
        assert written == f"'{text}'"
        assert not set(text) & set("'\"\\")
        assert text.isascii()


def test_literals_of_other_kinds():
    assert [literal(each) for each in (None, 7, True, {"$hex": "00ff"})] == ["NULL", "7", "1", "X'00ff'"]
    assert quoted("a`b", "c") == "`a``b`.`c`"


def test_a_statement_is_filled_in_once():
    assert filled("CALL f({a}, {b})", {"a": "{b}", "b": 1}) == "CALL f('{b}', 1)"
    with pytest.raises(Indeterminate, match="known are a"):
        filled("CALL f({c})", {"a": 1})


@pytest.mark.parametrize("kind", ["int", "decimal", "varchar", "varbinary", "longtext", "mediumblob", "datetime"])
def test_a_value_can_be_changed(kind):
    assert changed(Column("t", "c", kind, "", generated=False, virtual=False), "`c`")


@pytest.mark.parametrize("kind", ["enum", "json", "bit", "point"])
def test_a_type_without_a_rule_is_not_guessed_at(kind):
    assert changed(Column("t", "c", kind, "", generated=False, virtual=False), "`c`") is None


PROBES = [
    probe
    for module in (
        test_actor,
        test_atomicity,
        test_cascades,
        test_changes,
        test_concurrency,
        test_coverage,
        test_ddl,
        test_forging,
        test_reading,
    )
    for name, probe in vars(module).items()
    if name.startswith("test_") and probe.__module__ == module.__name__
]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.__name__)
def test_an_inventory_without_an_audit_is_said_so(probe):
    given_all = {"sql": looks.Sql(), "target": looks.target(), "experiment": looks.experiments(), "params": {}}
    with pytest.raises(Indeterminate, match=r"the inventory does not say where the audit is \(audit\)"):
        probe(**{name: given_all[name] for name in signature(probe).parameters})
