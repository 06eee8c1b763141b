"""Runs that end otherwise than planned: interrupted, terminated, killed, crashed; and several at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from proving import bundles, command, environment, lab_inventory, only_bundle, proofs, prove, runs
from waiting import awaited

from proofs.bundle import signers
from proofs.bundle.read import open_verified
from proofs.lab import status

pytestmark = pytest.mark.live

FEW = ("--control=sql-mode-strict", "--control=local-infile-disabled", "--control=tls-1-3-only")

HOLD = """
import pytest, pathlib, time

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    # The second probe holds until the test has done what it came for: made a run that is in the middle.
    if pathlib.Path("one-done").exists():
        pathlib.Path("in-the-middle").touch()
        for _ in range(600):
            time.sleep(0.05)
    pathlib.Path("one-done").touch()
    return (yield)
"""


def until(what, limit: float = 60.0):
    """Wait for a condition, and give what it came to."""
    value = awaited(what, limit)
    assert value, "waited in vain"
    return value


def held(place: Path, target: str) -> subprocess.Popen[str]:
    """A proof that is in the middle of its second probe."""
    (place / "hold.py").write_text(HOLD)
    process = subprocess.Popen(
        command("-p", "hold", f"--target={target}", *FEW),
        cwd=place,
        env=environment(PYTHONPATH=str(place)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: (place / "in-the-middle").exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
    except BaseException:
        process.kill()
        raise
    return process


def pid_of(lab: str) -> int:
    return next(state.pid for state in status() if state.name == lab)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check_interrupted(bundle) -> None:
    assert bundle.assessment["run"]["status"] == "interrupted"
    verdicts = [probe["verdict"] for control in bundle.assessment["controls"] for probe in control["probes"]]
    assert "indeterminate" in verdicts
    assert bundle.outcomes
    assert bundle.statement["predicate"]["result"] == "FAILED"


@pytest.mark.parametrize(("number", "lab"), [(signal.SIGINT, "it-int"), (signal.SIGTERM, "it-term")])
def test_a_signal_seals_what_there_is(tmp_path, number, lab):
    lab_inventory(tmp_path, lab)
    process = held(tmp_path, lab)
    server = pid_of(lab)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "Traceback" not in said
    assert "INTERRUPTED" in said
    with only_bundle(tmp_path) as bundle:
        check_interrupted(bundle)
        assert "interrupted" in proofs(tmp_path, "verify", bundle.path).out
    assert not is_alive(server)


def test_kill_leaves_a_run_that_can_be_sealed(tmp_path):
    lab_inventory(tmp_path, "it-kill")
    process = held(tmp_path, "it-kill")
    server = pid_of("it-kill")
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not is_alive(server))
    until(lambda: "it-kill" not in {state.name for state in status()})
    assert not bundles(tmp_path)
    (left,) = runs(tmp_path)
    # A kill may come in the middle of a line.
    with (left / "journal.jsonl").open("ab") as file:
        file.write(b'{"seq": 99, "prev"')
    with (left / "outcomes.jsonl").open("ab") as file:
        file.write(b'{"probe')
    signers.generate(tmp_path / "k.key", tmp_path / "k.pub", None)
    sealed = proofs(tmp_path, "seal", left, "--signing-key", "k.key")
    assert sealed.code == 0, sealed.said
    assert "interrupted" in sealed.out
    with only_bundle(tmp_path, tmp_path / "k.pub") as bundle:
        check_interrupted(bundle)
        assert bundle.origin_proven
        # What was proven before stays replayable.
        replayed = proofs(tmp_path, "replay", bundle.path)
    assert "Traceback" not in replayed.said


CRASH = """
import pytest
from proofs.channels.sql import Sql

def broken(self, *_, **__):
    raise ZeroDivisionError("a defect")

Sql.variable = broken
"""


def test_a_probe_that_crashes_is_indeterminate_and_the_run_sealed(tmp_path):
    lab_inventory(tmp_path, "it-crash")
    (tmp_path / "crash.py").write_text(CRASH)
    ran = prove(tmp_path, "-p", "crash", "--target=it-crash", *FEW, PYTHONPATH=str(tmp_path))
    assert ran.code == 1, ran.said
    assert "Traceback" not in ran.said
    with only_bundle(tmp_path) as bundle:
        assert bundle.assessment["run"]["status"] == "complete"
        strict = next(one for one in bundle.assessment["controls"] if one["id"] == "sql-mode-strict")
        assert strict["verdict"] == "indeterminate"
        assert "ZeroDivisionError" in strict["reason"]


def test_two_targets_two_bundles_one_signer(tmp_path):
    lab_inventory(tmp_path, "it-two", "ma-two")
    signers.generate(tmp_path / "k.key", tmp_path / "k.pub", "a long passphrase")
    signers.generate(tmp_path / "other.key", tmp_path / "other.pub", None)
    ran = prove(
        tmp_path,
        "--target=@all",
        "--control=sql-mode-strict",
        "--signing-key=k.key",
        "--signing-key-passphrase=env:SIGNING",
        SIGNING="a long passphrase",
    )
    assert ran.code in (0, 1), ran.said
    assert "a long passphrase" not in ran.said
    found = bundles(tmp_path)
    assert [path.name.split("-2")[0] for path in found] == ["it-two", "ma-two"]
    assert "PARTIAL RUN (--control sql-mode-strict)" in ran.out
    for path in found:
        assert str(path) in ran.out
        with open_verified(path, tmp_path / "k.pub") as bundle:
            assert bundle.origin_proven
    right = proofs(tmp_path, "verify", found[0], "--key", "k.pub")
    assert right.code == 0
    assert "origin are proven" in right.out
    wrong = proofs(tmp_path, "verify", found[0], "--key", "other.pub")
    assert wrong.code == 1
    assert "Traceback" not in wrong.said
    assert "does not prove" not in wrong.out
    absent = proofs(tmp_path, "verify", found[0], "--key", "absent.pub")
    assert absent.code == 2
    assert not runs(tmp_path)


def test_passphrase_by_file(tmp_path):
    lab_inventory(tmp_path, "it-pass")
    signers.generate(tmp_path / "k.key", tmp_path / "k.pub", "a long passphrase")
    (tmp_path / "pass").write_text("a long passphrase\n")
    ran = prove(
        tmp_path,
        "--target=it-pass",
        "--control=local-infile-disabled",
        "--signing-key=k.key",
        "--signing-key-passphrase=file:pass",
    )
    assert ran.code in (0, 1), ran.said
    with only_bundle(tmp_path, tmp_path / "k.pub") as bundle:
        assert bundle.origin_proven


def test_two_proofs_of_one_lab_at_once(tmp_path):
    lab_inventory(tmp_path, "it-both")
    processes = [
        subprocess.Popen(
            command("--target=it-both", "--control=sql-mode-strict"),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert all(process.returncode in (0, 1) for process in processes), said
    found = bundles(tmp_path)
    assert len(found) == 2
    verdicts = []
    for path in found:
        with open_verified(path, None) as bundle:
            verdicts.append([control["verdict"] for control in bundle.assessment["controls"]])
    assert verdicts[0] == verdicts[1]
    assert not runs(tmp_path)
    until(lambda: "it-both" not in {state.name for state in status()})


def test_interrupt_before_the_first_probe_leaves_nothing_running(tmp_path):
    lab_inventory(tmp_path, "it-early")
    process = subprocess.Popen(
        command("--target=it-early", *FEW),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: "it-early" in {path.name for path in lab_home().iterdir()} or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2, said
    until(lambda: "it-early" not in {state.name for state in status()})
    assert not runs(tmp_path) or bundles(tmp_path)


def lab_home() -> Path:
    from proofs.lab.state import home  # noqa: PLC0415

    return home()


def test_the_process_named_is_this_one():
    """The helpers above judge by /proc; on another system they would prove nothing."""
    assert is_alive(os.getpid())
    assert sys.platform == "linux"
