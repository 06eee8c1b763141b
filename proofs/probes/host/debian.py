"""The order of Debian's version numbers: deb-version(7)."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[^0-9]+|[0-9]+")


def version_key(version: str) -> tuple[object, ...]:
    """A key that sorts versions as dpkg(1) does: epoch, upstream version, revision."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch or "0"), _part(upstream), _part(revision)


def _part(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """(text, number) pairs; letters before all other signs, a tilde before even the end."""
    parts = _PARTS.findall(text)
    if not parts or parts[0].isdigit():
        parts.insert(0, "")
    words, numbers = parts[0::2], parts[1::2]
    numbers += ["0"] * (len(words) - len(numbers))
    pairs = [((*map(_weight, word), 0), int(number)) for word, number in zip(words, numbers, strict=True)]
    return (*pairs, ((0,), 0))


def _weight(sign: str) -> int:
    if sign == "~":
        return -1
    return ord(sign) if sign.isalpha() else ord(sign) + 256
