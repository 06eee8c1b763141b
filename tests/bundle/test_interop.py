"""Others' programs agree: securesystemslib on the envelope, GNU tar and openssl by the steps of VERIFY.md."""

from __future__ import annotations

import base64
import copy
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from proofs.bundle import Signer, ephemeral, open_verified, seal


def test_securesystemslib_verifies_the_envelope(sealed: Path, signer: Signer) -> None:
    with open_verified(sealed, None) as bundle:
        envelope = json.loads(bundle.member("attestation.json"))
        statement = bundle.statement
    key = SSlibKey.from_crypto(load_pem_public_key(signer.public_pem), keyid=signer.keyid)
    # from_dict empties what it is given (securesystemslib), so it is given a copy.
    parsed = Envelope.from_dict(copy.deepcopy(envelope))
    assert list(parsed.verify([key], 1)) == [signer.keyid]
    assert json.loads(parsed.payload) == statement
    assert parsed.pae() == b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(parsed.payload), parsed.payload)

    body = bytearray(base64.b64decode(envelope["payload"]))
    body[10] ^= 1
    for change in ({"payload": base64.b64encode(body).decode()}, {"payloadType": "text/plain"}):
        with pytest.raises(VerificationError):
            Envelope.from_dict({**copy.deepcopy(envelope), **change}).verify([key], 1)


def guide_blocks(text: str) -> list[str]:
    """The indented blocks of a Markdown text, in order."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("    "):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [textwrap.dedent("\n".join(block)) for block in blocks if block]


@pytest.mark.parametrize("kind", ["named", "ephemeral"])
@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "tar", "openssl", "sha256sum"))), reason="needs bash, tar, openssl, sha256sum"
)
def test_the_steps_of_the_guide_are_true(make_run: ModuleType, signer: Signer, tmp_path: Path, kind: str) -> None:
    """Its commands, as they stand, typed in order into a shell."""
    run, assessment = make_run.make_run(tmp_path / "run")
    signer = signer if kind == "named" else ephemeral()
    bundle = seal(run, assessment, signer, tmp_path)
    bundle.rename(tmp_path / "BUNDLE.proof.tar.gz")
    (tmp_path / "signer.pem").write_bytes(signer.public_pem)
    shutil.copy(Path(__file__).resolve().parents[2] / "proofs" / "verifier.py", tmp_path)
    with open_verified(tmp_path / "BUNDLE.proof.tar.gz", None) as opened:
        text = opened.member("VERIFY.md").decode()
    assert ("integrity, not origin" in " ".join(text.split()).replace("*", "")) == (kind == "ephemeral")
    verifier, _, *by_hand = guide_blocks(text)
    script = "set -eu -o pipefail\n" + "\n".join([verifier.replace("python3", sys.executable), *by_hand])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "INTACT" in done.stdout
    assert "Signature Verified Successfully" in done.stdout
    assert f"{signer.keyid}  -" in done.stdout
    assert "manifest.json: OK" in done.stdout
    assert "evidence/tls-1-3-only/00002-1.txt: OK" in done.stdout
    assert "not listed: nothing" in done.stdout

    (tmp_path / "bundle" / "journal.jsonl").write_text("changed")
    by_hand = [block for block in by_hand if "tar -xzf" not in block]
    script = "set -eu -o pipefail\n" + "\n".join(by_hand)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path / "bundle", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "journal.jsonl: FAILED" in done.stdout
