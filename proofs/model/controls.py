"""What must hold: controls, their parameters, and the profiles that select them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Severity = Literal["high", "medium", "low"]
Engine = Literal["mysql", "mariadb"]
ParameterType = Literal["integer", "number", "string", "boolean", "string-list", "string-map"]
ParameterValue = int | float | str | bool | tuple[str, ...] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One adjustable limit of a control; a profile or a target may override the default."""

    name: str
    type: ParameterType
    default: ParameterValue
    description: str


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that must hold, and the probes that prove it.

    `mappings` maps a framework (`nist-800-53r5`, `cci`, `stig-mysql-8.0`, …) to its ids;
    `probes` are `surface/test_file.py::test_name`, relative to `proofs/probes`.
    """

    id: str
    title: str
    statement: str
    rationale: str
    severity: Severity
    surface: str
    engines: tuple[Engine, ...]
    mappings: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Parameter]
    probes: tuple[str, ...]
    remediation: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A named selection of controls with parameter values."""

    id: str
    title: str
    controls: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, ParameterValue]]


@dataclass(frozen=True, slots=True)
class SupportedSeries:
    """A server release series and the day its vendor's support ends."""

    engine: Engine
    series: str
    end_of_life: date
    minimum: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole of one `controls.yaml`; `sha256` is the digest of its exact bytes."""

    path: str
    sha256: str
    controls: Mapping[str, Control]
    profiles: Mapping[str, Profile]
    support_as_of: date
    support: tuple[SupportedSeries, ...] = field(default=())
