"""Make fixtures/vectors: good bundles, and bad ones that each break one rule of the format.

    python tools/make_vectors.py [FOLDER]

The same content gives the same bytes (Ed25519 is deterministic), so a test can prove that the committed files are
these. The keys are derived from public text: they are for tests only and prove nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proofs.bundle import Signer, dsse, jsontext, manifest, open_verified, seal, statement, tar
from proofs.bundle.deflate import GzipWriter
from proofs.bundle.signers import Kind

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "fixtures" / "vectors"
MTIME = 1767323045
Members = dict[str, bytes]
Edit = Callable[[Any], None]
EVIDENCE = "evidence/tls-1-3-only/00002-1.txt"


def load_make_run() -> ModuleType:
    path = ROOT / "tests" / "bundle" / "make_run.py"
    spec = importlib.util.spec_from_file_location("make_run", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def signer(name: str, kind: Kind = "named") -> Signer:
    seed = hashlib.sha256(f"proof-of-controls, test-only key: {name}".encode()).digest()
    return Signer(Ed25519PrivateKey.from_private_bytes(seed), kind)


def gzipped(data: bytes) -> bytes:
    out = io.BytesIO()
    gzip = GzipWriter(out)
    gzip.write(data)
    gzip.close()
    return out.getvalue()


def entry(name: str, data: bytes, mtime: int = MTIME) -> bytes:
    return tar.header(name, len(data), mtime) + data + bytes(-len(data) % 512)


def pack(members: Members) -> bytes:
    return gzipped(b"".join(entry(name, data) for name, data in sorted(members.items())) + tar.END)


def odd(name: str, kind: bytes = b"0", mode: bytes = b"0000644\0", link: bytes = b"") -> bytes:
    """A header this project never writes, with a right checksum."""
    block = bytearray(tar.header("x", 0, MTIME))
    block[0:100] = name.encode("latin-1").ljust(100, b"\0")
    block[100:108], block[156:157], block[157:257] = mode, kind, link.ljust(100, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def with_block(members: Members, block: bytes) -> bytes:
    """The good archive with one more header in front."""
    return gzipped(block + b"".join(entry(name, data) for name, data in sorted(members.items())) + tar.END)


def changed(members: Members, name: str) -> Members:
    """One byte of one member is another."""
    data = bytearray(members[name])
    data[len(data) // 2] ^= 1
    return members | {name: bytes(data)}


def resigned(members: Members, key: Signer, edit: Edit | None = None, kind: str | None = None) -> Members:
    """What an insider can do: new manifest, new statement (which `edit` may falsify), good signature."""
    kept = {name: data for name, data in members.items() if name not in ("manifest.json", "attestation.json")}
    kept["signer.pub.pem"] = key.public_pem
    listing = manifest.build(manifest.entry(name, len(data), manifest.digest(data)) for name, data in kept.items())
    digests = {name: manifest.digest(data) for name, data in {**kept, "manifest.json": listing}.items()}
    claim = statement.build(json.loads(kept["assessment.json"]), digests, kind or key.kind)
    if edit:
        edit(claim)
    return kept | {"manifest.json": listing, "attestation.json": dsse.sign(jsontext.dumps(claim), key)}


def enveloped(members: Members, edit: Edit) -> Members:
    """The envelope edited, in its one spelling, not signed anew."""
    envelope = json.loads(members["attestation.json"])
    edit(envelope)
    return members | {"attestation.json": jsontext.dumps(envelope) + b"\n"}


def edited(members: Members, name: str, edit: Edit) -> Members:
    """A JSON member edited."""
    document = json.loads(members[name])
    edit(document)
    return members | {name: jsontext.dumps(document) + b"\n"}


def relined(members: Members, edit: Callable[[list[Any]], None], *, chain: bool = True) -> Members:
    """The journal edited line by line, chained anew, and the assessment told so."""
    lines = [json.loads(line) for line in members["journal.jsonl"].splitlines()]
    edit(lines)
    written: list[bytes] = []
    for line in lines:
        if chain and written:
            line["prev"] = hashlib.sha256(written[-1]).hexdigest()
        written.append(jsontext.dumps(line))
    head = {"exchanges": len(written) - 1, "head": hashlib.sha256(written[-1]).hexdigest()}
    return edited(
        members | {"journal.jsonl": b"".join(line + b"\n" for line in written)},
        "assessment.json",
        lambda document: document.update(journal=head),
    )


def good(make_run: ModuleType) -> dict[str, bytes]:
    """Bundles that check out: complete, partial, interrupted, all satisfied; named and ephemeral key."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, variant, kind in (
            ("complete", "complete", "named"),
            ("ephemeral", "complete", "ephemeral"),
            ("partial", "partial", "named"),
            ("interrupted", "interrupted", "named"),
            ("passed", "passed", "named"),
        ):
            run, assessment = make_run.make_run(Path(folder) / name, variant)
            made[name] = seal(run, assessment, signer(f"test {kind}", kind), Path(folder)).read_bytes()
    return made


def framing(members: Members, whole: bytes) -> dict[str, bytes]:
    """Step 1: gzip."""
    return {
        "01-not-a-bundle": b"This is no bundle.\n",
        "01-gzip-header": whole[:4] + b"\x01" + whole[5:],
        "01-truncated": whole[: len(whole) // 2],
        "01-checksum": whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:],
        "01-second-gzip-member": whole + whole,
        "01-trailing-bytes": whole + b"more",
        "01-bomb": gzipped(tar.header(EVIDENCE, 30 << 20, MTIME) + bytes(30 << 20) + tar.END),
    }


def archives(members: Members) -> dict[str, bytes]:
    """Step 2: tar."""
    blocks = [entry(name, data) for name, data in sorted(members.items())]
    plain = b"".join(blocks)
    padded = bytearray(plain)
    padded[len(blocks[0]) - 1] = 1
    late = b"".join(blocks[:-1]) + entry("signer.pub.pem", members["signer.pub.pem"], MTIME + 1)
    twin = plain.replace(blocks[3], entry(EVIDENCE.replace("tls", "tLs"), b"") + blocks[3])
    return {
        "02-symbolic-link": with_block(members, odd("VERIFY.md", b"2", link=b"/etc/passwd")),
        "02-hard-link": with_block(members, odd("VERIFY.md", b"1", link=b"run.json")),
        "02-device": with_block(members, odd("VERIFY.md", b"3")),
        "02-directory": with_block(members, odd("evidence/", b"5")),
        "02-pax-header": with_block(members, odd("VERIFY.md", b"x")),
        "02-absolute-path": with_block(members, odd("/etc/passwd")),
        "02-climbing-path": with_block(members, odd("evidence/../../etc/passwd")),
        "02-backslash-name": with_block(members, odd("evidence\\..\\x")),
        "02-name-not-ascii": with_block(members, odd("evidence/caf\xe9")),
        "02-name-escape-code": with_block(members, odd("evidence/\x1b[31mred")),
        "02-executable": with_block(members, odd("VERIFY.md", mode=b"0000755\0")),
        "02-duplicate-member": gzipped(blocks[0] + plain + tar.END),
        "02-case-double": gzipped(twin + tar.END),
        "02-out-of-order": gzipped(b"".join(reversed(blocks)) + tar.END),
        "02-other-time": gzipped(late + tar.END),
        "02-oversized-member": gzipped(tar.header(EVIDENCE, 1 << 30, MTIME) + tar.END),
        "02-padding": gzipped(bytes(padded) + tar.END),
        "02-archive-truncated": gzipped(plain),
        "02-archive-trailing": gzipped(plain + tar.END + bytes(512)),
    }


def unsigned(members: Members, key: Signer, other: Signer) -> dict[str, bytes]:
    """Steps 3 to 8: what somebody without the key can do."""
    without = {name: data for name, data in members.items() if name != "run.json"}
    bare = {name: data for name, data in members.items() if name != EVIDENCE}
    respelled = json.dumps(json.loads(members["attestation.json"]), indent=1).encode()
    foreign = json.loads(resigned(members, other)["attestation.json"])["signatures"][0]

    def second(envelope: Any) -> None:
        envelope["signatures"].append(foreign)

    def swapped(envelope: Any) -> None:
        envelope["signatures"][0]["sig"] = foreign["sig"]

    def other_payload(envelope: Any) -> None:
        envelope["payload"] = json.loads(resigned(members, key, kind="ephemeral")["attestation.json"])["payload"]

    made = {
        "03-missing-member": without,
        "03-unexpected-member": members | {"setup.py": b"import os\n"},
        "03-second-envelope": members | {"attestation2.json": members["attestation.json"]},
        "04-not-an-envelope": members | {"attestation.json": b"[]\n"},
        "04-payload-type": enveloped(members, lambda envelope: envelope.update(payloadType="text/plain")),
        "04-second-signature": enveloped(members, second),
        "04-no-signature": enveloped(members, lambda envelope: envelope.update(signatures=[])),
        "04-respelled": members | {"attestation.json": respelled},
        "05-unknown-key": resigned(members, other),
        "05-signer-swapped": members | {"signer.pub.pem": other.public_pem},
        "06-signature": enveloped(members, swapped),
        "06-payload": enveloped(members, other_payload),
        "07-manifest-byte": changed(members, "manifest.json"),
        "08-journal-byte": changed(members, "journal.jsonl"),
        "08-assessment-byte": changed(members, "assessment.json"),
        "08-evidence-byte": changed(members, EVIDENCE),
        "08-input-byte": changed(members, "inputs/controls.yaml"),
        "08-report-byte": changed(members, "report.html"),
        "08-evidence-missing": bare,
        "08-evidence-added": members | {"evidence/more.txt": b"more"},
    }
    return {name: pack(content) for name, content in made.items()}


def insider(members: Members, key: Signer) -> dict[str, bytes]:
    """Steps 7 to 11: what the holder of the key can't get past either."""

    def control(number: int, **changes: Any) -> Edit:
        return lambda document: document["controls"][number].update(changes)

    def flip(document: Any) -> None:
        document["controls"][1]["verdict"] = "satisfied"
        document["counts"].update({"satisfied": 2, "not-satisfied": 0})

    def unassess(document: Any) -> None:
        document["controls"][0]["probes"].pop()

    def cite(document: Any) -> None:
        document["controls"][1]["probes"][0]["exchanges"] = [99]

    def deselect(document: Any) -> None:
        document["controls"][0]["selected"].pop()

    def partial(document: Any) -> None:
        document["run"].update(partial=True, selection="-k one")

    def dangling(lines: list[Any]) -> None:
        lines[2]["answer"]["chain"][0]["$evidence"]["path"] = "evidence/elsewhere.txt"

    doubled = members["run.json"].replace(b'"format":', b'"format": 1, "format":', 1)
    lines = members["outcomes.jsonl"].splitlines(keepends=True)
    cited = [line.replace(b'"exchanges": [3]', b'"exchanges": [99]') for line in lines]
    bare = [line.replace(b'"exchanges": [1, 2]', b'"exchanges": []') for line in lines]

    def uncited(document: Any) -> None:
        document["controls"][0]["probes"][1]["exchanges"] = []

    documents = {
        "09-not-strict-json": members | {"run.json": doubled},
        "09-chain-broken": relined(members, lambda found: found[2].update(prev="0" * 64), chain=False),
        "09-exchange-removed": relined(members, lambda found: found.pop(2)),
        "09-other-run": relined(members, lambda found: found[0].update(run="another")),
        "09-evidence-dangling": relined(members, dangling),
        "09-torn-line": members | {"journal.jsonl": members["journal.jsonl"] + b'{"seq":'},
        "10-tail-cut": members | {"journal.jsonl": b"".join(members["journal.jsonl"].splitlines(keepends=True)[:-1])},
        "10-verdict-flipped": edited(members, "assessment.json", flip),
        "10-verdict-unknown": edited(members, "assessment.json", control(1, verdict="fine")),
        "10-counts": edited(members, "assessment.json", lambda document: document["counts"].update(satisfied=9)),
        "10-probe-left-out": edited(members, "assessment.json", unassess)
        | {"outcomes.jsonl": b"".join(lines[:1] + lines[2:])},
        "10-deselected-yet-whole": edited(edited(members, "assessment.json", unassess), "run.json", deselect)
        | {"outcomes.jsonl": b"".join(lines[:1] + lines[2:])},
        "10-deselected-yet-satisfied": edited(
            edited(edited(edited(members, "assessment.json", unassess), "run.json", deselect), "run.json", partial),
            "assessment.json",
            partial,
        )
        | {"outcomes.jsonl": b"".join(lines[:1] + lines[2:])},
        "10-cut-off-yet-complete": members | {"outcomes.jsonl": b"".join(lines[:3])},
        "10-exchange-cited": edited(members, "assessment.json", cite) | {"outcomes.jsonl": b"".join(cited)},
        "10-nothing-looked-at": edited(members, "assessment.json", uncited) | {"outcomes.jsonl": b"".join(bare)},
        "10-outcome-dropped": members | {"outcomes.jsonl": b"".join(lines[:2] + lines[3:])},
        "10-other-target": edited(members, "run.json", lambda document: document["target"].update(name="other")),
        "10-control-reworded": edited(members, "assessment.json", control(0, statement="Less.")),
        "10-start-moved": edited(
            edited(members, "run.json", lambda document: document["run"].update(started="2026-01-03T03:04:05+00:00")),
            "assessment.json",
            lambda document: document["run"].update(started="2026-01-03T03:04:05+00:00"),
        ),
    }
    made = {name: pack(resigned(content, key)) for name, content in documents.items()}

    def predicate(**changes: Any) -> Edit:
        return lambda claim: claim["predicate"].update(changes)

    claims: dict[str, Edit] = {
        "07-statement-type": lambda claim: claim.update(_type="https://in-toto.io/Statement/v0.1"),
        "07-predicate-type": lambda claim: claim.update(predicateType="https://slsa.dev/provenance/v1"),
        "07-target-digest": lambda claim: claim["subject"][1].update(digest={"sha256": "0" * 64}),
        "11-result": predicate(result="PASSED"),
        "11-passed-tests": predicate(passedTests=["secure-transport-required", "tls-1-3-only"]),
        "11-configuration": predicate(configuration=[]),
        "11-other-run": lambda claim: claim["predicate"]["proofOfControls"].update(run="another"),
    }
    return made | {name: pack(resigned(members, key, edit)) for name, edit in claims.items()}


def vectors() -> dict[str, bytes]:
    """Every vector by its path under fixtures/vectors."""
    made_good = good(load_make_run())
    key, other = signer("test named"), signer("test other")
    with tempfile.NamedTemporaryFile() as file:
        file.write(made_good["complete"])
        file.flush()
        with open_verified(Path(file.name), None) as bundle:
            members = {name: bundle.member(name) for name in bundle.names()}
    bad = framing(members, made_good["complete"]) | archives(members)
    bad |= unsigned(members, key, other) | insider(members, key)
    return {
        "test-only.pub.pem": key.public_pem,
        "test-only-ephemeral.pub.pem": signer("test ephemeral", "ephemeral").public_pem,
        "test-only-other.pub.pem": other.public_pem,
        **{f"good/{name}.proof.tar.gz": data for name, data in made_good.items()},
        **{f"bad/{name}.proof.tar.gz": data for name, data in bad.items()},
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else VECTORS
    for name, data in vectors().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
