"""Which controls are in scope of a proof, and with which limits: pure functions of catalogue and target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proofs.errors import ConfigurationError
from proofs.model import Catalogue, Engine, ParameterValue, Profile, Target


@dataclass(frozen=True, slots=True)
class Scope:
    """Controls to be proven, in catalogue order, and why each of the others is not applicable."""

    in_scope: tuple[str, ...]
    excluded: Mapping[str, str]


def profile_of(catalogue: Catalogue, profile_id: str) -> Profile:
    """A profile by id; `ConfigurationError` if the catalogue has none of that name."""
    try:
        return catalogue.profiles[profile_id]
    except KeyError:
        known = ", ".join(sorted(catalogue.profiles))
        raise ConfigurationError(
            f"{catalogue.path}:1: profiles: found no {profile_id!r}, expected one of {known}; correct the profile"
        ) from None


def scope(catalogue: Catalogue, profile_id: str, engine: Engine) -> Scope:
    """Sort every control of the catalogue: in scope, or excluded with the reason (profile first, then engine)."""
    selected = frozenset(profile_of(catalogue, profile_id).controls)
    excluded: dict[str, str] = {}
    for control in catalogue.controls.values():
        if control.id not in selected:
            excluded[control.id] = f"profile {profile_id} does not select it"
        elif engine not in control.engines:
            excluded[control.id] = f"it applies to {', '.join(control.engines)}, the target is {engine}"
    return Scope(tuple(name for name in catalogue.controls if name not in excluded), excluded)


def without_effect(target: Target, scope: Scope) -> list[str]:
    """Parameters of the target for controls that are not proven, with the reason."""
    return [
        f"{target.name}: parameters of {control} have no effect, {scope.excluded[control]}"
        for control in target.parameters
        if control in scope.excluded
    ]


def tailor(
    catalogue: Catalogue, profile_id: str, target: Target
) -> tuple[dict[str, dict[str, ParameterValue]], list[dict[str, Any]]]:
    """Effective parameters of every control (default < profile < target), and a record of each change.

    A record is JSON-able: {"control", "parameter", "default", "value", "by": "profile X" | "target"}; one per
    change, so a target that overrides its profile leaves two. Setting what already holds is no change.
    """
    profile = profile_of(catalogue, profile_id)
    effective: dict[str, dict[str, ParameterValue]] = {}
    records: list[dict[str, Any]] = []
    for control in catalogue.controls.values():
        values = {name: parameter.default for name, parameter in control.parameters.items()}
        for by, layer in ((f"profile {profile_id}", profile.parameters), ("target", target.parameters)):
            for name, value in layer.get(control.id, {}).items():
                if values[name] == value:
                    continue
                values[name] = value
                records.append(
                    {
                        "control": control.id,
                        "parameter": name,
                        "default": jsonable(control.parameters[name].default),
                        "value": jsonable(value),
                        "by": by,
                    }
                )
        effective[control.id] = values
    return effective, records


def jsonable(value: ParameterValue) -> Any:
    """A parameter value as JSON has it: tuples as lists, maps as plain dicts."""
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
