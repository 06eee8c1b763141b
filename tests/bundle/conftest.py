"""What the tests of the bundle share: the maker of runs, the maker of vectors, a key, a sealed bundle."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from proofs.bundle import Signer, seal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """tools/make_vectors.py as a module."""
    spec = importlib.util.spec_from_file_location("make_vectors", ROOT / "tools" / "make_vectors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_run(maker: ModuleType) -> ModuleType:
    return maker.load_make_run()


@pytest.fixture(scope="session")
def signer(maker: ModuleType) -> Signer:
    return maker.signer("test named")


@pytest.fixture
def sealed(make_run: ModuleType, signer: Signer, tmp_path: Path) -> Path:
    run, assessment = make_run.make_run(tmp_path / "run")
    return seal(run, assessment, signer, tmp_path / "out")
