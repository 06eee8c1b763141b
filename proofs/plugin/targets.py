"""Targets made ready: labs brought up, references resolved, everything checked before the first is contacted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from proofs.errors import IntegrityError
from proofs.model import Target
from proofs.plugin.prepare import Proof


@contextmanager
def open_targets(proof: Proof) -> Iterator[list[Target]]:
    """The targets of a proof; labs that this brought up are taken down at the end. Raises `ProofsError`."""
    if proof.replay is not None:
        import json  # noqa: PLC0415

        from proofs.catalogue.entry import target_from_entry  # noqa: PLC0415

        try:
            entry = json.loads(proof.replay.member("inputs/target.json"))
        except (KeyError, ValueError) as error:
            raise IntegrityError(f"{proof.replay.path}: inputs/target.json: {error}") from error
        yield [target_from_entry(entry)]
        return
    assert proof.inventory is not None  # noqa: S101 - for the type checker: only a replay has none
    with ExitStack() as stack:
        targets = []
        for name in proof.targets:
            variables: dict[str, str] = {}
            entry = proof.inventory.entry(name)
            if "lab" in entry:
                from proofs.lab import lease  # noqa: PLC0415 - only the project's own targets need it

                directory = stack.enter_context(lease(name, entry["engine"], entry["lab"])).directory
                variables["lab"] = str(directory)
                if (directory / "ssh_port").exists():  # a host's; host specs hold their port in their text
                    variables["ssh_port"] = (directory / "ssh_port").read_text(encoding="ascii")
            targets.append(proof.inventory.resolve(name, variables, proof.catalogue))
        yield targets
