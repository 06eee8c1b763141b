"""DSSE v1.0 envelopes with one Ed25519 signature (secure-systems-lab/dsse, protocol.md and envelope.md)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from cryptography.exceptions import InvalidSignature

from proofs.bundle import jsontext
from proofs.bundle.names import ATTESTATION, shown
from proofs.bundle.signers import PublicKey, Signer
from proofs.errors import IntegrityError

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what is really signed. It counts bytes, of the type too."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signer: Signer) -> bytes:
    """The envelope around `payload`, in one spelling, with a line end."""
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": signer.keyid, "sig": base64.b64encode(signer.sign(pae(PAYLOAD_TYPE, payload))).decode()}
        ],
    }
    return jsontext.dumps(envelope) + b"\n"


def verify(envelope: bytes, key: PublicKey) -> bytes:
    """The exact payload bytes that `key` signed. Raises `IntegrityError` with the first reason otherwise."""
    parsed = jsontext.loads(envelope, ATTESTATION)
    _shape(parsed)
    if parsed["payloadType"] != PAYLOAD_TYPE:
        raise IntegrityError(f"the payload type is {shown(parsed['payloadType'])}, expected {PAYLOAD_TYPE}")
    if len(parsed["signatures"]) != 1:
        raise IntegrityError(f"the envelope has {len(parsed['signatures'])} signatures, expected exactly one")
    signature = parsed["signatures"][0]
    if signature["keyid"] != key.keyid:
        raise IntegrityError(f"signed with the unknown key {shown(signature['keyid'])}, expected {key.keyid}")
    payload, sig = _decoded(parsed["payload"]), _decoded(signature["sig"])
    if jsontext.dumps(parsed) + b"\n" != envelope:
        raise IntegrityError(f"{ATTESTATION} is not in the one spelling this format allows")
    try:
        key.verify(sig, pae(parsed["payloadType"], payload))
    except InvalidSignature:
        raise IntegrityError("the signature does not match the attestation") from None
    return payload


def _shape(parsed: Any) -> None:
    match parsed:
        case {"payloadType": str(), "payload": str(), "signatures": [*signatures]} if len(parsed) == 3 and all(
            isinstance(one, dict)
            and set(one) == {"keyid", "sig"}
            and all(isinstance(value, str) for value in one.values())
            for one in signatures
        ):
            return
    raise IntegrityError(f"{ATTESTATION} is not a DSSE envelope")


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if base64.b64encode(data).decode() != text or not data:
        raise IntegrityError(f"{ATTESTATION} holds base64 that is not in its one spelling")
    return data
