"""The one-file verifier as its user meets it: alone, at a command line, with hostile files."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from proofs import verifier

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "fixtures" / "vectors"
GOOD = VECTORS / "good" / "complete.proof.tar.gz"
KEY = VECTORS / "test-only.pub.pem"


def test_imports_the_standard_library_and_cryptography_only() -> None:
    tree = ast.parse((ROOT / "proofs" / "verifier.py").read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add((node.module or "").partition(".")[0])
    assert found <= set(sys.stdlib_module_names) | {"cryptography"}


def test_steps_are_numbered_once_and_taken_in_order() -> None:
    source = (ROOT / "proofs" / "verifier.py").read_text()
    steps = [node.name for node in ast.parse(source).body if getattr(node, "name", "").startswith("step_")]
    numbers = [int(name.split("_")[1]) for name in steps]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(f"\n{number:2}. " in (verifier.__doc__ or "") for number in numbers)


def test_runs_alone_in_another_place(tmp_path: Path) -> None:
    """A copy, isolated (-I), in a folder without the project."""
    shutil.copy(ROOT / "proofs" / "verifier.py", tmp_path)
    shutil.copy(GOOD, tmp_path / "b.proof.tar.gz")
    command = [sys.executable, "-I", "verifier.py", "b.proof.tar.gz", "--key", str(KEY)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "INTACT: every byte is as it was signed, and the conclusions follow from the evidence.",
        "target    demo (mysql)",
        "started   2026-01-02T03:04:05.123456+00:00",
        "signer    named key bf3becf458ae1b686a61a1014cf3f99488ec419aecdb68c87ba46ead9877478b",
        "verdicts  1 satisfied, 1 not-satisfied, 1 indeterminate, 1 not-applicable",
    ]


def test_without_a_key_it_says_what_that_proves(capsys: pytest.CaptureFixture[str]) -> None:
    assert verifier.main([str(GOOD)]) == 0
    assert "No --key was given" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.proof.tar.gz"],
        [str(ROOT)],
        ["nul\0byte"],
        [str(GOOD), "--key", "missing.pem"],
        [str(GOOD), "--key", str(GOOD)],
        [str(GOOD), "--key", str(ROOT)],
    ],
)
def test_what_cannot_be_read_is_exit_2_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert verifier.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("UNREADABLE: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--nonsense"], ["a", "b"]])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        verifier.main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", bytes.fromhex("1f8b08000000000000ff"), bytes(5000)])
def test_a_file_that_is_no_bundle_is_refused(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_bytes(content)
    assert verifier.main([str(tmp_path / "x")]) == 1
    assert capsys.readouterr().err.startswith("REFUSED: step 1: ")


def test_text_from_the_bundle_is_harmless() -> None:
    assert verifier.plain("\x1b[31mred\n\u202eevil\udc80") == r"\x1b[31mred\n\u202eevil\udc80"
    assert len(verifier.plain("x" * 1000)) == 80
    assert len(verifier.plain("\U0001f600" * 1000)) == 80


def test_python_without_cryptography_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert verifier.main([str(GOOD)]) == 2
    assert "needs the Python package `cryptography`" in capsys.readouterr().err


@pytest.mark.parametrize(("more", "said"), [("other", "is ["), ("end", "is at its default again, [")])
def test_a_tailored_value_is_compared_as_it_is_not_as_it_is_shown(more: str, said: str) -> None:
    long = ["a rule by name"] * 40
    record = {"control": "c", "parameter": "p", "value": [*long, more], "default": [*long, "end"], "by": "target"}
    run = {"started": "", "partial": False, "status": "complete"}
    assessment = {"run": run, "counts": dict.fromkeys(verifier.VERDICTS, 0), "tailoring": [record]}
    assessment["target"] = {"name": "t", "engine": "mysql"}
    statement = {"predicate": {"proofOfControls": {"signer": "named"}}}
    bundle = SimpleNamespace(assessment=assessment, statement=statement, keyid="k")
    assert f"TAILORED  c.p {said}" in verifier.report(bundle, key_given=True)
