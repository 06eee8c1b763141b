"""The journal standing in for the target."""

from __future__ import annotations

import pytest

from proofs.errors import ChannelError, Indeterminate
from proofs.evidence import ReplaySink
from proofs.model import Request

A, B = "a/test_a.py::test_a", "b/test_b.py::test_b"


def line(seq, answer, *, probe=A, statement="SELECT 1", vantage="here"):
    return {
        "seq": seq,
        "channel": "sql",
        "op": "query",
        "arguments": {"statement": statement},
        "vantage": vantage,
        "answer": answer,
        "started": "2026-01-02T03:04:05+00:00",
        "duration_ms": 1.0,
        "probe": probe,
        "control": "c",
    }


def sink(*lines):
    return ReplaySink(lines, lambda path: f"body of {path}")


def ask(replay, *, probe=A, statement="SELECT 1", vantage="here", memo=False):
    with replay.for_probe(probe, "c") as used:
        request = Request("sql", "query", {"statement": statement}, vantage)
        exchange = replay.exchange(request, lambda: pytest.fail("performed"), memo=memo)
        assert used == [exchange.number]
        return exchange.answer


def test_repeated_requests_are_answered_in_the_order_of_the_run():
    replay = sink(line(1, {"n": 1}), line(2, {"n": 2}), line(3, {"n": 3}))
    assert [ask(replay)["n"] for _ in range(3)] == [1, 2, 3]
    with pytest.raises(Indeterminate, match="not in evidence"):
        ask(replay)


def test_a_probes_own_exchanges_come_first():
    replay = sink(line(1, {"n": 1}, probe=A), line(2, {"n": 2}, probe=B), line(3, {"n": 3}, probe=A))
    assert ask(replay, probe=B)["n"] == 2
    assert ask(replay, probe=A)["n"] == 1
    assert ask(replay, probe=B)["n"] == 3


def test_a_memo_is_the_first_answer_however_often_it_is_asked():
    replay = sink(line(1, {"n": 1}), line(2, {"n": 2}))
    assert [ask(replay, probe=probe, memo=True)["n"] for probe in (A, B, A)] == [1, 1, 1]
    assert ask(replay)["n"] == 2


@pytest.mark.parametrize("other", [{"statement": "SELECT 2"}, {"vantage": "outside"}])
def test_what_was_not_asked_is_not_in_evidence(other):
    with pytest.raises(Indeterminate, match="not in evidence: sql query"):
        ask(sink(line(1, {"n": 1})), **other)


def test_a_recorded_failure_is_raised_again():
    with pytest.raises(ChannelError, match="exchange 1: no route"):
        ask(sink(line(1, {"$error": "no route"})))


def test_evidence_bodies_are_put_back():
    body = {"$evidence": {"path": "evidence/c/00001-1.txt", "sha256": "0" * 64, "size": 3}}
    answer = {"chain": [body, {"$evidence": "a word of the host"}, {**body, "more": 1}]}
    found = ask(sink(line(1, answer)))["chain"]
    assert found[0] == "body of evidence/c/00001-1.txt"
    assert found[1:] == answer["chain"][1:]
