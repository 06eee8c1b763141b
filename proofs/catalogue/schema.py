"""JSON Schema (draft 2020-12) findings as lines a person can act on."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from proofs.catalogue.problems import Key, Problems, meant, spell_value
from proofs.resources import SCHEMAS

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


@cache
def _validator(name: str, definition: str | None) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - a fast start matters

    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    if definition is not None:
        schema = {"$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    return Draft202012Validator(schema)


def check(data: Any, name: str, problems: Problems, definition: str | None = None) -> None:
    """Hold data against `schemas/<name>` (or one of its `$defs`); every deviation becomes one problem."""
    for error in _validator(name, definition).iter_errors(data):
        key: Key = tuple(error.absolute_path)
        _EXPLAIN.get(str(error.validator), _other)(error, key, problems)


def _unknown(error: Any, key: Key, problems: Problems) -> None:
    known = error.schema.get("properties", {})
    for name in error.instance:
        if name not in known:
            problems.add((*key, name), "an unknown key", f"one of {', '.join(known)}", meant(name, known))


def _missing(error: Any, key: Key, problems: Problems) -> None:
    for name in error.validator_value:
        if name not in error.instance:
            problems.add(key, f"no key {name}", f"{name}: {_described(error, name)}", f"add {name}")


def _companion(error: Any, key: Key, problems: Problems) -> None:
    for name, needed in error.validator_value.items():
        for other in needed if name in error.instance else ():
            if other not in error.instance:
                problems.add((*key, name), f"no key {other} beside it", "both or neither", f"add {other}")


def _described(error: Any, name: str) -> str:
    return str(error.schema.get("properties", {}).get(name, {}).get("description", "a value"))


def _type(error: Any, key: Key, problems: Problems) -> None:
    wanted = error.validator_value
    kinds = [str(kind) for kind in wanted] if isinstance(wanted, list) else [str(wanted)]
    expected = " or ".join(_TYPES.get(kind, kind) for kind in kinds)
    if "description" in error.schema:
        expected += f" ({error.schema['description']})"
    quoted = "string" in kinds and isinstance(error.instance, int | float | bool)
    remedy = "put it in quotes" if quoted else "correct the value"
    if error.schema.get("$comment") == "secret":
        remedy = "store the secret elsewhere and refer to it"
    problems.add(key, spell_value(error.instance), expected, remedy)


def _choice(error: Any, key: Key, problems: Problems) -> None:
    known = [str(value) for value in error.validator_value]
    remedy = meant(error.instance, known) if isinstance(error.instance, str) else "correct the value"
    remedy = remedy if remedy.startswith("write") else "correct the value"
    problems.add(key, spell_value(error.instance), f"one of {', '.join(known)}", remedy)


def _fixed(error: Any, key: Key, problems: Problems) -> None:
    problems.add(key, spell_value(error.instance), spell_value(error.validator_value), "correct the value")


def _pattern(error: Any, key: Key, problems: Problems) -> None:
    expected = str(error.schema.get("description", f"text like {error.validator_value}"))
    if "propertyNames" in error.absolute_schema_path:
        key = (*key, str(error.instance))  # reported on the mapping; the line wanted is that of the key itself
    problems.add(key, spell_value(error.instance), expected, "correct the value")


def _bound(words: str) -> Callable[[Any, Key, Problems], None]:
    def explain(error: Any, key: Key, problems: Problems) -> None:
        expected = words.format(error.validator_value)
        if "description" in error.schema:
            expected = f"{error.schema['description']} ({expected})"
        problems.add(key, spell_value(error.instance), expected, "correct the value")

    return explain


def _other(error: Any, key: Key, problems: Problems) -> None:
    problems.add(key, spell_value(error.instance), str(error.schema.get("description", error.validator)), "correct it")


_EXPLAIN: dict[str, Callable[[Any, Key, Problems], None]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "dependentRequired": _companion,
    "type": _type,
    "enum": _choice,
    "const": _fixed,
    "pattern": _pattern,
    "minItems": _bound("at least {} entry"),
    "maxItems": _bound("at most {} entries"),
    "uniqueItems": _bound("every entry once"),
    "minProperties": _bound("at least {} key"),
    "maxProperties": _bound("at most {} key"),
    "minLength": _bound("at least {} character"),
    "maxLength": _bound("at most {} characters"),
    "minimum": _bound("{} or more"),
    "maximum": _bound("{} or less"),
    "exclusiveMinimum": _bound("more than {}"),
}
