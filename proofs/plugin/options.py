"""Command-line options of a proof, and the switch from an ordinary pytest run to one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proofs.errors import ProofsError
from proofs.resources import PROBES


def add_options(parser: pytest.Parser) -> None:
    """Options are few on purpose: what describes a host belongs into the inventory."""
    group = parser.getgroup("proof of controls")
    group.addoption("--target", action="append", default=[], metavar="NAME", help="targets or @groups, comma-separated")
    group.addoption("--inventory", metavar="FILE", help="inventory of targets (default: ./targets.yaml)")
    group.addoption("--controls", metavar="FILE", help="catalogue of controls (default: the one that came along)")
    group.addoption("--profile", metavar="NAME", help="another profile than the target's own")
    group.addoption("--control", action="append", default=[], metavar="ID", help="prove only these, comma-separated")
    group.addoption("--set", action="append", default=[], metavar="CONTROL.PARAMETER=VALUE", help="tailor a parameter")
    group.addoption("--signing-key", metavar="FILE", help="PKCS#8 PEM Ed25519 key (default: a key made for this run)")
    group.addoption(
        "--signing-key-passphrase", metavar="REF", help="where the passphrase is: env:NAME, file:PATH or command:WORDS"
    )
    group.addoption("--reports", metavar="DIR", default="reports", help="where bundles land (default: ./reports)")
    group.addoption(
        "--since-bundle",
        action="append",
        default=[],
        metavar="BUNDLE",
        help="verify the audit's chain from where this earlier proof ended (needs --since-key)",
    )
    group.addoption("--since-key", metavar="PUB", help="public key that signed the --since-bundle")
    group.addoption("--checkpoint", metavar="ID:HASH", help="verify the audit's chain from this row on")
    group.addoption("--replay", metavar="BUNDLE", help="judge a bundle's evidence again; nothing is contacted")


def configure(config: pytest.Config) -> None:
    """Turn this pytest run into a proof if `--target` or `--replay` is given; refuse stray probes otherwise."""
    chosen = [name for value in config.option.target for name in value.split(",") if name]
    if config.option.target and not chosen:
        raise pytest.UsageError("--target: found no name, expected targets or @groups, comma-separated; name one")
    if not chosen and not config.option.replay:
        return
    if chosen and config.option.replay:
        raise pytest.UsageError("--target and --replay: give one of them; a replay takes its target from the bundle")
    if hasattr(config, "workerinput") or getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("-n/--numprocesses: a proof runs in one process, so that its load on the host is known")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(PROBES)]
    if config.option.verbose <= 0:
        config.option.tbstyle = "no"
    config.option.reportchars = ""
    # Imported here, so that other pytest runs do not pay for the drivers.
    from proofs.plugin.hooks import ProofHooks  # noqa: PLC0415
    from proofs.plugin.prepare import prepare  # noqa: PLC0415

    try:
        proof = prepare(config.option, chosen, working=Path(os.path.curdir).resolve())
    except ProofsError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(ProofHooks(config, proof), "proofs-session")
