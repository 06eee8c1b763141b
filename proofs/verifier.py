"""Check a proof bundle (`<target>-<UTC start>.proof.tar.gz`) with this one file.

    python3 verifier.py BUNDLE [--key PUBLIC_KEY.pem]

Needs Python 3.11 and `cryptography`; imports nothing else of the project that made the bundle. Nothing is extracted,
nothing is believed before its signature and digest are checked, and everything is read with bounds.
Exit status: 0 intact, 1 refused (the first reason is printed), 2 a file could not be read, or wrong usage.

The procedure; each step is one function below, in this order:

 1. Framing. The file is one gzip member with the one header the format fixes, an intact checksum and nothing
    after it. It unpacks to at most 2 GiB, and beyond 16 MiB to at most 200 times its size.
 2. Archive. Inside is a tar archive of plain files in one header form: mode 0644, owner 0, the same time for all,
    no links, devices, folders or extended headers; relative names of plain characters, each once (also when case
    is ignored), sorted; at most 20,000 members; two zero blocks at the end and nothing after them.
 3. Members. All that must be there are there, and nothing that the format does not know.
 4. Envelope. `attestation.json` is a DSSE envelope in one spelling, of in-toto's payload type, with one signature.
 5. Key. The key given with --key (without it: the bundle's own `signer.pub.pem`) is an Ed25519 key, its id (the
    SHA-256 of its DER form) is the one in the envelope, and `signer.pub.pem` is that same key.
 6. Signature. It is valid over DSSE's pre-authentication encoding of the payload's exact bytes.
 7. Statement. The payload is an in-toto Statement v1 with a test-result predicate, whose subjects are
    `manifest.json` and the target, by SHA-256.
 8. Manifest. It lists exactly the other members, each with its size and SHA-256.
 9. Journal. Each line carries the hash of the line before, numbers run from 1, and evidence that an exchange
    names is there, byte for byte.
10. Conclusions. The assessment is of this run and this journal, its probe results are those of `outcomes.jsonl`,
    each cites exchanges that exist, each control's verdict follows from its probes, and the counts are right.
11. Claim. What the signed statement says is what the assessment says.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

MAX_TOTAL, MAX_RATIO, RATIO_APPLIES_FROM = 2 * 1024**3, 200, 16 * 1024**2
MAX_MEMBERS, MAX_BODY, MAX_DOCUMENT, MAX_KEY = 20_000, 512 * 1024**2, 64 * 1024**2, 64 * 1024
DOCUMENTS = [
    "VERIFY.md",
    "assessment.json",
    "attestation.json",
    "inputs/controls.yaml",
    "inputs/target.json",
    "journal.jsonl",
    "manifest.json",
    "outcomes.jsonl",
    "run.json",
    "signer.pub.pem",
]
REPORTS = ["report.html", "results.xml"]
VERDICTS = ["satisfied", "not-satisfied", "indeterminate", "not-applicable", "not-assessed"]
KINDS = {
    "1": "hard link",
    "2": "symbolic link",
    "3": "character device",
    "4": "block device",
    "5": "directory",
    "6": "FIFO",
    "x": "pax header",
    "g": "pax header",
    "L": "GNU long name",
    "K": "GNU long link",
}


class Refused(Exception):  # noqa: N818 - the word the procedure uses
    """The bundle is not what it claims to be."""


class Unreadable(Exception):  # noqa: N818
    """A file could not be read."""


class Bundle:
    """What the steps have found so far."""

    def __init__(self) -> None:
        """Nothing found yet."""
        self.digests: dict[str, tuple[int, str]] = {}
        self.documents: dict[str, bytes] = {}
        self.time = 0
        self.keyid = ""
        self.public_key: Any = None
        self.statement: Any = None
        self.exchanges = 0
        self.head = ""
        self.assessment: Any = None


def require(condition: object, reason: str) -> None:
    """Refuse for `reason` unless `condition` holds."""
    if not condition:
        raise Refused(reason)


def plain(value: object, limit: int = 80) -> str:
    """Text from the bundle as printable ASCII on one line, bounded: it may be hostile to terminals."""
    text = "".join(char if " " <= char <= "~" else ascii(char)[1:-1] for char in str(value)[: limit + 1])
    return text if len(text) <= limit else text[: limit - 3] + "..."


def strict_json(data: bytes, what: str) -> Any:
    """JSON that no two readers understand differently: UTF-8, no doubled keys, no NaN."""

    def single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len({key for key, _ in pairs}) == len(pairs), f"{what} is not strict JSON: a doubled key")
        return dict(pairs)

    def no_constant(name: str) -> None:
        raise Refused(f"{what} is not strict JSON: {name}")

    def finite(text: str) -> float:
        require(abs(float(text)) != float("inf"), f"{what} is not strict JSON: a number out of range")
        return float(text)

    try:
        text = data.decode("utf-8")
        return json.loads(text, object_pairs_hook=single, parse_constant=no_constant, parse_float=finite)
    except (ValueError, RecursionError):
        raise Refused(f"{what} is not strict JSON") from None


def one_spelling(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def step_1_framing(file: BinaryIO) -> Iterator[bytes]:
    """Gzip (RFC 1952), one member, piece by piece."""
    read = len(header := file.read(10))
    require(header == bytes.fromhex("1f8b08000000000000ff"), "step 1: the gzip header is not the one of a bundle")
    stream, unpacked, checksum = zlib.decompressobj(wbits=-15), 0, 0
    waiting = b""
    while not stream.eof:
        if not waiting:
            waiting = file.read(32768)
            read += len(waiting)
            at_end = not waiting
        try:
            piece = stream.decompress(waiting, 131072)
        except zlib.error:
            raise Refused("step 1: the compressed stream is damaged") from None
        require(piece or not at_end or stream.eof, "step 1: the compressed stream is truncated")
        waiting = stream.unconsumed_tail
        unpacked, checksum = unpacked + len(piece), zlib.crc32(piece, checksum)
        require(unpacked <= MAX_TOTAL, "step 1: unpacks to more than 2 GiB")
        require(
            unpacked <= max(RATIO_APPLIES_FROM, MAX_RATIO * read), "step 1: a decompression bomb (more than 200 to 1)"
        )
        yield piece
    rest = stream.unused_data + file.read(16)
    require(len(rest) >= 8, "step 1: the compressed stream is truncated")
    intact = rest[:8] == checksum.to_bytes(4, "little") + (unpacked % 2**32).to_bytes(4, "little")
    require(intact, "step 1: checksum or length of the compressed stream is wrong")
    require(rest[8:10] != b"\x1f\x8b", "step 1: a second gzip member follows")
    require(len(rest) == 8, "step 1: bytes follow the end of the gzip member")


def step_2_archive(pieces: Iterator[bytes], bundle: Bundle) -> None:
    """Tar (POSIX USTAR): digest every member, keep only the documents."""
    tape = Tape(pieces)
    times: set[int] = set()
    seen: set[str] = set()
    last = ""
    while any(block := tape.take(512)):
        name, size, time = tar_header(block)
        shown = plain(name)
        require(name not in bundle.digests, f"step 2: member {shown} appears twice")
        require(name.lower() not in seen, f"step 2: member {shown} differs from another only in case")
        require(name > last, f"step 2: member {shown} is out of order")
        require(len(bundle.digests) < MAX_MEMBERS, "step 2: more than 20,000 members")
        is_document = name in DOCUMENTS or not name.startswith(("evidence/", "inputs/"))
        require(size <= (MAX_DOCUMENT if is_document else MAX_BODY), f"step 2: member {shown} is too large")
        times.add(time)
        require(len(times) == 1, f"step 2: member {shown} has another time than the others")
        digest, kept = hashlib.sha256(), []
        for piece in tape.pieces(size):
            digest.update(piece)
            if name in DOCUMENTS:
                kept.append(piece)
        require(not any(tape.take(-size % 512)), f"step 2: the padding after {shown} is not empty")
        bundle.digests[name] = (size, digest.hexdigest())
        bundle.documents[name] = b"".join(kept)
        seen.add(name.lower())
        last = name
    require(not any(tape.take(512)), "step 2: the archive does not end with two empty blocks")
    require(tape.at_end(), "step 2: bytes follow the end of the archive")
    bundle.time = times.pop() if times else 0


def tar_header(block: bytes) -> tuple[str, int, int]:
    """Name, size and time of a member, from a header in the one permitted form."""
    prefix, name = block[345:500].rstrip(b"\0").decode("latin-1"), block[:100].rstrip(b"\0").decode("latin-1")
    path = f"{prefix}/{name}" if prefix else name
    shown, kind = plain(path), chr(block[156])
    require(kind == "0", f"step 2: member {shown} is a {KINDS.get(kind, 'thing of unknown type')}, not a file")
    require(not path.startswith("/"), f"step 2: member {shown} has an absolute path")
    require(".." not in path.split("/"), f"step 2: member {shown} has a climbing path")
    part = r"[A-Za-z0-9_][A-Za-z0-9._@+=,\-]*"
    require(
        re.fullmatch(rf"{part}(/{part})*", path) and len(path) < 256, f"step 2: member {shown} has a forbidden name"
    )
    form = f"step 2: the header of member {shown} is not in the one permitted form"
    number = re.compile(rb"[0-7]{11}\0")
    require(number.fullmatch(block[124:136]) and number.fullmatch(block[136:148]), form)
    fixed = block[100:124] == b"0000644\x000000000\x000000000\0" and block[157:257] == bytes(100)
    fixed = fixed and block[257:345] == b"ustar\x0000" + bytes(64) + b"0000000\x000000000\0" and not any(block[500:])
    # A name is split only when it must be, at the first slash that makes the rest fit.
    split = path.find("/", len(path) - 101) if len(path) > 100 else -1
    require(fixed and (prefix, name) == ((path[:split], path[split + 1 :]) if split > 0 else ("", path)), form)
    total = sum(block[:148]) + 8 * 32 + sum(block[156:])
    require(block[148:156] == b"%06o\0 " % total, form)
    return path, int(block[124:135], 8), int(block[136:147], 8)


class Tape:
    """Reads a stream of pieces in the sizes one asks for."""

    def __init__(self, source: Iterator[bytes]) -> None:
        """`source` gives pieces of any size, also empty ones."""
        self.source, self.rest = source, b""

    def pieces(self, size: int) -> Iterator[bytes]:
        """Exactly `size` bytes, in pieces."""
        while size > 0:
            require(not self.at_end(), "step 2: the archive is truncated")
            piece, self.rest = self.rest[:size], self.rest[size:]
            size -= len(piece)
            yield piece

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes at once."""
        return b"".join(self.pieces(size))

    def at_end(self) -> bool:
        """Whether the stream is over; reading to there is what checks the gzip trailer."""
        while not self.rest:
            piece = next(self.source, None)
            if piece is None:
                return True
            self.rest = piece
        return False


def step_3_members(bundle: Bundle) -> None:
    """All that must be there, and nothing unknown."""
    for name in DOCUMENTS:
        require(name in bundle.digests, f"step 3: member {name} is missing")
    for name in bundle.digests:
        known = name in DOCUMENTS or name in REPORTS or name.startswith(("evidence/", "inputs/"))
        require(known, f"step 3: unexpected member {plain(name)}")


def step_4_envelope(bundle: Bundle) -> tuple[bytes, bytes, str]:
    """The DSSE envelope: payload, signature and key id."""
    data = bundle.documents["attestation.json"]
    envelope = strict_json(data, "step 4: attestation.json")
    broken = "step 4: attestation.json is not a DSSE envelope"
    require(isinstance(envelope, dict) and envelope.keys() == {"payloadType", "payload", "signatures"}, broken)
    kind, signatures = envelope["payloadType"], envelope["signatures"]
    require(kind == "application/vnd.in-toto+json", f"step 4: unexpected payload type {plain(kind)}")
    require(isinstance(signatures, list), broken)
    require(len(signatures) == 1, f"step 4: {len(signatures)} signatures where there must be one")
    signature = signatures[0]
    require(isinstance(signature, dict) and signature.keys() == {"keyid", "sig"}, broken)
    texts = [envelope["payload"], signature["sig"], signature["keyid"]]
    require(all(isinstance(text, str) and text for text in texts), broken)
    try:
        payload, sig = (base64.b64decode(text, validate=True) for text in texts[:2])
    except ValueError:
        raise Refused("step 4: attestation.json holds bad base64") from None
    again = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"keyid": texts[2], "sig": base64.b64encode(sig).decode()}],
    }
    require(one_spelling(again) + b"\n" == data, "step 4: attestation.json is not in the one permitted spelling")
    return payload, sig, texts[2]


def step_5_key(bundle: Bundle, given: bytes | None, keyid: str) -> None:
    """The key to check with, and that it is the one that the bundle says."""
    own = bundle.documents["signer.pub.pem"]
    pem = own if given is None else given
    key, info = ed25519(pem)
    require(key, "step 5: signer.pub.pem is not an Ed25519 public key")
    bundle.keyid = hashlib.sha256(info).hexdigest()
    require(bundle.keyid == keyid, f"step 5: signed with the unknown key {plain(keyid)}, not with {bundle.keyid}")
    text = base64.b64encode(info).decode()
    expected = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n".encode()
    require(own == expected, "step 5: signer.pub.pem is not the key that signed")
    bundle.public_key = key


def ed25519(pem: bytes) -> tuple[Any, bytes]:
    """The key and its DER form; (None, b"") if it is no Ed25519 public key."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - so that --help works without it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
        load_pem_public_key,
    )

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None, b""
    if not isinstance(key, Ed25519PublicKey):
        return None, b""
    return key, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def step_6_signature(bundle: Bundle, payload: bytes, signature: bytes) -> None:
    """Ed25519 over "DSSEv1 <length of type> <type> <length of payload> <payload>"."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    kind = b"application/vnd.in-toto+json"
    signed = b" ".join([b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload])
    try:
        bundle.public_key.verify(signature, signed)
    except InvalidSignature:
        raise Refused("step 6: the signature is not valid for the attestation") from None


def step_7_statement(bundle: Bundle, payload: bytes) -> None:
    """The in-toto statement and its two subjects."""
    statement = bundle.statement = strict_json(payload, "step 7: the statement")
    require(isinstance(statement, dict), "step 7: the payload is not an in-toto statement")
    kind = statement.get("_type")
    require(
        kind == "https://in-toto.io/Statement/v1", f"step 7: the payload is not an in-toto statement: {plain(kind)}"
    )
    kind = statement.get("predicateType")
    expected = "https://in-toto.io/attestation/test-result/v0.1"
    require(kind == expected, f"step 7: unexpected predicate type {plain(kind)}")
    subjects = statement["subject"]
    require(len(subjects) == 2 and subjects[0]["name"] == "manifest.json", "step 7: unexpected subjects")
    signed = subjects[0]["digest"]
    require(signed == {"sha256": bundle.digests["manifest.json"][1]}, "step 7: manifest.json is not the signed one")
    require(
        subjects[1]["digest"] == {"sha256": bundle.digests["inputs/target.json"][1]},
        "step 7: inputs/target.json is not the signed one",
    )


def step_8_manifest(bundle: Bundle) -> None:
    """Every member but the manifest and the attestation, and none else."""
    manifest = strict_json(bundle.documents["manifest.json"], "step 8: manifest.json")
    require(manifest["format"] == "proof-of-controls/manifest-1", "step 8: unknown format of manifest.json")
    paths = [entry["path"] for entry in manifest["files"]]
    require(paths == sorted(set(paths)), "step 8: manifest.json is not sorted, or lists a member twice")
    for entry in manifest["files"]:
        path, shown = entry["path"], plain(entry["path"])
        require(path in bundle.digests, f"step 8: member {shown} is missing")
        same = bundle.digests[path] == (entry["size"], entry["sha256"]) and type(entry["size"]) is int
        require(same, f"step 8: member {shown} was changed")
    for path in bundle.digests.keys() - {"attestation.json", "manifest.json"}:
        require(path in paths, f"step 8: member {plain(path)} is not in the manifest")


def step_9_journal(bundle: Bundle) -> None:
    """The chain of exchanges, and the evidence they name."""
    run = strict_json(bundle.documents["run.json"], "step 9: run.json")
    lines = split_lines(bundle.documents["journal.jsonl"], "step 9: journal.jsonl")
    first = strict_json(lines[0], "step 9: journal.jsonl") if lines else None
    expected = {"journal": "proof-of-controls/journal-1", "run": run["run"]["id"]}
    require(first == expected, "step 9: journal.jsonl does not begin with the header of this run")
    for number, line in enumerate(lines[1:], 1):
        exchange = strict_json(line, f"step 9: exchange {number}")
        require(exchange["seq"] == number, f"step 9: exchange {number} is numbered {plain(exchange['seq'])}")
        before = hashlib.sha256(lines[number - 1]).hexdigest()
        require(exchange["prev"] == before, f"step 9: the chain is broken at exchange {number}")
        waiting = [exchange["answer"]]
        while waiting:
            value = waiting.pop()
            named = value.get("$evidence") if isinstance(value, dict) and len(value) == 1 else None
            if isinstance(named, dict) and set(named) == {"path", "sha256", "size"}:
                there = bundle.digests.get(str(named["path"])) == (named["size"], named["sha256"])
                require(there, f"step 9: exchange {number} names evidence {plain(named['path'])} that is not there")
            elif isinstance(value, dict | list):
                waiting.extend(value.values() if isinstance(value, dict) else value)
    bundle.exchanges, bundle.head = len(lines) - 1, hashlib.sha256(lines[-1]).hexdigest()


def split_lines(data: bytes, what: str) -> list[bytes]:
    """Lines that each end in a line feed, without it."""
    *lines, rest = data.split(b"\n")
    require(not rest, f"{what} ends in the middle of a line")
    return lines


def step_10_conclusions(bundle: Bundle) -> None:
    """The assessment against the run, the journal and the outcomes."""
    run = strict_json(bundle.documents["run.json"], "step 10: run.json")
    found = bundle.assessment = strict_json(bundle.documents["assessment.json"], "step 10: assessment.json")
    formats = (run["format"], found["format"])
    require(formats == ("proof-of-controls/run-1", "proof-of-controls/assessment-1"), "step 10: unknown format")
    for part in ("target", "profile", "harness", "tailoring"):
        require(found[part] == run[part], f"step 10: run.json has another {part} than assessment.json")
    same = {**found["run"], **run["run"]} == found["run"] and found["run"]["status"] in ("complete", "interrupted")
    require(same, "step 10: run.json is about another run than assessment.json")
    start = datetime.fromisoformat(found["run"]["started"])
    require(start.tzinfo and int(start.timestamp()) == bundle.time, "step 10: the members' time is not the run's start")
    require(
        found["journal"] == {"exchanges": bundle.exchanges, "head": bundle.head},
        "step 10: assessment.json is about another journal",
    )
    judged = {"verdict", "reason", "probes", "selected"}
    plans = [{key: one[key] for key in one if key not in judged} for one in run["controls"]]
    stated = [{key: one[key] for key in one if key not in judged} for one in found["controls"]]
    require(plans == stated, "step 10: run.json has other controls than assessment.json")
    require(len({one["id"] for one in stated}) == len(stated), "step 10: a control appears twice")
    outcomes = [strict_json(line, "step 10: outcomes.jsonl") for line in split_lines(
        bundle.documents["outcomes.jsonl"], "step 10: outcomes.jsonl")]  # fmt: skip
    recorded, unused = Counter(map(one_spelling, outcomes)), Counter[bytes]()
    for plan, control in zip(run["controls"], found["controls"], strict=True):
        for probe in control["probes"]:
            check_probe(probe, control["id"], bundle.exchanges)
            line = one_spelling(probe | {"control": control["id"]})
            # Only an interrupted run may tell of probes without an outcome, and only that nothing is known.
            cut_off = found["run"]["status"] == "interrupted" and probe["verdict"] == "indeterminate"
            if line in recorded or not cut_off or probe["exchanges"]:
                unused[line] += 1
        whole = plan["in_scope"] is not True or set(plan["selected"]) == set(plan["probes"])
        require(whole or run["run"]["partial"] is True, "step 10: run.json calls a run whole that is not")
        follows = control["verdict"] == verdict_that_follows(plan, control["probes"])
        shown = plain(control["id"])
        require(follows, f"step 10: the verdict of control {shown} does not follow from its probes")
    require(unused == recorded, "step 10: the probe results are not those of outcomes.jsonl")
    tally = [control["verdict"] for control in found["controls"]]
    require(found["counts"] == {one: tally.count(one) for one in VERDICTS}, "step 10: the counts are wrong")


def check_probe(probe: dict[str, Any], control: str, exchanges: int) -> None:
    """A verdict of a probe, and the exchanges it rests on."""
    require(probe["verdict"] in VERDICTS[:4], f"step 10: unknown verdict of a probe of {plain(control)}")
    for number in probe["exchanges"]:
        there = type(number) is int and 1 <= number <= exchanges
        require(there, f"step 10: control {plain(control)} cites exchange {plain(number)}, which does not exist")
    looked = probe["exchanges"] or probe["verdict"] != "satisfied"
    require(looked, f"step 10: control {plain(control)} has a satisfied probe that cites no exchange")


def verdict_that_follows(plan: dict[str, Any], probes: list[dict[str, Any]]) -> str:
    """The worst probe decides; what was left out is never satisfied."""
    results = {probe["probe"]: probe["verdict"] for probe in probes}
    require(
        set(plan["selected"]) <= set(results) <= set(plan["probes"]) and len(results) == len(probes),
        f"step 10: control {plain(plan['id'])} tells of other probes than were selected",
    )
    for bad in ("not-satisfied", "indeterminate"):
        if bad in results.values():
            return bad
    if plan["in_scope"] is not True:
        return "not-applicable"
    if not results or set(results) != set(plan["probes"]):
        return "not-assessed"
    return "satisfied" if "satisfied" in results.values() else "not-applicable"


def step_11_claim(bundle: Bundle) -> None:
    """The signed statement against the assessment."""
    found, claim = bundle.assessment, bundle.statement["predicate"]
    named: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for control in found["controls"]:
        named[control["verdict"]].append(control["id"])
    failed = sorted(named["not-satisfied"] + named["indeterminate"])
    run, target = found["run"], found["target"]["name"]
    whole = run["status"] == "complete" and run["partial"] is False and not named["not-assessed"]
    result = "PASSED" if named["satisfied"] and not failed and whole else "FAILED"
    require(claim["result"] == result, f"step 11: the statement claims {plain(claim['result'])}, not {result}")
    lists = {"passedTests": named["satisfied"], "failedTests": failed, "warnedTests": named["not-assessed"]}
    for key, ids in lists.items():
        require(claim[key] == sorted(ids), f"step 11: the statement's {key} are not those of the assessment")
    configuration = [("controls.yaml", "inputs/controls.yaml"), ("inputs/target.json", "inputs/target.json")]
    expected = [{"name": name, "digest": {"sha256": bundle.digests[path][1]}} for name, path in configuration]
    require(claim["configuration"] == expected, "step 11: the statement's configuration is not the one in the bundle")
    own = claim["proofOfControls"]
    about = {"format": "proof-of-controls/bundle-1", "run": run["id"], "target": target}
    about |= {"started": run["started"], "status": run["status"], "signer": own["signer"]}
    subject = bundle.statement["subject"][1]["name"]
    require(
        own == about and subject == f"target:{target}" and own["signer"] in ("named", "ephemeral"),
        "step 11: the statement is about another run or target",
    )


def verify(file: BinaryIO, given_key: bytes | None) -> str:
    """The whole procedure; gives the result in words. Raises `Refused` with the first reason."""
    bundle = Bundle()
    step_2_archive(step_1_framing(file), bundle)
    step_3_members(bundle)
    payload, signature, keyid = step_4_envelope(bundle)
    step_5_key(bundle, given_key, keyid)
    step_6_signature(bundle, payload, signature)
    try:
        step_7_statement(bundle, payload)
        step_8_manifest(bundle)
        step_9_journal(bundle)
        step_10_conclusions(bundle)
        step_11_claim(bundle)
        return report(bundle, given_key is not None)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, OverflowError):
        # These documents are signed, yet not of the shape the format gives them.
        raise Refused("steps 7 to 11: a signed document departs from the format") from None


def report(bundle: Bundle, key_given: bool) -> str:
    """The result in a few lines."""
    found = bundle.assessment
    run, counts = found["run"], found["counts"]
    named = bundle.statement["predicate"]["proofOfControls"]["signer"] == "named"
    signer = f"named key {bundle.keyid}" if named else "ephemeral key: proves integrity, not origin"
    lines = [
        "INTACT: every byte is as it was signed, and the conclusions follow from the evidence.",
        f"target    {plain(found['target']['name'])} ({plain(found['target']['engine'])})",
        f"started   {plain(run['started'])}",
        f"signer    {signer}",
        "verdicts  " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]),
    ]
    for record in found["tailoring"]:
        name = f"{plain(record['control'])}.{plain(record['parameter'])}"
        value, default = plain(repr(record["value"])), plain(repr(record["default"]))
        same = record["value"] == record["default"]  # what is shown of them is cut to a length
        said = f"is at its default again, {value}" if same else f"is {value}, not {default}"
        lines.append(f"TAILORED  {name} {said}, by {plain(record['by'])}")
    if run["partial"]:
        lines.append(f"PARTIAL   not every probe was selected: {plain(run['selection'])}")
    if run["status"] != "complete":
        lines.append("INTERRUPTED  the run did not come to its end")
    if not key_given:
        lines.append(
            "No --key was given: checked with the key inside the bundle. That proves integrity only, not origin:"
            " anyone could have made and signed it."
        )
    return "\n".join(lines)


def read_key(path: str | None) -> bytes | None:
    """The PEM text of --key. Raises `Unreadable`."""
    if path is None:
        return None
    with Path(path).open("rb") as file:
        pem = file.read(MAX_KEY)
    if not ed25519(pem)[0]:
        raise Unreadable(f"{plain(path, 200)}: not an Ed25519 public key in PEM form")
    return pem


def main(arguments: list[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="verifier.py", description="Check a signed proof bundle.")
    parser.add_argument("bundle", help="the .proof.tar.gz file")
    parser.add_argument("--key", help="the signer's Ed25519 public key (PEM), got by another way than the bundle")
    options = parser.parse_args(arguments)
    try:
        key = read_key(options.key)
        with Path(options.bundle).open("rb") as file:
            told = verify(file, key)
    except Refused as reason:
        print(f"REFUSED: {reason}", file=sys.stderr)
        return 1
    except Unreadable as reason:
        print(f"UNREADABLE: {reason}", file=sys.stderr)
        return 2
    except ImportError:
        print("UNREADABLE: this check needs the Python package `cryptography`", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        reason_text = getattr(error, "strerror", None) or "not a file name"
        print(
            f"UNREADABLE: {plain(getattr(error, 'filename', None) or options.bundle, 200)}: {reason_text}",
            file=sys.stderr,
        )
        return 2
    try:
        print(told, flush=True)
    except BrokenPipeError:
        # Whoever reads the output has seen enough; that says nothing of the bundle.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
