"""From the command line to what is to be proven: catalogue, inventory, selection; nothing is contacted yet."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.bundle import signers
from proofs.catalogue.controls import check_probes, load_catalogue
from proofs.catalogue.inventory import Inventory, load_inventory
from proofs.catalogue.tailor import profile_of
from proofs.errors import ConfigurationError
from proofs.model import Catalogue
from proofs.plugin.probes import probe_ids
from proofs.plugin.settings import Setting, parse_settings, recorded_settings, signer_of
from proofs.resources import CONTROLS, PROBES, TARGETS

if TYPE_CHECKING:
    from proofs.bundle.read import VerifiedBundle
    from proofs.channels.ledger import Since


@dataclass(slots=True)
class Proof:
    """Everything one pytest session is to prove, or, with `replay`, to judge again."""

    catalogue: Catalogue
    targets: list[str]
    probes: Mapping[str, Path]
    only: tuple[str, ...]
    settings: list[Setting]
    reports: Path
    profile: str | None
    signer: signers.Signer | None = None
    inventory: Inventory | None = None
    replay: VerifiedBundle | None = None
    checkpoints: Mapping[str, Since] = field(default_factory=dict)
    bundles: list[Path] = field(default_factory=list)
    assessments: list[dict[str, Any]] = field(default_factory=list)


def prepare(option: Any, chosen: Sequence[str], working: Path) -> Proof:
    """Read and check everything the options name. Raises `ProofsError` with one line for people."""
    replay = None
    if option.replay:
        from proofs.bundle.read import open_verified  # noqa: PLC0415 - only a replay needs it

        replay = open_verified(Path(option.replay), None)
    probes = probe_ids(PROBES)
    if option.controls is None and replay is not None:
        catalogue = _recorded_catalogue(replay)
    else:
        catalogue = load_catalogue(working / option.controls if option.controls else CONTROLS)
        check_probes(catalogue, probes)
    profile, settings = option.profile, parse_settings(option.set, catalogue)
    if replay is not None:
        # As it was proven, unless told otherwise: what is set now is put over what was set then.
        profile = profile or str(replay.run["profile"]["id"])
        settings = recorded_settings(replay.run["tailoring"], catalogue) + settings
    if profile is not None:
        profile_of(catalogue, profile)
    only = tuple(name for value in option.control for name in value.split(",") if name)
    for name in only:
        if name not in catalogue.controls:
            raise ConfigurationError(f"--control {name}: found no such control; `proofs controls` lists them")
    proof = Proof(
        catalogue=catalogue,
        targets=[],
        probes=probes,
        only=only,
        settings=settings,
        reports=(working / option.reports).resolve(),
        profile=profile,
        replay=replay,
    )
    if replay is not None:
        proof.targets = [str(replay.assessment["target"]["name"])]
        return proof
    proof.signer = signer_of(option.signing_key, option.signing_key_passphrase)
    proof.inventory = load_inventory(_inventory_path(option.inventory, working))
    proof.targets = proof.inventory.names(chosen)
    if option.since_bundle or option.checkpoint:
        from proofs.plugin.checkpoints import checkpoints  # noqa: PLC0415 - most proofs begin at the beginning

        proof.checkpoints = checkpoints(option, proof.targets, working)
    return proof


def _recorded_catalogue(replay: VerifiedBundle) -> Catalogue:
    """The bundle's own catalogue. Not held against today's probes: what is gone since is `indeterminate`."""
    with tempfile.TemporaryDirectory(prefix="proofs-replay-") as directory:
        path = Path(directory) / "controls.yaml"
        path.write_bytes(replay.member("inputs/controls.yaml"))
        return load_catalogue(path)


def _inventory_path(given: str | None, working: Path) -> Path:
    if given is not None:
        return working / given
    local = working / "targets.yaml"
    return local if local.is_file() else TARGETS
