"""What a search says on its errors beside places that are not there, which is an answer."""

from __future__ import annotations


def troubles(errors: str) -> list[str]:
    """Lines that tell of anything else than a missing file or directory: then not all was seen."""
    return [line for line in errors.splitlines() if not line.endswith(": No such file or directory")]
