"""`report.html`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def render(run_dir: Path, assessment: Mapping[str, Any]) -> None:
    """Render."""
    path = run_dir / "report.html"
    path.write_text("<!doctype html><title>report</title>")
    path.chmod(0o600)
