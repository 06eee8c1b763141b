"""Client option files (`my.cnf`): what they say, without what must not be shown.

Syntax: MySQL Reference Manual, "Using Option Files"; MariaDB Knowledge Base, "Configuring MariaDB with Option Files":
groups, `key`, `key = value`, `#` and `;` comments, quotes, `-` and `_` alike in names, `loose-` prefixes, `!include`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proofs.errors import ChannelError

Options = Mapping[str, str | None]
"""Value by name (with `-`), later lines winning; None for an option without a value."""

DROPPED = "(not shown)"
_SECRET = re.compile(r"^(?:password\d?|ssl-passphrase|tls-passphrase|.*-password)$")
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class OptionFile:
    """One group of an option file; `includes` names the files it pulls in, which are not followed."""

    options: Options
    includes: tuple[str, ...]


def read_group(path: str, group: str) -> OptionFile:
    """The options of one group, values of passwords dropped. Raises `ChannelError` if the file cannot be read."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LIMIT + 1)
    except OSError as e:
        raise ChannelError(f"cannot read the option file {path}: {e.strerror or e}") from None
    if len(text) > _LIMIT:
        raise ChannelError(f"the option file {path} is larger than {_LIMIT} bytes")
    return parse(text.decode("utf-8", "replace"), group)


def parse(text: str, group: str) -> OptionFile:
    """The options of one group in the text of an option file."""
    options: dict[str, str | None] = {}
    includes = []
    current = None
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("!include"):
            includes.append(line.split(None, 1)[-1])
        elif line.startswith("["):
            current = line[1:].split("]", 1)[0].strip()
        elif current == group:
            name, value = _option(line)
            options[name] = DROPPED if value is not None and _SECRET.match(name) else value
    return OptionFile(options, tuple(includes))


def _option(line: str) -> tuple[str, str | None]:
    name, equals, value = line.partition("=")
    if not equals:
        name = line.split("#", 1)[0]
    name = name.strip().lower().replace("_", "-").removeprefix("loose-")
    return name, _unquote(value.strip()) if equals else None


def _unquote(value: str) -> str:
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value
    return value.split(" #", 1)[0].rstrip()
