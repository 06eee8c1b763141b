"""`${NAME}` in the texts of an inventory: the given variables first, then the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proofs.catalogue.problems import Key, Problems, spell_value

_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def interpolate(
    value: Any, variables: Mapping[str, str], environ: Mapping[str, str], key: Key, problems: Problems
) -> Any:
    """The value with every reference replaced, in texts at any depth (never in keys); `$$` stands for `$`."""
    if isinstance(value, str):
        return _text(value, variables, environ, key, problems)
    if isinstance(value, list):
        return [interpolate(entry, variables, environ, (*key, i), problems) for i, entry in enumerate(value)]
    if isinstance(value, dict):
        return {name: interpolate(entry, variables, environ, (*key, name), problems) for name, entry in value.items()}
    return value


def _text(text: str, variables: Mapping[str, str], environ: Mapping[str, str], key: Key, problems: Problems) -> str:
    def replace(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$"
        name = found.group(1)
        if name in variables:
            return variables[name]
        if not _NAME.match(name):
            problems.add(key, f"${{{name[:40]}}}", "${NAME} with a variable's name", "correct the name, or write $${")
        elif name == "lab":
            problems.add(key, "${lab} in a target without a lab", "a path", "add `lab:` or write the path")
        elif name not in environ:
            problems.add(key, f"${{{name}}}, which is not set", "an environment variable", f"set {spell_value(name)}")
        return environ.get(name, "")

    return _REFERENCE.sub(replace, text)
