"""Parameters of the controls, in the form their probes use them."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue


def texts(params: Mapping[str, ParameterValue], name: str) -> tuple[str, ...]:
    """A parameter that is a list of texts."""
    value = params[name]
    if not isinstance(value, tuple):
        raise Indeterminate(f"parameter {name} is {value!r}, expected a list")
    return value
