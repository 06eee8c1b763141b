"""The probes of chain and anchors, on answers that no lab gives: each is judged for what it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from probes.looks import Machine, Sql

from proofs.errors import ChannelError, Indeterminate, NotApplicable
from proofs.model import Anchors, Audit, AuditHead, Database, Host, Recipe, RecipePart, Target
from proofs.probes.audit import test_anchors as anchors
from proofs.probes.audit import test_chain as chain

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AUDIT = Audit(
    table="events",
    reader="auditor",
    columns={"id": "id", "previous": "prev", "current": "curr"},
    genesis="0" * 64,
    recipe=Recipe((RecipePart("prev"), RecipePart("payload"))),
    tables=("t",),
    head=AuditHead("head", "id", "hash"),
    anchors=Anchors("/anchors/head.jsonl", "off-host"),
)
TARGET = Target("t", "T", "mysql", "p", Database("db", 3306, "db", "ca.pem"), {}, schema="s", audit=AUDIT)
PARAMS: dict[str, Any] = {
    "accepted_stores": ("off-host", "append-only"),
    "max_gap_s": 120,
    "max_age_s": 120,
    "max_tail_rows": 100,
    "window_hours": 24,
}
WALK: dict[str, Any] = {
    "rows": 5,
    "unhashed": 0,
    "unlinked": 0,
    "misnumbered": 0,
    "findings": [],
    "bound": True,
    "stored_head": {"id": 5, "hash": "x"},
    "anchors": {"compared": 3, "before": 0, "wrong": 0, "first_wrong": None},
    "anchors_unread": None,
    "rows_after_anchor": 0,
}
STORE: dict[str, Any] = {
    "count": 3,
    "backwards": 0,
    "first_backwards": None,
    "last": {"time": (NOW - timedelta(seconds=30)).isoformat()},
    "longest_gap_s": 61.0,
    "longest_gap_line": 2,
    "read_at": NOW.isoformat(),
    "place": {"path": "/anchors/head.jsonl", "mode": "0600", "owner": 0, "append_only": False},
    "same_machine": False,
}


class Ledger:
    def __init__(self, walk: dict[str, Any] | None = None, store: dict[str, Any] | None = None) -> None:
        self._walk, self._store = WALK | (walk or {}), STORE | (store or {})

    def chain(self) -> dict[str, Any]:
        return self._walk

    def anchors(self, window_s: int) -> dict[str, Any]:
        assert window_s == 86400
        return self._store


def kept(store: str) -> Target:
    return replace(TARGET, audit=replace(AUDIT, anchors=Anchors("/anchors/head.jsonl", store)))  # type: ignore[arg-type]


def judge_all(
    ledger: Ledger, target: Target = TARGET, sql: Sql | None = None, machine: Any = None, **params: Any
) -> None:
    chain.test_every_hash_is_what_its_row_gives(ledger)
    chain.test_every_event_follows_the_one_before(ledger)
    chain.test_chain_ends_where_its_head_says(ledger, target)
    anchors.test_every_anchor_lies_on_the_chain(ledger, target)
    anchors.test_anchors_are_taken_regularly(ledger, target, PARAMS | params)
    anchors.test_newest_anchor_is_recent(ledger, target, PARAMS | params)
    anchors.test_store_is_out_of_the_servers_reach(ledger, sql or Sql(), machine or Machine(), target, PARAMS | params)


def test_a_good_one() -> None:
    judge_all(Ledger())


def finding(kind: str) -> dict[str, Any]:
    return {"findings": [{"kind": kind, "row": 2, "id": 2, "says": f"row 2: {kind}"}]}


@pytest.mark.parametrize(
    ("walk", "why"),
    [
        ({"unhashed": 1} | finding("content"), "1 of 5 events have a hash .* row 2: content"),
        ({"unhashed": 5} | finding("content"), "not one of them does"),
        ({"unlinked": 1} | finding("fork"), "1 of 5 events are not linked .* row 2: fork"),
        ({"misnumbered": 1} | finding("id"), "1 are not numbered after it"),
        (finding("checkpoint"), "row 2: checkpoint"),
        ({"bound": False}, "does not hash the previous hash"),
        (finding("tail"), "row 2: tail"),
        ({"rows": 0} | finding("tail"), "row 2: tail"),
        (finding("head"), "row 2: head"),
        ({"anchors_unread": "the anchors x cannot be read"}, "cannot be read"),
        ({"anchors": {"compared": 0, "before": 0, "wrong": 0, "first_wrong": None}}, "there is no anchor"),
        ({"anchors": {"compared": 3, "before": 0, "wrong": 1, "first_wrong": "line 2"}}, "1 of 3 anchors .* line 2"),
        ({"rows_after_anchor": 101}, "101 events are younger"),
    ],
)
def test_what_is_wrong_with_a_chain(walk: dict[str, Any], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        judge_all(Ledger(walk))


def at(seconds: float) -> dict[str, Any]:
    return {"last": {"time": (NOW + timedelta(seconds=seconds)).isoformat()}}


def place(**more: Any) -> dict[str, Any]:
    return {"place": STORE["place"] | more}


@pytest.mark.parametrize(
    ("store", "kind", "why"),
    [
        ({"count": 0, "last": None}, "off-host", "holds no anchor"),
        ({"backwards": 1, "first_backwards": 7}, "off-host", "line 7"),
        ({"longest_gap_s": 121.0}, "off-host", "121 s passed before the anchor at line 2"),
        (at(-121), "off-host", "the newest anchor is 121 s old"),
        (at(3600), "off-host", "of the future"),
        ({"same_machine": True}, "off-host", "on the database's own host"),
        ({}, "outside-data-directory", "kept outside-data-directory, accepted are off-host, append-only"),
        ({}, "append-only", "does not have the attribute append-only"),
        (place(append_only=None), "append-only", "does not have the attribute append-only"),
        (place(mode="0622"), "off-host", "may be written by others"),
        (place(append_only=True, path="/data/a") | {"same_machine": True}, "append-only", "in the server's datadir"),
        (place(append_only=True, path="/out/a") | {"same_machine": True}, "append-only", "secure_file_priv"),
    ],
)
def test_what_is_wrong_with_a_store(store: dict[str, Any], kind: str, why: str) -> None:
    sql = Sql(variables={"datadir": "/data/", "tmpdir": "/tmp", "secure_file_priv": "/out/"})
    with pytest.raises(AssertionError, match=why):
        judge_all(Ledger(store=store), kept(kind), sql)


def test_a_port_forwarder_leads_to_another_machine() -> None:
    here = Ledger(store={"same_machine": True, "boot_id": "a"})
    target = replace(kept("off-host"), host=Host("ssh://prover@localhost:2222"))
    judge_all(here, target, machine=Machine(commands={"boot-id": "b\n"}))
    with pytest.raises(AssertionError, match="on the database's own host"):
        judge_all(here, target, machine=Machine(commands={"boot-id": "a\n"}))
    with pytest.raises(AssertionError, match="on the database's own host"):
        judge_all(here, replace(target, host=Host("local://")), machine=Machine(commands={"boot-id": "b\n"}))
    with pytest.raises(ChannelError):
        judge_all(here, target)


def test_stores_that_will_do() -> None:
    sql = Sql(variables={"datadir": "/data/", "tmpdir": "/tmp"})
    judge_all(Ledger(store=place(append_only=True) | {"same_machine": True}), kept("append-only"), sql)
    judge_all(
        Ledger(store={"same_machine": True}),
        kept("outside-data-directory"),
        sql,
        accepted_stores=("outside-data-directory",),
    )
    judge_all(Ledger(store=place(path="/database/a") | {"longest_gap_s": None}), TARGET, sql)


def test_what_could_not_be_seen_is_in_doubt() -> None:
    with pytest.raises(Indeterminate, match="holds no event"):
        chain.test_every_hash_is_what_its_row_gives(Ledger({"rows": 0}))
    with pytest.raises(NotApplicable, match=r"audit\.head"):
        chain.test_chain_ends_where_its_head_says(Ledger(), replace(TARGET, audit=replace(AUDIT, head=None)))
    with pytest.raises(Indeterminate, match=r"audit\.anchors"):
        judge_all(Ledger(), replace(TARGET, audit=replace(AUDIT, anchors=None)))
    with pytest.raises(Indeterminate, match="its name is unknown"):
        judge_all(Ledger(store={"same_machine": None}))
