"""Values of control parameters: their types, and who may set them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from proofs.catalogue.problems import Key, Problems, meant, spell_value
from proofs.model import Control, ParameterValue
from proofs.model.controls import ParameterType


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)


def _text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values())


_KINDS: Mapping[ParameterType, tuple[str, Callable[[Any], bool]]] = {
    "integer": ("a whole number", _whole),
    "number": ("a number", lambda value: _whole(value) or (isinstance(value, float) and math.isfinite(value))),
    "string": ("text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "string-list": ("a list of texts", _texts),
    "string-map": ("a mapping of texts", _text_map),
}


def fits(kind: ParameterType, value: Any) -> bool:
    """Whether a value is of a parameter's type."""
    return _KINDS[kind][1](value)


def typed(kind: ParameterType, value: Any, key: Key, problems: Problems) -> ParameterValue | None:
    """The value as the model holds it (lists as tuples), or None and a problem if it is of another type."""
    if not fits(kind, value):
        expected = _KINDS[kind][0]
        quotable = kind == "string" and not isinstance(value, dict | list | None)
        remedy = "put it in quotes" if quotable else "correct the value"
        problems.add(key, spell_value(value), f"{expected} ({kind})", remedy)
        return None
    result: ParameterValue = tuple(value) if isinstance(value, list) else value
    return result


def overrides(
    given: Mapping[str, Mapping[str, Any]], controls: Mapping[str, Control], key: Key, problems: Problems
) -> dict[str, dict[str, ParameterValue]]:
    """`{control: {parameter: value}}` of a profile or target, each known and of the right type."""
    result: dict[str, dict[str, ParameterValue]] = {}
    for control_id, values in given.items():
        control = controls.get(control_id)
        if control is None:
            problems.add((*key, control_id), "an unknown control", "a control id", meant(control_id, controls))
            continue
        for name, value in values.items():
            where = (*key, control_id, name)
            parameter = control.parameters.get(name)
            if parameter is None:
                problems.add(where, "an unknown parameter", f"one of {control_id}", meant(name, control.parameters))
                continue
            checked = typed(parameter.type, value, where, problems)
            if checked is not None:
                result.setdefault(control_id, {})[name] = checked
    return result
