"""`targets.yaml` → names, groups and, one at a time, targets ready to be proven."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.catalogue import schema
from proofs.catalogue.interpolate import interpolate
from proofs.catalogue.problems import Problems, meant, spell_value
from proofs.catalogue.resolve import Resolver
from proofs.errors import ConfigurationError
from proofs.model import Catalogue, Target

if TYPE_CHECKING:
    from proofs.catalogue.marked import Document


def load_inventory(path: Path) -> Inventory:
    """Read and check an inventory; nothing it refers to is looked at before `Inventory.resolve`.

    Raises `ConfigurationError`, one line per mistake: `file:line: key: found …, expected …; remedy`.
    """
    from proofs.catalogue.marked import read  # noqa: PLC0415 - PyYAML only when a file is read

    document = read(path)
    problems = Problems(document.file, document.line_of)
    schema.check(document.data, "targets.schema.json", problems)
    problems.raise_if_any()
    targets = document.data["targets"]
    for group, members in document.data.get("groups", {}).items():
        for position, member in enumerate(members):
            if member not in targets:
                key = ("groups", group, position)
                problems.add(key, spell_value(member), "the name of a target", meant(member, targets))
    problems.raise_if_any()
    return Inventory(document)


class Inventory:
    """One inventory file. `warnings` grows as targets are resolved: what is unwise but not wrong."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.path = Path(document.file)
        self.sha256 = document.sha256
        self.warnings: list[str] = []

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of all targets, in the order of the file."""
        return tuple(self._document.data["targets"])

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the targets of every group."""
        return {name: tuple(members) for name, members in self._document.data.get("groups", {}).items()}

    def names(self, selectors: Sequence[str]) -> list[str]:
        """Targets for selectors, each once, in the order asked for.

        A selector is a name, `@group`, or several of them with commas between. Raises `ConfigurationError`.
        """
        groups = self.groups
        chosen: list[str] = []
        for selector in (part.strip() for text in selectors for part in text.split(",")):
            if selector.startswith("@") and selector[1:] in groups:
                chosen.extend(groups[selector[1:]])
            elif selector in self.targets:
                chosen.append(selector)
            else:
                known = [*self.targets, *(f"@{group}" for group in groups)]
                raise ConfigurationError(
                    f"{self.path}: targets: found no {spell_value(selector)}, expected one of "
                    f"{', '.join(known)}; {meant(selector, known)}"
                )
        if not chosen:
            raise ConfigurationError(f"{self.path}: targets: found no target selected, expected one; name one")
        return list(dict.fromkeys(chosen))

    def entry(self, name: str) -> Mapping[str, Any]:
        """The checked entry as written, nothing replaced: `entry(name).get("lab")` is its deployment, if any."""
        entry: Mapping[str, Any] = self._document.data["targets"][self.names([name])[0]]
        return entry

    def resolve(self, name: str, variables: Mapping[str, str], catalogue: Catalogue) -> Target:
        """The target, with `${…}` replaced, ports read, and every file it names found readable.

        `variables` hold at least `lab` for a target with a `lab` key; other names come from the environment.
        Relative paths are taken from the inventory's folder. Contacts nothing. Raises `ConfigurationError`
        with one line per mistake; appends to `warnings` what is unwise (a private key others can read).
        """
        document = self._document
        problems = Problems(document.file, document.line_of)
        key = ("targets", name)
        entry = interpolate(dict(self.entry(name)), variables, os.environ, key, problems)
        problems.raise_if_any()
        resolver = Resolver(name, entry, self.path.parent, catalogue, problems)
        target = resolver.target()
        problems.raise_if_any()
        for where, text in resolver.warnings:
            # These go into the bundle, for people who know nothing of the prover's directories: the name alone.
            line = f"{self.path.name}:{document.line_of(where)}: {text}"
            if line not in self.warnings:
                self.warnings.append(line)
        return target
