"""The shape of each document, checked against its JSON Schema before anything in it is believed."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from proofs import resources
from proofs.bundle.names import shown
from proofs.errors import IntegrityError

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


@cache
def _validator(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to load, and signing alone needs none of it

    return Draft202012Validator(json.loads((resources.SCHEMAS / f"{schema}.schema.json").read_bytes()))


def check(document: Any, schema: str, what: str) -> None:
    """Raise `IntegrityError` naming the place in `what` that departs from `proofs/schemas/<schema>.schema.json`."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    error = best_match(_validator(schema).iter_errors(document))
    if error is not None:
        raise IntegrityError(f"{what} departs from its schema at {shown(error.json_path)}: {shown(error.message, 160)}")
