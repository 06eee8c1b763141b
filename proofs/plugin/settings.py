"""What a proof was asked to do: options and files turned into values, before anything is contacted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.bundle import signers
from proofs.catalogue.parameters import fits
from proofs.catalogue.secretstore import SecretStore
from proofs.catalogue.tailor import jsonable
from proofs.errors import ConfigurationError
from proofs.model import Catalogue, ParameterValue, SecretRef

COMMAND_LINE = "command line"
"""Who changed a parameter, in the record of a tailoring."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One `--set CONTROL.PARAMETER=VALUE`, checked against the catalogue."""

    control: str
    parameter: str
    value: ParameterValue


def parse_settings(texts: Sequence[str], catalogue: Catalogue) -> list[Setting]:
    """Check `--set` options. Raises `ConfigurationError` with what is known instead."""
    # Imported here: a proof without --set needs no YAML for it.
    import yaml  # noqa: PLC0415

    settings = []
    for text in texts:
        name, equals, raw = text.partition("=")
        control_id, _, parameter_name = name.partition(".")
        control = catalogue.controls.get(control_id)
        if not equals or control is None:
            raise ConfigurationError(f"--set {text}: found no such control, expected CONTROL.PARAMETER=VALUE")
        parameter = control.parameters.get(parameter_name)
        if parameter is None:
            known = ", ".join(control.parameters) or "none"
            raise ConfigurationError(f"--set {text}: {control_id} has no such parameter; it has: {known}")
        try:
            value = yaml.safe_load(raw)
        except yaml.YAMLError:
            value = raw
        if not fits(parameter.type, value):
            raise ConfigurationError(f"--set {text}: found {raw!r}, expected a value of type {parameter.type}")
        settings.append(Setting(control_id, parameter_name, tuple(value) if isinstance(value, list) else value))
    return settings


def recorded_settings(records: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> list[Setting]:
    """The `--set` options of a recorded run, from its tailoring; what the catalogue no longer has is left out."""
    settings = []
    for record in records:
        control = catalogue.controls.get(record["control"])
        parameter = control.parameters.get(record["parameter"]) if control else None
        value = record["value"]
        if record["by"] == COMMAND_LINE and parameter is not None and fits(parameter.type, value):
            value = tuple(value) if isinstance(value, list) else value
            settings.append(Setting(record["control"], record["parameter"], value))
    return settings


def apply_settings(
    settings: Sequence[Setting],
    catalogue: Catalogue,
    effective: dict[str, dict[str, ParameterValue]],
    records: list[dict[str, Any]],
) -> None:
    """Put `--set` values over tailored ones, and on record."""
    for setting in settings:
        effective[setting.control][setting.parameter] = setting.value
        default = catalogue.controls[setting.control].parameters[setting.parameter].default
        records.append(
            {
                "control": setting.control,
                "parameter": setting.parameter,
                "default": jsonable(default),
                "value": jsonable(setting.value),
                "by": COMMAND_LINE,
            }
        )


def signer_of(key: str | None, passphrase: str | None) -> signers.Signer:
    """The signer of this run: the named key, or one made for this run that proves integrity only."""
    if key is None:
        if passphrase is not None:
            raise ConfigurationError("--signing-key-passphrase: found no --signing-key it could open; give both")
        return signers.ephemeral()
    return signers.load(Path(key), passphrase_of(passphrase) if passphrase else None)


def passphrase_of(text: str) -> Callable[[], str]:
    """What resolves a passphrase reference of the command line: `env:NAME`, `file:PATH`, `command:WORDS`."""
    kind, colon, value = text.partition(":")
    references: Mapping[str, Callable[[], SecretRef]] = {
        "env": lambda: SecretRef("env", value),
        "file": lambda: SecretRef("file", value),
        "command": lambda: SecretRef("command", tuple(value.split())),
    }
    if not colon or kind not in references:
        raise ConfigurationError(
            "--signing-key-passphrase: found no reference, expected env:NAME, file:PATH or command:WORDS"
        )
    return lambda: SecretStore().resolve(references[kind]())
