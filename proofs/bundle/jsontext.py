"""JSON read strictly and written in one spelling, so that two readers can't disagree about a document."""

from __future__ import annotations

import json
import math
from typing import Any

from proofs.bundle.names import shown
from proofs.errors import IntegrityError


def dumps(value: Any) -> bytes:
    """One spelling: sorted keys, no spaces, ASCII. No line end."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def loads(data: bytes, what: str) -> Any:
    """Parse RFC 8259 JSON in UTF-8. Raises `IntegrityError` also for doubled keys, NaN and bottomless nesting."""
    try:
        return json.loads(data.decode(), object_pairs_hook=_single, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{what} is not strict JSON: {shown(str(error))}") from None


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
