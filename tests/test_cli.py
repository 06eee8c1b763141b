"""The console script: what it prints, and with which exit code it ends."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from proofs.cli import main
from proofs.lab import labs, state
from proofs.resources import CONTROLS

VECTORS = Path(__file__).resolve().parents[1] / "fixtures" / "vectors"
GOOD = VECTORS / "good" / "complete.proof.tar.gz"
KEY, OTHER = VECTORS / "test-only.pub.pem", VECTORS / "test-only-other.pub.pem"


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return run


def test_verify_with_the_right_key(call):
    code, out, err = call("verify", GOOD, "--key", KEY)
    assert (code, err) == (0, "")
    assert out.startswith("OK: ")
    assert "integrity and origin are proven" in out
    verdicts = next(line for line in out.splitlines() if line.startswith("verdicts"))
    for verdict in ("satisfied", "not-satisfied", "indeterminate", "not-applicable"):
        assert f"1 {verdict}" in verdicts


def test_verify_without_a_key_proves_integrity_only(call):
    code, out, _ = call("verify", GOOD)
    assert code == 0
    assert "this proves integrity, not origin; give --key" in out


def test_verify_of_an_ephemeral_bundle(call):
    for extra in ((), ("--key", VECTORS / "test-only-ephemeral.pub.pem")):
        code, out, _ = call("verify", VECTORS / "good" / "ephemeral.proof.tar.gz", *extra)
        assert code == 0
        assert "integrity, not origin" in out
        assert "origin are proven" not in out


@pytest.mark.parametrize("name", ["partial", "interrupted"])
def test_verify_says_what_kind_of_run_it_was(call, name):
    _, out, _ = call("verify", VECTORS / "good" / f"{name}.proof.tar.gz")
    assert name in out.lower()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("verify", GOOD, "--key", OTHER), 1),
        (("verify", VECTORS / "bad" / "06-signature.proof.tar.gz"), 1),
        (("verify", VECTORS / "bad" / "01-bomb.proof.tar.gz"), 1),
        (("verify", "absent.proof.tar.gz"), 2),
        (("verify", "."), 2),
        (("verify", GOOD, "--key", "absent.pem"), 2),
        (("verify", GOOD, "--key", GOOD), 2),
        (("seal", "."), 1),
        (("seal", "absent"), 1),
        (("replay", "absent.proof.tar.gz"), 2),
        (("controls", "--controls", "absent.yaml"), 4),
        (("controls", "--profile", "absent"), 4),
        (("keygen", "absent/dir/k.key"), 4),
        (("keygen", "--passphrase", "env:NOT_SET_ANYWHERE"), 4),
        (("keygen", "--passphrase", "in-the-open"), 4),
        (("lab", "up", "x", "--sabotage", "no-such"), 4),
    ],
)
def test_what_is_wrong_is_one_line(call, arguments, code):
    found, out, err = call(*arguments)
    assert found == code, out + err
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("ERROR: ")
    assert "in-the-open" not in err


@pytest.mark.parametrize("arguments", [(), ("no-such",), ("verify",), ("lab",), ("lab", "up", "--engine", "oracle")])
def test_wrong_usage_is_exit_4(call, arguments):
    code, _, err = call(*arguments)
    assert code == 4
    assert "usage: proofs" in err
    assert "ERROR: " in err


def test_help_and_version(call):
    assert call("--help")[0] == 0
    code, out, _ = call("--version")
    assert code == 0
    assert out.startswith("proof-of-controls ")


def test_debug_shows_the_error_itself(tmp_path):
    from proofs.errors import UnreadableError  # noqa: PLC0415

    with pytest.raises(UnreadableError):
        main(["--debug", "verify", str(tmp_path / "absent.proof.tar.gz")])


def test_keygen_makes_a_pair_and_never_overwrites(call, tmp_path):
    code, out, _ = call("keygen", "k.key")
    assert code == 0
    assert "k.pub" in out
    assert stat.S_IMODE((tmp_path / "k.key").stat().st_mode) == 0o600
    before = (tmp_path / "k.key").read_bytes()
    code, _, err = call("keygen", "k.key")
    assert code == 4
    assert "k.key" in err
    assert (tmp_path / "k.key").read_bytes() == before


def test_keygen_with_a_passphrase(call, tmp_path, monkeypatch):
    monkeypatch.setenv("PASSPHRASE", "a long passphrase")
    assert call("keygen", "k.key", "--passphrase", "env:PASSPHRASE")[0] == 0
    assert b"ENCRYPTED" in (tmp_path / "k.key").read_bytes()


def test_controls_as_a_table(call):
    code, out, _ = call("controls")
    assert code == 0
    assert "secure-transport-required" in out
    code, out, _ = call("controls", "--engine", "mariadb")
    assert code == 0
    assert "x-protocol-closed" not in out


def test_lab_status_and_down_when_nothing_is_up(call, tmp_path, monkeypatch):
    for room in (labs, state):
        monkeypatch.setattr(room, "home", lambda: tmp_path)
    assert call("lab", "status")[1] == "no lab is up\n"
    assert call("lab", "down", "none-such")[1] == "none-such: was not up\n"


def test_lab_sabotages_are_listed_with_what_they_break(call):
    code, out, _ = call("lab", "sabotages")
    assert code == 0
    assert "breaks secure-transport-required" in out


def test_replay_of_a_bundle_of_another_time_has_no_traceback(call):
    """The vector's catalogue is empty: nothing of it can be judged again, and that is said, not green."""
    code, _, err = call("replay", GOOD)
    assert code != 0
    assert "ERROR" in err or code == 1


@pytest.mark.parametrize("extra", [("--set", "nonsense"), ("--controls", "no.yaml"), ("--profile", "no-such")])
def test_unusable_options_of_a_replay(call, extra):
    code, out, err = call("replay", GOOD, "--controls", CONTROLS, *extra)
    assert code == 4, out + err
    assert (out + err).count("ERROR: ") == 1
