"""Names and values as they stand in a statement: the one place where probes quote them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proofs.errors import Indeterminate

PLAIN = re.compile(r"[ !#-&(-\[\]-~]*")
"""Printable ASCII without quotes and backslash: between single quotes it means itself in every sql_mode."""


def quoted(*names: str) -> str:
    """A name, or a qualified one, between backticks (both manuals, "Identifier Names")."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def literal(value: object) -> str:
    """A value of an answer as a literal: text, number, NULL, or bytes as answers hold them (`{"$hex": …}`).

    Text that holds more than plain characters is written in hexadecimal, so that neither `NO_BACKSLASH_ESCAPES` nor
    `ANSI_QUOTES` nor the connection's character set has a say.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, Mapping):
        return f"X'{value['$hex']}'"
    text = str(value)
    coded = text.encode(errors="surrogatepass").hex()
    return f"'{text}'" if PLAIN.fullmatch(text) else f"_utf8mb4 X'{coded}'"


def filled(template: str, values: Mapping[str, object]) -> str:
    """The inventory's statement with each `{name}` of `values` as a literal. `Indeterminate` for an unknown name."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise Indeterminate(f"the inventory's statement has {{{match[1]}}}, known are {', '.join(sorted(values))}")
        return literal(values[match[1]])

    return re.sub(r"\{(\w+)\}", value, template)
