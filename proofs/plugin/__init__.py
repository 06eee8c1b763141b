"""The pytest plugin: `pytest --target=NAME` proves a live host. Without `--target` it does nothing at all."""

from __future__ import annotations

import pytest

from proofs.plugin.options import add_options, configure


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a proof."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """A proof loads no conftest.py: a fixture of that name there would stand in for a channel."""
    known = early_config.known_args_namespace
    if known.target or known.replay:
        known.noconftest = True
        # A proof leaves bundles and nothing else where it was started.
        manager = early_config.pluginmanager
        for name in ("cacheprovider", "stepwise"):
            manager.unregister(name=name)
            manager.set_blocked(name)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks of a proof when one was asked for."""
    configure(config)
