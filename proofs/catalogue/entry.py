"""A target as it is put into a bundle (`inputs/target.json`) and read from there for a replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from proofs.catalogue import schema
from proofs.catalogue.application import recorded_sections, sections_of
from proofs.catalogue.host import recorded_host
from proofs.catalogue.problems import Problems
from proofs.catalogue.tailor import jsonable
from proofs.model import (
    ClientConfiguration,
    Database,
    Identity,
    KeyPair,
    ParameterValue,
    SecretRef,
    Target,
    Vantage,
)

FORMAT = "proof-of-controls/target-1"


def public_entry(target: Target) -> dict[str, Any]:
    """The target as JSON-able data. Of a password only the kind of its reference is kept, never the reference."""
    entry: dict[str, Any] = {"format": FORMAT}
    for field in fields(target):
        entry[field.name] = getattr(target, field.name)
    entry["database"] = asdict(target.database)
    entry["identities"] = {name: _identity(identity) for name, identity in target.identities.items()}
    entry["certificates"] = {name: asdict(pair) for name, pair in target.certificates.items()}
    entry["vantages"] = {name: asdict(vantage) for name, vantage in target.vantages.items()}
    entry["host"] = asdict(target.host) if target.host else None
    entry["clients"] = [asdict(client) for client in target.clients]
    entry |= recorded_sections(target)
    entry["names"] = dict(target.names)
    entry["parameters"] = {
        control: {name: jsonable(value) for name, value in values.items()}
        for control, values in target.parameters.items()
    }
    return entry


def _identity(identity: Identity) -> dict[str, Any]:
    entry = asdict(identity)
    entry["password"] = identity.password.kind if identity.password else None
    return entry


def target_from_entry(entry: Mapping[str, Any], file: str = "inputs/target.json") -> Target:
    """The target of a bundle, equal to the one recorded but for its password references, which lead nowhere.

    Raises `ConfigurationError` if the entry is not of the form `public_entry` writes.
    """
    problems = Problems(file, lambda _: 1)
    schema.check(entry, "targets.schema.json", problems, "recorded_target")
    problems.raise_if_any()
    values = {name: value for name, value in entry.items() if name != "format"}
    values["database"] = Database(**entry["database"])
    values["identities"] = {name: _read_identity(data) for name, data in entry["identities"].items()}
    values["certificates"] = {name: KeyPair(**data) for name, data in entry["certificates"].items()}
    values["vantages"] = {name: Vantage(**data) for name, data in entry["vantages"].items()}
    values["clients"] = tuple(ClientConfiguration(**data) for data in entry["clients"])
    values["host"] = recorded_host(entry["host"])
    values |= sections_of(entry)
    values["parameters"] = {
        control: {name: _frozen(value) for name, value in data.items()} for control, data in entry["parameters"].items()
    }
    return Target(**values)


def _read_identity(data: Mapping[str, Any]) -> Identity:
    kind, pair = data["password"], data["keypair"]
    values = dict(data)
    values["password"] = SecretRef(kind, "") if kind else None
    values["keypair"] = KeyPair(**pair) if pair else None
    return Identity(**values)


def _frozen(value: Any) -> ParameterValue:
    frozen: ParameterValue = tuple(value) if isinstance(value, list) else value
    return frozen
