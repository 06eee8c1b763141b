"""Every vector: good ones check out, each bad one is refused for its own reason, by both readers of the format."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from proofs import verifier
from proofs.bundle import open_verified
from proofs.errors import IntegrityError

VECTORS = Path(__file__).resolve().parents[2] / "fixtures" / "vectors"
KEYS = {"ephemeral": "test-only-ephemeral.pub.pem"}
# name -> the reason of proofs.bundle, the reason of proofs/verifier.py (beginnings)
BAD = {
    "01-bomb": (
        "the bundle unpacks to more than 200 times its size: a decompression bomb",
        "step 1: a decompression bomb (more than 200 to 1)",
    ),
    "01-checksum": (
        "the compressed stream is damaged (its checksum or length differs)",
        "step 1: checksum or length of the compressed stream is wrong",
    ),
    "01-gzip-header": (
        "this is not a bundle: the gzip header is not the one this format fixes",
        "step 1: the gzip header is not the one of a bundle",
    ),
    "01-not-a-bundle": (
        "this is not a bundle: the gzip header is not the one this format fixes",
        "step 1: the gzip header is not the one of a bundle",
    ),
    "01-second-gzip-member": (
        "a second gzip member follows the bundle",
        "step 1: a second gzip member follows",
    ),
    "01-trailing-bytes": (
        "bytes follow the end of the bundle",
        "step 1: bytes follow the end of the gzip member",
    ),
    "01-truncated": (
        "the compressed stream is truncated",
        "step 1: the compressed stream is truncated",
    ),
    "02-absolute-path": (
        "member '/etc/passwd' has an absolute path",
        "step 2: member /etc/passwd has an absolute path",
    ),
    "02-archive-trailing": (
        "bytes follow the end of the archive",
        "step 2: bytes follow the end of the archive",
    ),
    "02-archive-truncated": (
        "the archive is truncated",
        "step 2: the archive is truncated",
    ),
    "02-backslash-name": (
        "member 'evidence\\\\..\\\\x' has a name outside the permitted characters",
        "step 2: member evidence\\..\\x has a forbidden name",
    ),
    "02-case-double": (
        "members 'evidence/tLs-1-3-only/00002-1.txt' and 'evidence/tls-1-3-only/00002-1.txt' differ",
        "step 2: member evidence/tls-1-3-only/00002-1.txt differs from another only in case",
    ),
    "02-climbing-path": (
        "member 'evidence/../../etc/passwd' climbs out of the bundle",
        "step 2: member evidence/../../etc/passwd has a climbing path",
    ),
    "02-device": (
        "member 'VERIFY.md' is a character device, not a file",
        "step 2: member VERIFY.md is a character device, not a file",
    ),
    "02-directory": (
        "member 'evidence/' is a directory, not a file",
        "step 2: member evidence/ is a directory, not a file",
    ),
    "02-duplicate-member": (
        "member 'VERIFY.md' appears twice",
        "step 2: member VERIFY.md appears twice",
    ),
    "02-executable": (
        "the header of member 'VERIFY.md' is not in the one form this format allows",
        "step 2: the header of member VERIFY.md is not in the one permitted form",
    ),
    "02-hard-link": (
        "member 'VERIFY.md' is a hard link, not a file",
        "step 2: member VERIFY.md is a hard link, not a file",
    ),
    "02-name-escape-code": (
        "member 'evidence/\\x1b[31mred' has a name outside the permitted characters",
        "step 2: member evidence/\\x1b[31mred has a forbidden name",
    ),
    "02-name-not-ascii": (
        "member 'evidence/caf\\xe9' has a name outside the permitted characters",
        "step 2: member evidence/caf\\xe9 has a forbidden name",
    ),
    "02-other-time": (
        "member 'signer.pub.pem' has another time than the members before it",
        "step 2: member signer.pub.pem has another time than the others",
    ),
    "02-out-of-order": (
        "member 'run.json' is out of order",
        "step 2: member run.json is out of order",
    ),
    "02-oversized-member": (
        "member 'evidence/tls-1-3-only/00002-1.txt' is larger than 536870912 bytes",
        "step 2: member evidence/tls-1-3-only/00002-1.txt is too large",
    ),
    "02-padding": (
        "the padding after member 'VERIFY.md' is not empty",
        "step 2: the padding after VERIFY.md is not empty",
    ),
    "02-pax-header": (
        "member 'VERIFY.md' is an extended (pax) header, not a file",
        "step 2: member VERIFY.md is a pax header, not a file",
    ),
    "02-symbolic-link": (
        "member 'VERIFY.md' is a symbolic link, not a file",
        "step 2: member VERIFY.md is a symbolic link, not a file",
    ),
    "03-missing-member": (
        "member run.json is missing",
        "step 3: member run.json is missing",
    ),
    "03-second-envelope": (
        "member 'attestation2.json' is not part of this format",
        "step 3: unexpected member attestation2.json",
    ),
    "03-unexpected-member": (
        "member 'setup.py' is not part of this format",
        "step 3: unexpected member setup.py",
    ),
    "04-no-signature": (
        "the envelope has 0 signatures, expected exactly one",
        "step 4: 0 signatures where there must be one",
    ),
    "04-not-an-envelope": (
        "attestation.json is not a DSSE envelope",
        "step 4: attestation.json is not a DSSE envelope",
    ),
    "04-payload-type": (
        "the payload type is 'text/plain', expected application/vnd.in-toto+json",
        "step 4: unexpected payload type text/plain",
    ),
    "04-respelled": (
        "attestation.json is not in the one spelling this format allows",
        "step 4: attestation.json is not in the one permitted spelling",
    ),
    "04-second-signature": (
        "the envelope has 2 signatures, expected exactly one",
        "step 4: 2 signatures where there must be one",
    ),
    "05-signer-swapped": (
        "member 'signer.pub.pem' was changed: its size or digest is not the manifest's",
        "step 5: signer.pub.pem is not the key that signed",
    ),
    "05-unknown-key": (
        "signed with the unknown key '3d2424c75f4bec12e01f0bee3ea27fde77590dce16d643e387eb5c4a409ed",
        "step 5: signed with the unknown key 3d2424c75f4bec12e01f0bee3ea27fde77590dce16d643e387eb5c",
    ),
    "06-payload": (
        "the signature does not match the attestation",
        "step 6: the signature is not valid for the attestation",
    ),
    "06-signature": (
        "the signature does not match the attestation",
        "step 6: the signature is not valid for the attestation",
    ),
    "07-manifest-byte": (
        "manifest.json was changed: its digest is not the signed one",
        "step 7: manifest.json is not the signed one",
    ),
    "07-predicate-type": (
        "the predicate type is 'https://slsa.dev/provenance/v1', expected https://in-toto.io/attest",
        "step 7: unexpected predicate type https://slsa.dev/provenance/v1",
    ),
    "07-statement-type": (
        "the signed payload is not an in-toto statement (https://in-toto.io/Statement/v1)",
        "step 7: the payload is not an in-toto statement: https://in-toto.io/Statement/v0.1",
    ),
    "07-target-digest": (
        "the signed statement does not agree with the bundle",
        "step 7: inputs/target.json is not the signed one",
    ),
    "08-assessment-byte": (
        "member 'assessment.json' was changed: its size or digest is not the manifest's",
        "step 8: member assessment.json was changed",
    ),
    "08-evidence-added": (
        "member 'evidence/more.txt' is not in the manifest",
        "step 8: member evidence/more.txt is not in the manifest",
    ),
    "08-evidence-byte": (
        "member 'evidence/tls-1-3-only/00002-1.txt' was changed: its size or digest is not the mani",
        "step 8: member evidence/tls-1-3-only/00002-1.txt was changed",
    ),
    "08-evidence-missing": (
        "member 'evidence/tls-1-3-only/00002-1.txt' is in the manifest but missing from the bundle",
        "step 8: member evidence/tls-1-3-only/00002-1.txt is missing",
    ),
    "08-input-byte": (
        "member 'inputs/controls.yaml' was changed: its size or digest is not the manifest's",
        "step 8: member inputs/controls.yaml was changed",
    ),
    "08-journal-byte": (
        "member 'journal.jsonl' was changed: its size or digest is not the manifest's",
        "step 8: member journal.jsonl was changed",
    ),
    "08-report-byte": (
        "member 'report.html' was changed: its size or digest is not the manifest's",
        "step 8: member report.html was changed",
    ),
    "09-chain-broken": (
        "the journal's chain is broken at exchange 2",
        "step 9: the chain is broken at exchange 2",
    ),
    "09-evidence-dangling": (
        "exchange 2 cites evidence 'evidence/elsewhere.txt' that is not there",
        "step 9: exchange 2 names evidence evidence/elsewhere.txt that is not there",
    ),
    "09-exchange-removed": (
        "journal.jsonl line 3 has number 3, expected 2",
        "step 9: exchange 2 is numbered 3",
    ),
    "09-not-strict-json": (
        "run.json is not strict JSON: 'a key appears twice in one object'",
        "step 9: run.json is not strict JSON: a doubled key",
    ),
    "09-other-run": (
        "journal.jsonl does not begin with the header of this run",
        "step 9: journal.jsonl does not begin with the header of this run",
    ),
    "09-torn-line": (
        "journal.jsonl ends in the middle of a line",
        "step 9: journal.jsonl ends in the middle of a line",
    ),
    "10-control-reworded": (
        "assessment.json and run.json do not agree on the controls",
        "step 10: run.json has other controls than assessment.json",
    ),
    "10-counts": (
        "the counts of assessment.json are not those of its controls",
        "step 10: the counts are wrong",
    ),
    "10-cut-off-yet-complete": (
        "the probe results of assessment.json are not those of outcomes.jsonl",
        "step 10: the probe results are not those of outcomes.jsonl",
    ),
    "10-deselected-yet-satisfied": (
        "control 'tls-1-3-only' is called satisfied, which does not follow from its probes",
        "step 10: the verdict of control tls-1-3-only does not follow from its probes",
    ),
    "10-deselected-yet-whole": (
        "run.json calls a run whole in which probes were not selected",
        "step 10: run.json calls a run whole that is not",
    ),
    "10-exchange-cited": (
        "control 'secure-transport-required' cites exchange 99, which is not in the journal",
        "step 10: control secure-transport-required cites exchange 99, which does not exist",
    ),
    "10-nothing-looked-at": (
        "control 'tls-1-3-only' has a satisfied probe that cites no exchange",
        "step 10: control tls-1-3-only has a satisfied probe that cites no exchange",
    ),
    "10-other-target": (
        "assessment.json and run.json do not agree on target",
        "step 10: run.json has another target than assessment.json",
    ),
    "10-outcome-dropped": (
        "the probe results of assessment.json are not those of outcomes.jsonl",
        "step 10: the probe results are not those of outcomes.jsonl",
    ),
    "10-probe-left-out": (
        "control 'tls-1-3-only' tells of other probes than were selected",
        "step 10: control tls-1-3-only tells of other probes than were selected",
    ),
    "10-start-moved": (
        "the members do not carry the time at which the run started",
        "step 10: the members' time is not the run's start",
    ),
    "10-tail-cut": (
        "assessment.json is about another journal: number of exchanges or last hash differs",
        "step 10: assessment.json is about another journal",
    ),
    "10-verdict-flipped": (
        "control 'secure-transport-required' is called satisfied, which does not follow from its pr",
        "step 10: the verdict of control secure-transport-required does not follow from its probes",
    ),
    "10-verdict-unknown": (
        "assessment.json departs from its schema at '$.controls[1].verdict': \"'fine' is not one of ",
        "step 10: the verdict of control secure-transport-required does not follow from its probes",
    ),
    "11-configuration": (
        "the signed statement's configuration does not agree with the assessment",
        "step 11: the statement's configuration is not the one in the bundle",
    ),
    "11-other-run": (
        "the signed statement's proofOfControls does not agree with the assessment",
        "step 11: the statement is about another run or target",
    ),
    "11-passed-tests": (
        "the signed statement's passedTests does not agree with the assessment",
        "step 11: the statement's passedTests are not those of the assessment",
    ),
    "11-result": (
        "the signed statement's result does not agree with the assessment",
        "step 11: the statement claims PASSED, not FAILED",
    ),
}


def key(name: str) -> Path:
    return VECTORS / KEYS.get(name, "test-only.pub.pem")


def test_every_vector_is_in_the_table() -> None:
    assert {path.name.removesuffix(".proof.tar.gz") for path in (VECTORS / "bad").iterdir()} == BAD.keys()


@pytest.mark.parametrize("name", BAD)
def test_bad_bundle_is_refused_by_the_reader(name: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        open_verified(VECTORS / "bad" / f"{name}.proof.tar.gz", key(name))
    assert str(caught.value).startswith(BAD[name][0])
    assert caught.value.exit_code == 1
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", BAD)
def test_bad_bundle_is_refused_by_the_verifier(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verifier.main([str(VECTORS / "bad" / f"{name}.proof.tar.gz"), "--key", str(key(name))]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"REFUSED: {BAD[name][1]}")
    assert err[:-1].isprintable()
    # A vector is named after the step that refuses it.
    assert f"step {int(name[:2])}:" in err


@pytest.mark.parametrize("path", sorted((VECTORS / "good").iterdir()), ids=lambda path: path.name.split(".")[0])
def test_good_bundle_checks_out(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = path.name.split(".")[0]
    with open_verified(path, key(name)) as bundle:
        assert bundle.origin_proven == (name != "ephemeral")
        assert len(bundle.journal) == 3
    assert verifier.main([str(path), "--key", str(key(name))]) == 0
    out = capsys.readouterr().out
    assert ("ephemeral key: proves integrity, not origin" in out) == (name == "ephemeral")
    assert ("PARTIAL" in out) == (name == "partial")
    assert ("INTERRUPTED" in out) == (name == "interrupted")


def test_committed_vectors_are_the_ones_the_maker_makes(maker: ModuleType) -> None:
    """To the byte; compressed with zlib 1.2.13 or another that deflates alike."""
    made = maker.vectors()
    committed = {
        path.relative_to(VECTORS).as_posix(): path.read_bytes() for path in VECTORS.rglob("*") if path.is_file()
    }
    assert made.keys() == committed.keys()
    assert [name for name in made if made[name] != committed[name]] == []


def test_without_a_key_somebody_elses_signature_is_intact_but_proves_no_origin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = VECTORS / "bad" / "05-unknown-key.proof.tar.gz"
    with open_verified(path, None) as bundle:
        assert not bundle.origin_proven
    assert verifier.main([str(path)]) == 0
    assert "proves integrity only, not origin" in capsys.readouterr().out
