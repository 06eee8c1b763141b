"""Secrets by reference: resolved when needed, remembered so that they can be redacted, never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from proofs.errors import ConfigurationError
from proofs.model import SecretRef
from proofs.model.spellings import MINIMUM_SECRET

COMMAND_TIMEOUT_S = 10.0
MAX_BYTES = 65536


class SecretStore:
    """Implements `ports.Secrets`. Each reference is resolved once; errors never contain a secret."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._resolved: dict[SecretRef, tuple[str, str]] = {}

    def resolve(self, ref: SecretRef) -> str:
        """The secret. Of a file or of a command's output, one trailing newline is not part of it.

        Raises `ConfigurationError`: not set, unreadable, failed, timed out (10 s), not UTF-8, too long, too short or
        empty.
        """
        if ref not in self._resolved:
            label = _label(ref)
            value = self._read(ref, label)
            if not value:
                raise ConfigurationError(f"secret {label}: found nothing in it, expected a secret; store one there")
            if len(value) < MINIMUM_SECRET:
                raise ConfigurationError(
                    f"secret {label}: found less than {MINIMUM_SECRET} characters, which can't be told from ordinary "
                    f"text and so not be kept out of the evidence; use a longer one"
                )
            self._resolved[ref] = (label, value)
        return self._resolved[ref][1]

    def values(self) -> tuple[tuple[str, str], ...]:
        """Every (label, secret) resolved so far, for the redactor. Labels name the reference, not the secret."""
        return tuple(self._resolved.values())

    def _read(self, ref: SecretRef, label: str) -> str:
        if isinstance(ref.value, tuple):
            raw = _run(ref.value, label)
        elif ref.kind == "env":
            return self._environ.get(ref.value, "")
        else:
            raw = _file(ref.value, label)
        if len(raw) > MAX_BYTES:
            raise ConfigurationError(
                f"secret {label}: found more than {MAX_BYTES} bytes, expected a secret; correct it"
            )
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigurationError(f"secret {label}: found bytes, expected UTF-8 text; store it as text") from None
        return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")


def _label(ref: SecretRef) -> str:
    # A command's arguments may be telling; its program's name is enough to find it.
    return f"{ref.kind} {Path(ref.value[0]).name}" if isinstance(ref.value, tuple) else f"{ref.kind} {ref.value}"


def _file(path: str, label: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigurationError(
            f"secret {label}: found {reason}, expected a readable file; correct the path"
        ) from None


def _run(command: tuple[str, ...], label: str) -> bytes:
    import subprocess  # noqa: PLC0415 - most runs have no such secret

    try:
        # The user's own program, as a list, without a shell.
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # may repeat the secret
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"secret {label}: found no answer in {COMMAND_TIMEOUT_S:g} s, expected a secret; run it by hand"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a program"
        raise ConfigurationError(f"secret {label}: found {reason}, expected a program; correct the command") from None
    if done.returncode != 0:
        raise ConfigurationError(
            f"secret {label}: found exit status {done.returncode}, expected 0; run it by hand to see why"
        )
    return done.stdout
