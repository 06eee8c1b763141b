"""One line per mistake: file, line, key, what was found, what was expected, how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from proofs.errors import ConfigurationError

Key = tuple[str | int, ...]
"""Where in a document: mapping keys and list positions from the top."""

LIMIT = 20
_WIDTH = 60
_SECRET_KEYS = frozenset({"password", "passphrase"})


def spell_key(key: Key) -> str:
    """`("controls", 3, "severity")` as a person writes it: `controls[3].severity`."""
    text = ""
    for step in key:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            shown = step if step and step.isprintable() and len(step) <= _WIDTH else spell_value(step)
            text += f".{shown}" if text else shown
    return text or "(top)"


def spell_value(value: Any) -> str:
    """What was found, on one line and bounded."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if any is close."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def meant(word: str, known: Iterable[str]) -> str:
    """The remedy for an unknown word: the nearest known one, or the words there are."""
    words = sorted(known)
    close = nearest(word, words)
    if close is not None:
        return f"write {close}"
    shown = ", ".join(words[:12]) + (", …" if len(words) > 12 else "")
    return f"known: {shown}" if words else "there is none"


def problem(file: str, line: int, key: Key, *, found: str, expected: str, remedy: str) -> str:
    """One mistake as its line. A value at or below a password key is never repeated."""
    if found[:1] in "'\"-0123456789" and any(step in _SECRET_KEYS for step in key):
        found = "a literal value"
    text = f"{spell_key(key)}: found {found}, expected {expected}; {remedy}".replace("\n", " ")
    # Paths and values of a file may hold anything; what a terminal would act on, or take for a line's end, is spelled.
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
    return f"{file}:{line}: {shown}"


class Problems:
    """Collects the mistakes of one file, so that they can all be mended in one go."""

    def __init__(self, file: str, line_of: Callable[[Key], int]) -> None:
        self._file = file
        self._line_of = line_of
        self._lines: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, key: Key, found: str, expected: str, remedy: str) -> None:
        """Note one mistake."""
        line = self._line_of(key)
        self._lines.append((line, problem(self._file, line, key, found=found, expected=expected, remedy=remedy)))

    def lines(self) -> Sequence[str]:
        """Every mistake, in the order of the file, each once."""
        return list(dict.fromkeys(text for _, text in sorted(self._lines)))

    def raise_if_any(self) -> None:
        """Raise `ConfigurationError` with one line per mistake, at most `LIMIT` of them."""
        lines = self.lines()
        if not lines:
            return
        if len(lines) > LIMIT:
            rest = len(lines) - LIMIT + 1
            lines = [*lines[: LIMIT - 1], f"{self._file}: {rest} more problems; mend these first"]
        raise ConfigurationError("\n".join(lines))
