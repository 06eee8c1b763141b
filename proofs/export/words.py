"""Parts of an assessment in words, the same wherever they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tailored(record: Mapping[str, Any]) -> str:
    """One changed parameter in words."""
    name = f"{record['control']}.{record['parameter']}"
    if record["value"] == record["default"]:
        return f"{name} is at its default again, {record['value']!r}, by {record['by']}"
    return f"{name} is {record['value']!r}, not {record['default']!r}, by {record['by']}"
