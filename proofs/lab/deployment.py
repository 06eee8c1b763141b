"""What a lab runs: a deployment's options and SQL from `fixtures/deployments`, with the lab's own values filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from proofs import resources
from proofs.errors import ConfigurationError
from proofs.model import Engine

Options = dict[str, str | None]
"""Server or client options in order; None is an option without a value (`skip_log_bin`)."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One directory of `fixtures/deployments`: `sql` is run by the administrator once the server is up.

    A `seeded` one has the reference schema, and gets its first records.
    """

    name: str
    engine: Engine
    identities: Mapping[str, str]
    operator: str
    storage: Options
    server_options: str
    client_options: str
    sql: str
    seeded: bool


def load(name: str, directory: Path = resources.DEPLOYMENTS) -> Deployment:
    """Read a deployment; `ConfigurationError` where it is missing or incomplete."""
    home = directory / name
    path = home / "deployment.yaml"
    try:
        data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Deployment(
            name=name,
            engine=data["engine"],
            identities=data["identities"],
            operator=data["operator"],
            storage={key: str(value) for key, value in data["storage"].items()},
            server_options=(home / data["option_file"]).read_text(encoding="utf-8"),
            client_options=(home / data["client_option_file"]).read_text(encoding="utf-8"),
            sql="\n".join((home / each).read_text(encoding="utf-8") for each in data["sql"]),
            seeded=bool(data.get("seeded", False)),
        )
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.parent.name for p in directory.glob("*/deployment.yaml"))) or "none"
        raise ConfigurationError(f"{error.filename}: no such file (deployments here: {known})") from error
    except (KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: not a deployment ({type(error).__name__}: {error})") from error


def fill(text: str, values: Mapping[str, str], quote: Callable[[str], str] = str) -> str:
    """Replace every `${name}` by its value, passed through `quote`; an unknown name is a `ConfigurationError`."""

    def value(match: re.Match[str]) -> str:
        try:
            return quote(values[match[1]])
        except KeyError as error:
            known = ", ".join(sorted(values))
            raise ConfigurationError(f"lab deployment: ${{{match[1]}}} is unknown; known: {known}") from error

    return re.sub(r"\$\{([^}]*)\}", value, text)


def sql_text(value: str) -> str:
    """A value as it may stand between single quotes in SQL, in every sql_mode."""
    if "\\" in value:
        raise ConfigurationError("lab deployment: a value put into SQL may not hold a backslash")
    return value.replace("'", "''")


def parse_options(text: str) -> Options:
    """The options of a one-section option file, in order."""
    options: Options = {}
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;[":
            continue
        key, equals, value = line.partition("=")
        options[key.strip()] = value.strip() if equals else None
    return options


def option_file(section: str, options: Options) -> str:
    """An option file with one section."""
    lines = [key if value is None else f"{key} = {value}" for key, value in options.items()]
    return "\n".join([f"[{section}]", *lines, ""])


def changed(options: Options, changes: Mapping[str, str | None]) -> Options:
    """The options with a sabotage's changes: a value replaces or adds an option, None drops it."""
    result = {**options, **{key: value for key, value in changes.items() if value is not None}}
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
    return result
