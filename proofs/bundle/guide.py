"""VERIFY.md: how to check a bundle with this project, with its one-file verifier, and with neither."""

from __future__ import annotations

_NAMED = """\
It was signed with the **named key** `{keyid}`. Get that public key from whoever signed, by another way than
this bundle, and check that its id is the same; below it is called `signer.pem`."""
_EPHEMERAL = """\
It was signed with an **ephemeral key** (`{keyid}`), made for this one bundle and thrown away. The signature proves
**integrity, not origin**: that nothing was changed since, not who made it. The public key is in the bundle:
`signer.pub.pem`."""
_TEXT = """\
# How to check this bundle

This is the proof of target `{target}`, run `{run}`, started {started}, {status}{partial}.
{signer}

## 1. With the one-file verifier

`verifier.py` (of Proof of Controls, `proofs/verifier.py`) needs Python 3.11 and `cryptography`, nothing else:

    python3 verifier.py BUNDLE.proof.tar.gz{key}

Exit 0: intact; 1: refused, with the first reason; 2: could not be read.

## 2. With the project

    proofs verify BUNDLE.proof.tar.gz{key}
    proofs replay BUNDLE.proof.tar.gz

## 3. With neither: openssl, sha256sum and a few lines of Python

Unpack into an empty folder; the archive must hold plain files only.

    mkdir bundle && tar -xzf BUNDLE.proof.tar.gz -C bundle && cd bundle

Rebuild the bytes that were signed (DSSE's pre-authentication encoding) and check the Ed25519 signature:

    python3 - <<'END'
    import base64, json, pathlib
    envelope = json.loads(pathlib.Path("attestation.json").read_bytes())
    kind, body = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    pathlib.Path("../signed.bin").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body))
    pathlib.Path("../signature.bin").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    pathlib.Path("../statement.json").write_bytes(body)
    END
    openssl pkeyutl -verify -pubin -inkey {inkey} -rawin -in ../signed.bin -sigfile ../signature.bin

The key's id is the SHA-256 of its DER form; this must print {keyid}:

    openssl pkey -pubin -in {inkey} -outform DER | sha256sum

The signed statement names the digest of `manifest.json`, and the manifest that of every other file:

    python3 - <<'END' | sha256sum --check --strict
    import json, pathlib
    statement = json.loads(pathlib.Path("../statement.json").read_bytes())
    print(statement["subject"][0]["digest"]["sha256"] + "  manifest.json")
    for file in json.loads(pathlib.Path("manifest.json").read_bytes())["files"]:
        print(file["sha256"] + "  " + file["path"])
    END

Any file that this does not list (but `attestation.json` and `manifest.json`) does not belong here:

    python3 - <<'END'
    import json, pathlib
    listed = {{file["path"] for file in json.loads(pathlib.Path("manifest.json").read_bytes())["files"]}}
    found = {{path.as_posix() for path in pathlib.Path(".").rglob("*") if not path.is_dir()}}
    print("not listed:", sorted(found - listed - {{"attestation.json", "manifest.json"}}) or "nothing")
    END

Each line of `journal.jsonl` holds, as `prev`, the SHA-256 of the line before it (without its line end), so no
exchange can be taken out or put in without changing all that follow.
"""


def text(*, target: str, run: str, started: str, status: str, partial: bool, keyid: str, kind: str) -> bytes:
    """The guide of one bundle."""
    return _TEXT.format(
        target=target,
        run=run,
        started=started,
        status=status,
        partial=", partial (not every probe was selected)" if partial else "",
        keyid=keyid,
        signer=(_NAMED if kind == "named" else _EPHEMERAL).format(keyid=keyid),
        key=" --key signer.pem" if kind == "named" else "",
        inkey="../signer.pem" if kind == "named" else "signer.pub.pem",
    ).encode()
