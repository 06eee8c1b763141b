"""Text for a page: visible, bounded and escaped. Everything a host said goes through here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import Any

MAX_LINES = 60
MAX_LINE = 400
MAX_DEPTH = 12
ELLIPSIS = "…"


def text(value: object, limit: int = MAX_LINE) -> str:
    """One line of HTML text, at most `limit` characters of the value; safe in an attribute in double quotes too."""
    return escape(_visible(cut(" ".join(str(value)[: limit * 4].split()), limit)))


def block(value: object, limit: int = 4000) -> str:
    """HTML text that keeps its line ends."""
    return escape(_visible(cut(str(value), limit), keep="\n"))


def cut(value: str, limit: int) -> str:
    """The value, or its beginning and an ellipsis."""
    return value if len(value) <= limit else value[: limit - 1] + ELLIPSIS


def one_line(value: Any, limit: int = 160) -> str:
    """A value on one line, not yet escaped: scalars as they are, the rest as `key=value` pairs or JSON."""
    if isinstance(value, dict):
        pairs = (f"{key}={one_line(item, 80)}" for key, item in islice(value.items(), 20) if item not in (None, "", []))
        return cut(", ".join(pairs), limit)
    if isinstance(value, list):
        return cut("[" + ", ".join(one_line(item, 80) for item in value[:20]) + "]", limit)
    return cut(_scalar(value), limit)


def outline(value: Any) -> tuple[str, bool]:
    """An answer for people, not yet escaped, and whether lines or parts of lines were left out.

    One `key: value` a line, nested by indentation, texts with their line ends, result rows one a line. It is bounded
    by `MAX_LINES` and `MAX_LINE` and costs no more than what it shows, however large the answer.
    """
    lines = list(islice(_lines(value, 0), MAX_LINES + 1))
    short = [cut(line, MAX_LINE) for line in lines[:MAX_LINES]]
    return "\n".join(short), len(lines) > MAX_LINES or short != lines[:MAX_LINES]


def _lines(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if depth > MAX_DEPTH:
        yield pad + ELLIPSIS + " " * MAX_LINE  # longer than a line may be, so that it counts as left out
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(pad, f"{str(key)[:MAX_LINE]}: ", item, depth)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, list) and not any(isinstance(cell, dict | list) for cell in item):
                yield pad + " | ".join(_scalar(cell)[: MAX_LINE + 1] for cell in item[:200])
            else:
                yield from _entry(pad, "- ", item, depth)
    else:
        yield from (pad + line for line in _text_lines(_scalar(value)))


def _entry(pad: str, label: str, item: Any, depth: int) -> Iterator[str]:
    if isinstance(item, dict | list) and item:
        flat = isinstance(item, list) and not any(isinstance(part, dict | list) for part in item)
        joined = ", ".join(_scalar(part)[:MAX_LINE] for part in item[:40]) if flat else ""
        if flat and len(item) <= 40 and len(joined) <= MAX_LINE - 40 and "\n" not in joined:
            yield f"{pad}{label}{joined}"
            return
        yield f"{pad}{label.rstrip()}"
        yield from _lines(item, depth + 1)
        return
    lines = _text_lines(_scalar(item))
    first = next(lines, "")
    second = next(lines, None)
    if second is None:
        yield f"{pad}{label}{first}"
        return
    yield f"{pad}{label.rstrip()}"
    for line in (first, second):
        yield f"{pad}  {line}"
    yield from (f"{pad}  {line}" for line in lines)


def _text_lines(value: str) -> Iterator[str]:
    """The lines of a text, found one by one: a megabyte of them is not split for the few that are shown."""
    start = 0
    while (end := value.find("\n", start)) >= 0:
        yield value[start : min(end, start + MAX_LINE + 1)]
        start = end + 1
    if start < len(value) or not value:
        yield value[start : start + MAX_LINE + 1]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cut(json.dumps(value, default=str), MAX_LINE)


def _visible(value: str, keep: str = "") -> str:
    """Control characters, direction overrides, unpaired surrogates and the like in their escaped spelling.

    A right-to-left override (Unicode Bidirectional Algorithm, UAX #9) would let a host reorder the words around it.
    """
    if value.isprintable():
        return value
    return "".join(letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in value)
