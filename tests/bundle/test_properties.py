"""Whatever byte is changed, wherever: both readers refuse, and for a reason rather than with a traceback."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofs import verifier
from proofs.bundle import Signer, open_verified
from proofs.errors import IntegrityError

VECTORS = Path(__file__).resolve().parents[2] / "fixtures" / "vectors"
WHOLE = (VECTORS / "good" / "complete.proof.tar.gz").read_bytes()
KEY = VECTORS / "test-only.pub.pem"
quick = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def accepted(data: bytes, folder: Path) -> bool:
    """Whether the readers accept. They must agree, but that ours alone checks what decides nothing by its schema."""
    path = folder / "bundle.proof.tar.gz"
    path.write_bytes(data)
    try:
        open_verified(path, KEY).close()
        ours, by_schema = True, False
    except IntegrityError as error:
        ours, by_schema = False, "departs from its schema" in str(error)
    try:
        verifier.verify(io.BytesIO(data), KEY.read_bytes())
        theirs = True
    except verifier.Refused:
        theirs = False
    assert ours == theirs or by_schema
    return ours


def same_archive(data: bytes) -> bool:
    """Deflate has several codes for the same bytes; the archive inside is what counts, and has one form only."""
    return zlib.decompress(data, 31) == zlib.decompress(WHOLE, 31)


@quick
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_any_byte_of_the_file(tmp_path: Path, place: int, change: int) -> None:
    data = bytearray(WHOLE)
    data[place] ^= change
    assert not accepted(bytes(data), tmp_path) or same_archive(bytes(data))


@quick
@given(st.data())
def test_any_byte_of_any_member(tmp_path: Path, maker: ModuleType, data: st.DataObject) -> None:
    with open_verified(VECTORS / "good" / "complete.proof.tar.gz", KEY) as bundle:
        members = {name: bundle.member(name) for name in bundle.names()}
    name = data.draw(st.sampled_from(sorted(members)))
    content = bytearray(members[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert not accepted(maker.pack(members | {name: bytes(content)}), tmp_path)


@quick
@given(st.integers(0, len(zlib.decompress(WHOLE, 31)) - 1), st.integers(1, 255))
def test_any_byte_of_the_archive(tmp_path: Path, maker: ModuleType, place: int, change: int) -> None:
    """Headers and padding too."""
    data = bytearray(zlib.decompress(WHOLE, 31))
    data[place] ^= change
    assert not accepted(maker.gzipped(bytes(data)), tmp_path)


@quick
@given(st.binary(max_size=2000))
def test_any_content_of_a_signed_document(tmp_path: Path, maker: ModuleType, signer: Signer, data: bytes) -> None:
    """The holder of the key signs nonsense: refused, not crashed on."""
    with open_verified(VECTORS / "good" / "complete.proof.tar.gz", KEY) as bundle:
        members = {name: bundle.member(name) for name in bundle.names()}
    for name in ("journal.jsonl", "run.json", "outcomes.jsonl"):
        if data or name != "outcomes.jsonl":
            assert not accepted(maker.pack(maker.resigned(members | {name: data}, signer)), tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3),
)


@quick
@given(st.data())
def test_any_value_in_a_signed_document(tmp_path: Path, maker: ModuleType, signer: Signer, data: st.DataObject) -> None:
    """One value of one document is another one, signed anew: both readers agree, and neither crashes."""
    with open_verified(VECTORS / "good" / "complete.proof.tar.gz", KEY) as bundle:
        members = {name: bundle.member(name) for name in bundle.names()}
    name = data.draw(st.sampled_from(["run.json", "manifest.json", "attestation.json"]))

    def edit(document: object) -> None:
        while isinstance(document, dict | list) and document:
            keys = sorted(document) if isinstance(document, dict) else range(len(document))
            key = data.draw(st.sampled_from(list(keys)))
            if not isinstance(document[key], dict | list) or not document[key] or data.draw(st.booleans()):
                document[key] = data.draw(JSON.filter(lambda value, old=document[key]: value != old))
                return
            document = document[key]

    if name == "attestation.json":
        changed = maker.resigned(members, signer, edit)
    else:
        changed = maker.edited(members, name, edit)
        changed = changed if name == "manifest.json" else maker.resigned(changed, signer)
    accepted(maker.pack(changed), tmp_path)
