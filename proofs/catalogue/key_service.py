"""How a key service is reached (`records.key_service`, or a file of its own): paths absolute, a PIN by reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proofs.catalogue import schema
from proofs.catalogue.problems import Problems
from proofs.model import SecretRef


def settings_of(
    entry: Mapping[str, Any], path_of: Callable[[str], str], secret_of: Callable[[Mapping[str, Any]], SecretRef]
) -> dict[str, Any]:
    """The settings of an entry that was checked against the schema, as `proofs.records.services` takes them."""
    settings = dict(entry)
    if "path" in settings:
        settings["path"] = path_of(settings["path"])
    if "pin" in settings:
        settings["pin"] = secret_of(settings["pin"])
    return settings


def load_key_service(path: Path) -> dict[str, Any]:
    """The settings in a YAML file of their own; relative paths are taken from its folder.

    Raises `ConfigurationError`, one line per mistake: `file:line: key: found …, expected …; remedy`.
    """
    from proofs.catalogue.marked import read  # noqa: PLC0415 - PyYAML only when a file is read

    document = read(path)
    problems = Problems(document.file, document.line_of)
    schema.check(document.data, "targets.schema.json", problems, "key_service")
    problems.raise_if_any()

    def path_of(text: str) -> str:
        return str(path.parent.absolute() / Path(text).expanduser())

    def secret_of(reference: Mapping[str, Any]) -> SecretRef:
        if "command" in reference:
            return SecretRef("command", tuple(reference["command"]))
        return (
            SecretRef("env", reference["env"]) if "env" in reference else SecretRef("file", path_of(reference["file"]))
        )

    return settings_of(document.data, path_of, secret_of)
