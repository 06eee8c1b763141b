"""The trust material on the prover's machine: certificates and option files put into evidence, keys never."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proofs.channels.option_files import read_group
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Json, KeyPair, Request, Target
from proofs.ports import ExchangeSink

_LIMIT = 1 << 20


class Material:
    """The channel `material` of one target; see `MaterialChannel`."""

    def __init__(self, target: Target, sink: ExchangeSink) -> None:
        self._target = target
        self._sink = sink

    def pem(self, what: str) -> str:
        """The PEM text of `ca`, `crl`, `certificate:NAME` or `identity:NAME` (its certificate; never a key).

        Raises `Indeterminate` if the target names no such thing, `ChannelError` if the file is not what it should be.
        """
        path = self._path_of(what)
        request = Request("material", "pem", {"what": what})
        return str(self._sink.exchange(request, lambda: {"pem": _read_pem(path)}, memo=True).answer["pem"])

    def key_modes(self) -> Sequence[Json]:
        """{identity, path, mode, owner, group, directory: {path, mode, owner, group}} of each private key file.

        Modes are octal strings, owners and groups numbers, symbolic links followed. Raises `ChannelError` if a key
        cannot be looked at.
        """

        def perform() -> Json:
            keys = []
            for name, identity in sorted(self._target.identities.items()):
                if identity.keypair is not None:
                    path = Path(identity.keypair.key)
                    keys.append({"identity": name, **_mode_of(path), "directory": _mode_of(path.parent)})
            return {"keys": keys}

        keys: list[Json] = self._sink.exchange(Request("material", "key_modes", {}), perform, memo=True).answer["keys"]
        return keys

    def client_options(self) -> Sequence[Json]:
        """{path, group, options, includes} of each client configuration of the target; passwords' values dropped."""

        def perform() -> Json:
            found = []
            for client in self._target.clients:
                file = read_group(client.path, client.group)
                entry = {"path": client.path, "group": client.group}
                found.append(entry | {"options": dict(file.options), "includes": list(file.includes)})
            return {"clients": found}

        request = Request("material", "client_options", {})
        clients: list[Json] = self._sink.exchange(request, perform, memo=True).answer["clients"]
        return clients

    def _path_of(self, what: str) -> str:
        kind, _, name = what.partition(":")
        path: str | None = None
        if what == "ca":
            path = self._target.database.ca
        elif what == "crl":
            path = self._target.database.crl
        elif kind == "certificate" and name in self._target.certificates:
            path = self._target.certificates[name].certificate
        elif kind == "identity" and name in self._target.identities:
            pair: KeyPair | None = self._target.identities[name].keypair
            path = pair.certificate if pair is not None else None
        if path is None:
            raise Indeterminate(f"the target names no {what!r}")
        return path


def _read_pem(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as e:
        raise ChannelError(f"cannot read {path}: {e.strerror or e}") from None
    if len(data) > _LIMIT or b"-----BEGIN " not in data:
        raise ChannelError(f"{path} is not a PEM file")
    if b"PRIVATE KEY-----" in data:
        raise ChannelError(f"{path} holds a private key where a certificate is expected: not read into evidence")
    return data.decode("ascii", "replace")


def _mode_of(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
    except OSError as e:
        raise ChannelError(f"cannot look at {path}: {e.strerror or e}") from None
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    return {"path": str(path), "mode": mode, "owner": status.st_uid, "group": status.st_gid}
