"""Wrong input: one line that says what to mend, exit 4, no traceback, and nothing contacted."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import yaml
from hostile.server import HostileServer, wait_for_the_end
from proving import bundles, proofs, prove, runs

from proofs.bundle import signers

ONE = ("--control", "sql-mode-strict")


@pytest.fixture
def host(wild):
    """A server that says nothing and counts who came."""
    with HostileServer(wait_for_the_end) as server:
        wild(server.port)
        yield server


def refused(ran, *parts, code=4):
    """One line for people, and no more."""
    assert ran.code == code, ran.said
    assert "Traceback" not in ran.said
    assert "INTERNALERROR" not in ran.said
    complaints = [line for line in ran.said.splitlines() if line.startswith("ERROR: ")]
    assert len(complaints) == 1, ran.said
    for part in parts:
        assert part in complaints[0]
    return complaints[0]


def good_key(place: Path) -> Path:
    signers.generate(place / "k.key", place / "k.pub", "right passphrase")
    return place / "k.key"


CASES = {
    "unknown target": (("--target=nobody",), ("nobody", "wild")),
    "unknown group": (("--target=@nobody",), ("nobody",)),
    "unknown control": (("--target=wild", "--control", "no-such"), ("no-such", "proofs controls")),
    "unknown profile": (("--target=wild", "--profile", "no-such"), ("no-such",)),
    "missing inventory": (("--target=wild", "--inventory", "no.yaml"), ("no.yaml",)),
    "inventory is a directory": (("--target=wild", "--inventory", "."), ("directory",)),
    "missing catalogue": (("--target=wild", "--controls", "no.yaml"), ("no.yaml",)),
    "set without value": (("--target=wild", "--set", "sql-mode-strict.x"), ("--set",)),
    "missing signing key": (("--target=wild", "--signing-key", "no.key"), ("no.key",)),
    "signing key is no key": (("--target=wild", "--signing-key", "targets.yaml"), ("targets.yaml",)),
    "passphrase without key": (("--target=wild", "--signing-key-passphrase", "env:X"), ("--signing-key",)),
    "passphrase in the open": (
        ("--target=wild", "--signing-key", "targets.yaml", "--signing-key-passphrase", "secret-in-the-open"),
        ("expected env:NAME",),
    ),
    "target and replay": (("--target=wild", "--replay", "x.proof.tar.gz"), ("--replay",)),
    "replay of nothing": (("--replay", "no.proof.tar.gz"), ("no.proof.tar.gz",)),
    "several processes": (("-p", "many_processes", "--numprocesses=2", "--target=wild"), ("one process",)),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_nothing_contacted(tmp_path, host, case):
    arguments, parts = CASES[case]
    # What pytest-xdist would add, so that it need not be installed.
    (tmp_path / "many_processes.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--numprocesses', type=int)\n"
    )
    ran = prove(tmp_path, *arguments, PYTHONPATH=str(tmp_path))
    line = refused(ran, *parts)
    assert "secret-in-the-open" not in line
    assert not host.connections
    assert not (tmp_path / "reports").exists()


BAD_YAML = {
    "not YAML": ("targets: [", ":2: (syntax)"),
    "a tag": ("version: !!python/object/apply:os.system ['touch pwned']\n", "targets.yaml"),
    "bytes": ("\x00\x01", "targets.yaml"),
}


@pytest.mark.parametrize("case", BAD_YAML)
@pytest.mark.parametrize("which", ["inventory", "catalogue"])
def test_malformed_yaml_names_the_file(tmp_path, host, case, which):
    content, part = BAD_YAML[case]
    name = "targets.yaml" if which == "inventory" else "controls.yaml"
    (tmp_path / name).write_text(content)
    ran = prove(tmp_path, "--target=wild", *(("--controls", name) if which == "catalogue" else ()))
    refused(ran, name, part.replace("targets.yaml", name))
    assert not host.connections
    assert not (tmp_path / "pwned").exists()


def test_wrong_and_missing_passphrase(tmp_path, host):
    key = good_key(tmp_path)
    (tmp_path / "short").write_text("abc\n")
    (tmp_path / "wrong").write_text("wrong passphrase\n")
    wrong = prove(tmp_path, "--target=wild", "--signing-key", key, "--signing-key-passphrase", "file:wrong")
    refused(wrong, "k.key", "passphrase")
    assert "wrong passphrase" not in wrong.said.replace("a wrong passphrase", "").replace("the wrong passphrase", "")
    refused(prove(tmp_path, "--target=wild", "--signing-key", key), "passphrase")
    unset = prove(tmp_path, "--target=wild", "--signing-key", key, "--signing-key-passphrase", "env:NOT_SET_ANYWHERE")
    refused(unset, "NOT_SET_ANYWHERE")
    short = prove(tmp_path, "--target=wild", "--signing-key", key, "--signing-key-passphrase", "file:short")
    refused(short, "file short")
    assert not host.connections


@pytest.mark.parametrize(
    ("password", "part"),
    [({"file": "no-such-file"}, "no-such-file"), ({"env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE"), (b"abc\n", "file")],
)
def test_a_password_that_cannot_be_had_is_found_before_contact(tmp_path, host, password, part):
    if isinstance(password, bytes):
        (tmp_path / "short").write_bytes(password)
        password = {"file": str(tmp_path / "short")}
    path = tmp_path / "targets.yaml"
    inventory = yaml.safe_load(path.read_text())
    inventory["targets"]["wild"]["identities"]["app"]["password"] = password
    path.write_text(yaml.safe_dump(inventory))
    refused(prove(tmp_path, "--target=wild", *ONE), part)
    assert not host.connections


def test_reports_is_a_file(tmp_path, host):
    (tmp_path / "reports").write_text("in the way")
    refused(prove(tmp_path, "--target=wild", *ONE), "reports", "--reports")
    assert not host.connections


def test_reports_cannot_be_written(tmp_path, host):
    """/proc takes no directories, not even from root."""
    refused(prove(tmp_path, "--target=wild", "--reports", "/proc/reports", *ONE), "/proc/reports")
    assert not host.connections


def full_at(size: int):
    """No file may grow beyond `size` bytes: what a full disk looks like to a program."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_full_disk_before_the_first_look(tmp_path, host):
    ran = prove(tmp_path, "--target=wild", *ONE, limits=full_at(20_000))
    refused(ran, "reports")
    assert not host.connections
    assert not bundles(tmp_path)


FILLS_UP = """
import pathlib, resource, pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    # From the second probe on, the journal has room for a few more bytes.
    if pathlib.Path("one-done").exists():
        (journal,) = pathlib.Path("reports/.runs").glob("*/journal.jsonl")
        size = journal.stat().st_size + 40
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    pathlib.Path("one-done").touch()
    return (yield)
"""


def test_disk_fills_up_at_the_journal(tmp_path, host):
    """What was seen before stays, and can be sealed as interrupted when there is room again."""
    (tmp_path / "fills_up.py").write_text(FILLS_UP)
    ran = prove(tmp_path, "-p", "fills_up", "--target=wild", *ONE, PYTHONPATH=str(tmp_path))
    assert ran.code not in (0, 1), ran.said
    assert "Traceback" not in ran.said
    assert "INTERNALERROR" not in ran.said
    assert "evidence cannot be written: File too large" in ran.said
    assert not bundles(tmp_path)
    sealed = proofs(tmp_path, "seal", runs(tmp_path)[0])
    assert sealed.code == 0, sealed.said
    assert "sealed as interrupted" in sealed.out


def test_disk_fills_up_at_the_report(tmp_path, host):
    """The catalogue still fits, the report of all controls does not: one problem told, and the run is kept."""
    catalogue = (Path(__file__).resolve().parents[2] / "controls.yaml").stat().st_size
    ran = prove(tmp_path, "--target=wild", limits=full_at(catalogue + 1000), timeout=200)
    assert ran.code not in (0, 1), ran.said
    assert "Traceback" not in ran.said
    assert "INTERNALERROR" not in ran.said
    assert "ERROR: " in ran.said
    assert not bundles(tmp_path)
    assert len(runs(tmp_path)) == 1
    sealed = proofs(tmp_path, "seal", runs(tmp_path)[0])
    assert sealed.code == 0, sealed.said
    (bundle,) = bundles(tmp_path)
    assert proofs(tmp_path, "verify", bundle).code == 0


FULL = """
import errno
import sys
import proofs.bundle

def full(folder):
    raise OSError(errno.ENOSPC, "No space left on device")

sys.modules['proofs.bundle.seal'].draft = full
"""


def test_no_room_for_the_bundle_keeps_the_run(tmp_path, host):
    (tmp_path / "full_disk.py").write_text(FULL)
    ran = prove(tmp_path, "-p", "full_disk", "--target=wild", *ONE, PYTHONPATH=str(tmp_path))
    assert ran.code not in (0, 1), ran.said
    assert "Traceback" not in ran.said
    assert "No space left on device; the run is kept, seal it with: proofs seal" in ran.out
    assert not bundles(tmp_path)
    sealed = proofs(tmp_path, "seal", runs(tmp_path)[0])
    assert sealed.code == 0, sealed.said
    assert "sealed as complete" in sealed.out


def test_stray_probes_are_not_run_without_a_target(tmp_path):
    from proofs.resources import PROBES  # noqa: PLC0415

    ran = prove(tmp_path, PROBES / "hardening" / "test_sql_mode.py", "-q")
    assert ran.code != 0
    assert "Traceback" not in ran.said


def test_collect_only_contacts_nothing(tmp_path, host):
    ran = prove(tmp_path, "--target=wild", "--collect-only", "-q")
    assert ran.code == 0, ran.said
    assert "test_global_mode_is_strict" in ran.out
    assert not host.connections
    assert not (tmp_path / "reports").exists()


def test_an_expression_that_selects_nothing_is_not_green(tmp_path, host):
    ran = prove(tmp_path, "--target=wild", "-k", "no_such_probe_at_all")
    assert ran.code != 0
    assert "Traceback" not in ran.said
    assert not host.connections
