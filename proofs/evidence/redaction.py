"""Takes secrets out of answers before they are stored, digested or judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from proofs.model.spellings import spellings

BARE_MARK = "«-»"
"""For a secret that stands in the usual mark itself; shorter than any secret may be."""


class Redactor:
    """Replaces every spelling of every resolved secret by `«redacted:LABEL»`.

    `values` gives the secrets resolved so far as (label, secret); it is asked anew each time because secrets are
    resolved as late as they are needed.
    """

    def __init__(self, values: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._values = values
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        self._marks: dict[str, str] = {}

    def text(self, text: str) -> str:
        """The text with every secret replaced, in one pass, so that of two spellings the longer one goes."""
        if not text.isascii():
            # A lone surrogate can't be stored as it is; what is judged must be what is stored.
            text = text.encode("utf-8", "backslashreplace").decode()
        found = {form: mark for form, mark in self._forms().items() if form in text}
        if not found:
            return text
        pattern = "|".join(re.escape(form) for form in sorted(found, key=len, reverse=True))
        return re.sub(pattern, lambda match: found[match[0]], text)

    def value(self, value: Any) -> Any:
        """A new JSON-able value: strings redacted, mapping keys too; everything else as it was."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _forms(self) -> Mapping[str, str]:
        new = [pair for pair in self._values() if pair not in self._known]
        if new:
            self._known |= {(label, secret): spellings(secret) for label, secret in new}
            every = frozenset().union(*self._known.values())
            for (label, _), forms in self._known.items():
                mark = f"«redacted:{label}»"
                mark = BARE_MARK if any(form in mark for form in every) else mark
                self._marks |= dict.fromkeys(forms, mark)
        return self._marks
