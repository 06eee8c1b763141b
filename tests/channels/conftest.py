"""What the tests of the channels share: the helpers beside them, and a lab of each engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helper modules, whatever pytest's import mode

from proofs.lab import LabState, lease


@pytest.fixture(scope="session", params=["mysql", "mariadb"])
def lab(request: pytest.FixtureRequest) -> Iterator[LabState]:
    """A good lab of either engine, for tests that change nothing."""
    with lease(f"channels-{request.param}", request.param) as state:
        yield state


@pytest.fixture(scope="module")
def loose_mysql() -> Iterator[LabState]:
    """A MySQL lab of its own, for tests that change its TLS settings."""
    with lease("channels-loose", "mysql") as state:
        yield state
