"""Where an earlier proof of the audit's chain ended: from its bundle, once verified, or from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.channels.ledger import Since
from proofs.errors import ConfigurationError

if TYPE_CHECKING:
    from proofs.bundle.read import VerifiedBundle

CONTROLS = ("audit-chain-recomputable", "audit-chain-linked")
"""What must have been satisfied in the proof that a later one builds on."""


def checkpoints(option: Any, targets: Sequence[str], working: Path) -> dict[str, Since]:
    """Checkpoint by target. Raises `ConfigurationError`, or `IntegrityError` for a bundle that does not verify."""
    found: dict[str, Since] = {}
    if option.since_bundle and option.since_key is None:
        raise ConfigurationError(
            "--since-bundle: found no --since-key, expected the public key of whoever signed it; without one, a bundle "
            "proves no more than that it was not damaged"
        )
    for name in option.since_bundle:
        from proofs.bundle.read import open_verified  # noqa: PLC0415 - only this needs it

        with open_verified(working / name, working / option.since_key) as bundle:
            target, since = _of_bundle(bundle)
        if target not in targets:
            raise ConfigurationError(f"--since-bundle {name}: found one of {target}, which is not a target of this run")
        found[target] = since
    if option.checkpoint is not None:
        match = re.fullmatch(r"(\d{1,20}):([!-9;-~]{1,256})", option.checkpoint)
        if match is None:
            raise ConfigurationError(f"--checkpoint {option.checkpoint}: expected ID:HASH of a row that was verified")
        if len(targets) != 1 or found:
            raise ConfigurationError("--checkpoint: expected exactly one target, and no --since-bundle beside it")
        found[targets[0]] = Since(int(match[1]), match[2], "the command line (--checkpoint)")
    return found


def _of_bundle(bundle: VerifiedBundle) -> tuple[str, Since]:
    name, target = bundle.path.name, str(bundle.assessment["target"]["name"])
    verdicts = {control["id"]: control["verdict"] for control in bundle.assessment["controls"]}
    for control in CONTROLS:
        if verdicts.get(control) != "satisfied":
            raise ConfigurationError(
                f"--since-bundle {name}: {control} is {verdicts.get(control, 'not part of it')} there, "
                "expected satisfied; verify the whole chain"
            )
    answers = [line["answer"] for line in bundle.journal if (line["channel"], line["op"]) == ("ledger", "chain")]
    if not answers or answers[-1].get("last_id") is None:
        raise ConfigurationError(f"--since-bundle {name}: found no verified row in it; verify the whole chain")
    return target, Since(int(answers[-1]["last_id"]), str(answers[-1]["head"]), f"bundle {name}")
