"""The journal: a chain on the disk before anything is judged, whole again after a kill."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofs.bundle import consistency
from proofs.bundle.manifest import entry
from proofs.errors import ChannelError, IntegrityError, StorageError
from proofs.evidence import Journal, Redactor, ReplaySink, RunDirectory
from proofs.evidence.journal import LARGE
from proofs.model import ProbeResult, Request, Verdict

PLAIN = Redactor(lambda: [])
leaf = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
json_values = st.recursive(
    leaf | text, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4)
)


def ask(number: int, channel: str = "sql") -> Request:
    return Request(channel, "query", {"statement": f"SELECT {number}"})


def lines(directory):
    return (directory / "journal.jsonl").read_bytes().splitlines()


def read_back(directory, run="r"):
    members = {}
    for path in (directory / "evidence").rglob("*"):
        if path.is_file():
            name, body = path.relative_to(directory).as_posix(), path.read_bytes()
            members[name] = entry(name, len(body), hashlib.sha256(body).hexdigest())
    return consistency.journal((directory / "journal.jsonl").read_bytes(), run, members)


def replay_of(directory):
    exchanges, _ = read_back(directory)
    return ReplaySink(exchanges, lambda path: (directory / path).read_bytes().decode())


def never():
    raise AssertionError("must not be performed")


def test_each_line_carries_the_hash_of_the_one_before(tmp_path):
    journal = Journal(tmp_path, "r", PLAIN)
    for number in range(5):
        with journal.for_probe("a/test_a.py::test_a", "a-control"):
            journal.exchange(ask(number), lambda: {"ok": True})
    journal.close()
    raw = lines(tmp_path)
    assert json.loads(raw[0]) == {"journal": "proof-of-controls/journal-1", "run": "r"}
    for before, line in pairwise(raw):
        assert json.loads(line)["prev"] == hashlib.sha256(before).hexdigest()
    exchanges, head = read_back(tmp_path)
    assert len(exchanges) == 5
    assert head == hashlib.sha256(raw[-1]).hexdigest()
    assert stat.S_IMODE((tmp_path / "journal.jsonl").stat().st_mode) == 0o600


def test_a_line_is_on_the_disk_before_the_answer_is_seen(tmp_path):
    journal = Journal(tmp_path, "r", PLAIN)
    journal.exchange(ask(1), lambda: {"ok": True})
    assert json.loads(lines(tmp_path)[-1])["answer"] == {"ok": True}


def test_what_is_handed_back_is_what_was_stored(tmp_path):
    journal = Journal(tmp_path, "r", Redactor(lambda: [("pw", "hunter2!")]))
    exchange = journal.exchange(ask(1), lambda: {"rows": [("hunter2!", 1)], "hunter2!": 1})
    assert exchange.answer == {"rows": [["«redacted:pw»", 1]], "«redacted:pw»": 1}
    assert json.loads(lines(tmp_path)[-1])["answer"] == exchange.answer


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(st.dictionaries(text, json_values, max_size=4), min_size=1, max_size=4))
def test_any_answer_comes_back_from_the_evidence(tmp_path_factory, answers):
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory, "r", PLAIN)
    stored = []
    for number, answer in enumerate(answers):
        with journal.for_probe("a/test_a.py::test_a", "a-control"):
            if "$error" not in answer:
                stored.append((number, journal.exchange(ask(number), lambda answer=answer: answer).answer))
    journal.close()
    replay = replay_of(directory)
    for number, answer in stored:
        with replay.for_probe("a/test_a.py::test_a", "a-control"):
            assert replay.exchange(ask(number), never).answer == answer


@pytest.mark.parametrize("body", ["x" * (LARGE + 1), "ü\r\n" * LARGE, "\x00\u2028" * LARGE])
def test_long_texts_go_to_files_and_come_back(tmp_path, body):
    journal = Journal(tmp_path, "r", PLAIN)
    with journal.for_probe("a/test_a.py::test_a", "a-control"):
        exchange = journal.exchange(ask(1), lambda: {"chain": [body, "short", body]})
    journal.close()
    assert exchange.answer["chain"][0] == body
    outlined = json.loads(lines(tmp_path)[-1])["answer"]["chain"]
    assert [one["$evidence"]["path"] for one in (outlined[0], outlined[2])] == [
        "evidence/a-control/00001-1.txt",
        "evidence/a-control/00001-2.txt",
    ]
    assert len(lines(tmp_path)[-1]) < LARGE
    assert replay_of(tmp_path).exchange(ask(1), never).answer == exchange.answer


def test_lone_surrogates_do_not_stop_the_evidence(tmp_path):
    journal = Journal(tmp_path, "r", PLAIN)
    exchange = journal.exchange(ask(1), lambda: {"short": "\udcff", "long": "\udcff" * (LARGE + 1)})
    journal.close()
    assert exchange.answer["short"] == replay_of(tmp_path).exchange(ask(1), never).answer["short"]


def test_the_hosts_own_evidence_key_is_not_followed(tmp_path):
    claim = {"$evidence": {"path": "../../etc/passwd", "sha256": "0" * 64, "size": 1}}
    journal = Journal(tmp_path, "r", PLAIN)
    journal.exchange(ask(1), lambda: {"rows": [[json.dumps(claim)]]})
    journal.close()
    replay = ReplaySink(read_back(tmp_path)[0], lambda path: pytest.fail(f"read {path}"))
    assert replay.exchange(ask(1), never).answer == {"rows": [[json.dumps(claim)]]}


def test_memo_asks_once_and_is_cited_each_time(tmp_path):
    journal = Journal(tmp_path, "r", PLAIN)
    asked = []
    for probe in ("a/test_a.py::test_a", "b/test_b.py::test_b"):
        with journal.for_probe(probe, "c") as used:
            journal.exchange(ask(1), lambda: {"ok": not asked.append(1)}, memo=True)
            assert used == [1]
    with journal.for_probe("a/test_a.py::test_a", "c") as used:
        journal.exchange(ask(1), lambda: {"ok": not asked.append(1)})
        assert used == [2]
    assert len(asked) == 2


def test_a_channel_error_is_recorded_raised_and_memoised(tmp_path):
    def unreachable():
        raise ChannelError("no route")

    journal = Journal(tmp_path, "r", PLAIN)
    for perform in (unreachable, never):
        with pytest.raises(ChannelError, match="exchange 1: no route"):
            journal.exchange(ask(1), perform, memo=True)
    journal.close()
    assert json.loads(lines(tmp_path)[-1])["answer"] == {"$error": "no route"}
    with pytest.raises(ChannelError, match="exchange 1: no route"):
        replay_of(tmp_path).exchange(ask(1), never, memo=True)


def test_other_errors_leave_no_trace(tmp_path):
    journal = Journal(tmp_path, "r", PLAIN)
    with pytest.raises(KeyboardInterrupt):
        journal.exchange(ask(1), lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(ValueError, match="Out of range float"):
        journal.exchange(ask(2), lambda: {"nan": float("nan")})
    journal.exchange(ask(3), lambda: {"ok": True})
    journal.close()
    exchanges, _ = read_back(tmp_path)
    assert [line["arguments"]["statement"] for line in exchanges] == ["SELECT 3"]


def test_threads_share_one_chain(tmp_path):
    journal = Journal(tmp_path, "r", PLAIN)
    with journal.for_probe("a/test_a.py::test_a", "c") as used:
        threads = [
            threading.Thread(
                target=lambda n=n: [journal.exchange(ask(n * 100 + m), lambda: {"x": "y" * 9000}) for m in range(20)]
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert used == list(range(1, 161))
    journal.close()
    assert len(read_back(tmp_path)[0]) == 160


def test_a_disk_that_refuses_ends_the_session(tmp_path):
    journal = Journal(tmp_path, "r", PLAIN)
    journal._file.close()
    journal._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123 - closed by the journal
    for _ in range(2):
        with pytest.raises(StorageError, match="evidence cannot be written: No space left"):
            journal.exchange(ask(1), lambda: {"ok": True})
    with pytest.raises(StorageError):
        journal.close()
    assert len(read_back(tmp_path)[0]) == 0


def result(number: int) -> ProbeResult:
    return ProbeResult(f"a/test_a.py::test_{number}", "a-control", Verdict.SATISFIED, "", (1,), "t", 0.1, "s")


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_kill_in_the_middle_of_a_line_is_mended(tmp_path, cut):
    directory = RunDirectory.create(tmp_path, "run")
    journal = Journal(directory.path, "r", PLAIN)
    for number in range(3):
        journal.exchange(ask(number), lambda: {"ok": True})
        directory.append_outcome(result(number))
    journal.close()
    for name in ("journal.jsonl", "outcomes.jsonl"):
        path = directory.path / name
        os.truncate(path, path.stat().st_size - cut)
    with pytest.raises(IntegrityError, match="middle of a line"):
        read_back(directory.path)
    assert len(directory.outcomes()) == 2
    directory.mend()
    assert len(read_back(directory.path)[0]) == 2
    assert len(directory.outcomes()) == 2
    assert stat.S_IMODE((directory.path / "journal.jsonl").stat().st_mode) == 0o600
    before = (directory.path / "journal.jsonl").read_bytes()
    directory.mend()
    assert (directory.path / "journal.jsonl").read_bytes() == before


def test_a_run_killed_before_its_first_outcome_is_mended(tmp_path):
    directory = RunDirectory.create(tmp_path, "run")
    Journal(directory.path, "r", PLAIN).close()
    directory.mend()
    assert directory.outcomes() == []


def test_two_runs_of_one_second_get_two_directories(tmp_path):
    assert RunDirectory.create(tmp_path, "run").path != RunDirectory.create(tmp_path, "run").path


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"format": "other"}', "null"])
def test_what_is_no_run_directory_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"run\.json"):
        RunDirectory(tmp_path).header()
