"""Takes secrets out of answers before they are stored, digested or judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from proofs.model.spellings import spellings


class Redactor:
    """Replaces every spelling of every resolved secret by `«redacted:LABEL»`.

    `values` gives the secrets resolved so far as (label, secret); it is asked anew each time because secrets are
    resolved as late as they are needed.
    """

    def __init__(self, values: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._values = values
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def text(self, text: str) -> str:
        """The text with every secret replaced, longest spelling first."""
        for (label, _), forms in self._forms().items():
            for form in forms:
                if form in text:
                    text = text.replace(form, f"«redacted:{label}»")
        return text

    def value(self, value: Any) -> Any:
        """A new JSON-able value: strings redacted, mapping keys too; everything else as it was."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _forms(self) -> dict[tuple[str, str], tuple[str, ...]]:
        for pair in self._values():
            if pair not in self._known:
                self._known[pair] = tuple(sorted(spellings(pair[1]), key=len, reverse=True))
        return self._known
