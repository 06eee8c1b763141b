"""Sealing: the same content gives the same bytes, nothing is overwritten or lost, no secret gets in."""

from __future__ import annotations

import base64
import errno
import html
import json
import os
import resource
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import pytest

from proofs.bundle import Signer, ephemeral, open_verified, publish, seal
from proofs.errors import ConfigurationError, IntegrityError

SECRET = 'pa/ss"wört&1'
RAW = SECRET.encode()


def test_same_content_same_bytes_and_never_overwritten(make_run: ModuleType, signer: Signer, tmp_path: Path) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    again, _ = make_run.make_run(tmp_path / "elsewhere" / "run")
    os.utime(again / "run.json", (1, 1))
    (again / "run.json").chmod(0o777)
    paths = [seal(run, assessment, signer, tmp_path / "out"), seal(again, assessment, signer, tmp_path / "out")]
    paths.append(seal(run, assessment, signer, tmp_path / "out"))
    stem = "demo-20260102T030405Z"
    assert [path.name for path in paths] == [f"{stem}{suffix}.proof.tar.gz" for suffix in ("", "-2", "-3")]
    assert len({path.read_bytes() for path in paths}) == 1
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_bundle_holds_what_the_design_lists(sealed: Path) -> None:
    with tarfile.open(sealed) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(one.mode, one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {
        (0o644, 0, 0, "", "", 1767323045)
    }
    with open_verified(sealed, None) as bundle:
        listed = {entry.path for entry in bundle.entries.values()}
        assert {member.name for member in members} == listed | {"manifest.json", "attestation.json"}
        assert bundle.evidence("evidence/tls-1-3-only/00002-1.txt").startswith("-----BEGIN")
        assert bundle.names("inputs/") == ["inputs/controls.yaml", "inputs/requirements.txt", "inputs/target.json"]


def test_long_names_travel(make_run: ModuleType, signer: Signer, tmp_path: Path) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    name = f"inputs/probes/{'deep/' * 20}{'x' * 90}.py"
    (run / name).parent.mkdir(parents=True)
    (run / name).write_text("pass\n")
    path = seal(run, assessment, signer, tmp_path)
    with open_verified(path, None) as bundle, tarfile.open(path) as archive:
        assert bundle.member(name) == b"pass\n"
        assert name in archive.getnames()


SPELLINGS: dict[str, Callable[[], bytes]] = {
    "raw": lambda: RAW,
    "json": lambda: json.dumps(SECRET).encode(),
    "json-utf8": lambda: json.dumps(SECRET, ensure_ascii=False).encode(),
    "html": lambda: html.escape(SECRET).encode(),
    "url": lambda: quote(SECRET, safe="").encode(),
    "hex": lambda: RAW.hex().encode(),
    "HEX": lambda: RAW.hex().upper().encode(),
    "base64-0": lambda: base64.b64encode(b"abc" + RAW + b"z"),
    "base64-1": lambda: base64.b64encode(b"a" + RAW + b"zz"),
    "base64-2": lambda: base64.b64encode(b"ab" + RAW + b"zzz"),
    "base64url": lambda: base64.urlsafe_b64encode(b"ab" + RAW + b"zzz"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("member", ["report.html", "inputs/requirements.txt", "evidence/tls-1-3-only/00001-1.txt"])
def test_a_secret_left_in_any_spelling_is_not_sealed(
    make_run: ModuleType, signer: Signer, tmp_path: Path, spelling: str, member: str
) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    # Across the border of two pieces, so that it is never whole in one of them.
    (run / member).write_bytes(b"." * (256 * 1024 - 4) + SPELLINGS[spelling]() + b".")
    with pytest.raises(IntegrityError, match="still holds a secret") as caught:
        seal(run, assessment, signer, tmp_path / "out", ["another-secret", SECRET])
    assert member in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_secret_in_the_assessment_or_in_a_name_is_not_sealed(
    make_run: ModuleType, signer: Signer, tmp_path: Path
) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    with pytest.raises(IntegrityError, match=r"assessment\.json still holds a secret"):
        seal(run, {**assessment, "warnings": [f"login with {SECRET}"]}, signer, tmp_path / "out", [SECRET])
    (run / "evidence" / "hunter2hunter2").write_text("x")
    with pytest.raises(IntegrityError, match="still holds a secret"):
        seal(run, assessment, signer, tmp_path / "out", ["hunter2hunter2"])


def test_other_secrets_do_not_hinder(make_run: ModuleType, signer: Signer, tmp_path: Path) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    assert seal(run, assessment, signer, tmp_path, [SECRET, "correct horse"]).exists()


def test_a_full_disk_is_one_line_and_leaves_nothing_behind(
    make_run: ModuleType, signer: Signer, tmp_path: Path
) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises(ConfigurationError, match="can't be written") as caught:
            seal(run, assessment, signer, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert f"proofs seal {run}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_read_only_folder_is_one_line(
    make_run: ModuleType, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so the refusal of the file system is played."""
    run, assessment = make_run.make_run(tmp_path / "run")

    def refuse(**_: object) -> tuple[int, str]:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(publish.tempfile, "mkstemp", refuse)
    with pytest.raises(ConfigurationError, match="Read-only file system"):
        seal(run, assessment, signer, tmp_path / "out")


def test_a_file_in_the_way_of_the_folder_is_one_line(make_run: ModuleType, signer: Signer, tmp_path: Path) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(ConfigurationError, match="can't be written"):
        seal(run, assessment, signer, tmp_path / "out")


def test_a_link_in_the_run_is_not_followed(make_run: ModuleType, signer: Signer, tmp_path: Path) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    (run / "evidence" / "link.txt").symlink_to("/etc/hostname")
    with pytest.raises(IntegrityError, match="not a plain file"):
        seal(run, assessment, signer, tmp_path / "out")


@pytest.mark.parametrize("name", ["journal.jsonl", "run.json", "inputs/target.json", "inputs/controls.yaml"])
def test_a_missing_part_is_named(make_run: ModuleType, signer: Signer, tmp_path: Path, name: str) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    (run / name).unlink()
    with pytest.raises(IntegrityError, match=f"has no {name}"):
        seal(run, assessment, signer, tmp_path / "out")


def test_a_verdict_that_does_not_follow_is_not_sealed(make_run: ModuleType, signer: Signer, tmp_path: Path) -> None:
    run, assessment = make_run.make_run(tmp_path / "run")
    assessment["controls"][1]["verdict"] = "satisfied"
    with pytest.raises(IntegrityError, match="does not follow from its probes"):
        seal(run, assessment, signer, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_large_evidence_is_streamed(make_run: ModuleType, tmp_path: Path) -> None:
    """48 MiB of evidence that does not compress: sealed and verified in a fraction of that memory."""
    run, assessment = make_run.make_run(tmp_path / "run")
    with (run / "evidence" / "large.bin").open("wb") as file:
        for _ in range(48):
            file.write(os.urandom(1 << 20))
    tracemalloc.start()
    try:
        seal(run, assessment, ephemeral(), tmp_path, ["correct horse"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 72 << 20  # of which 32 MiB before the reader's buffer moves to a file
