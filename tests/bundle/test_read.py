"""Reading: what is given out, what can't be read at all, and that bounds hold while reading, not after."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
from pathlib import Path
from types import ModuleType

import pytest
from jsonschema import Draft202012Validator

from proofs import verifier
from proofs.bundle import open_verified, tar
from proofs.bundle.deflate import GzipWriter
from proofs.errors import IntegrityError, UnreadableError
from proofs.resources import SCHEMAS

VECTORS = Path(__file__).resolve().parents[2] / "fixtures" / "vectors"
GOOD = VECTORS / "good" / "complete.proof.tar.gz"
KEY = VECTORS / "test-only.pub.pem"


def test_what_is_given_out(make_run: ModuleType) -> None:
    with open_verified(GOOD, KEY) as bundle:
        assert bundle.member("journal.jsonl") == make_run.journal()
        assert [exchange["seq"] for exchange in bundle.journal] == [1, 2, 3]
        assert bundle.outcomes == make_run.outcomes()
        assert bundle.run == make_run.header()
        assert bundle.assessment["run"]["status"] == "complete"
        assert bundle.statement["predicate"]["result"] == "FAILED"
        assert (bundle.signer_kind, bundle.key_given, bundle.origin_proven) == ("named", True, True)
        assert bundle.evidence("evidence/tls-1-3-only/00002-1.txt") == make_run.PEM
        with pytest.raises(KeyError):
            bundle.member("../etc/passwd")
    with pytest.raises(ValueError, match="closed"):
        bundle.member("run.json")


@pytest.mark.parametrize(
    ("path", "key"), [("none", KEY), (".", KEY), (GOOD, "none.pem"), (GOOD, "."), (GOOD, GOOD)], ids=str
)
def test_what_cannot_be_read_at_all(path: Path | str, key: Path | str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError) as caught:
        open_verified(tmp_path / path, tmp_path / key)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def compressed(pieces: list[bytes]) -> bytes:
    out = io.BytesIO()
    gzip = GzipWriter(out)
    for piece in pieces:
        gzip.write(piece)
    gzip.close()
    return out.getvalue()


def refuse_both(data: bytes, folder: Path, reason: str) -> None:
    path = folder / "bundle.proof.tar.gz"
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=reason):
        open_verified(path, KEY)
    with pytest.raises(verifier.Refused, match=reason):
        verifier.verify(io.BytesIO(data), KEY.read_bytes())


def test_a_bomb_is_refused_while_it_unpacks(tmp_path: Path) -> None:
    """Half a GiB in half a MiB: neither memory nor time are spent on it."""
    data = compressed([tar.header("evidence/bomb", 500 << 20, 0), *[bytes(1 << 20)] * 500])
    assert len(data) < 600 << 10
    tracemalloc.start()
    started = time.perf_counter()
    refuse_both(data, tmp_path, "bomb")
    spent, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 200 times what was read so far is at most 120 MiB; the reader keeps 32 MiB of it in memory.
    assert peak < 64 << 20
    assert spent < 10


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    headers = [tar.header(f"evidence/{number:05d}", 0, 0) for number in range(20_001)]
    refuse_both(compressed([*headers, tar.END]), tmp_path, "more than 20,?000 members")


def test_a_parsed_document_may_not_be_large(tmp_path: Path) -> None:
    refuse_both(compressed([tar.header("journal.jsonl", 65 << 20, 0), tar.END]), tmp_path, "large")


@pytest.mark.parametrize("nested", [b"[" * 100_000, b'{"a":' * 100_000], ids=["lists", "objects"])
def test_bottomless_nesting_is_refused(maker: ModuleType, tmp_path: Path, nested: bytes) -> None:
    with open_verified(GOOD, KEY) as bundle:
        members = {name: bundle.member(name) for name in bundle.names()}
    refuse_both(maker.pack(members | {"attestation.json": nested}), tmp_path, "not strict JSON")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999", b"-1e999"])
def test_numbers_that_json_does_not_have_are_refused(maker: ModuleType, tmp_path: Path, number: bytes) -> None:
    with open_verified(GOOD, KEY) as bundle:
        members = {name: bundle.member(name) for name in bundle.names()}
    outcomes = members["outcomes.jsonl"].replace(b"0.25", number, 1)
    assert outcomes != members["outcomes.jsonl"]
    changed = maker.resigned(members | {"outcomes.jsonl": outcomes}, maker.signer("test named"))
    refuse_both(maker.pack(changed), tmp_path, "not strict JSON")


@pytest.mark.parametrize("name", ["assessment", "manifest", "run", "journal-line", "outcome"])
def test_schemas_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))


def test_the_manifest_conforms_to_its_schema() -> None:
    """The reader compares it byte by byte and needs no schema; others may."""
    schema = json.loads((SCHEMAS / "manifest.schema.json").read_text())
    with open_verified(GOOD, KEY) as bundle:
        Draft202012Validator(schema).validate(json.loads(bundle.member("manifest.json")))
