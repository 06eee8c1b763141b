"""The catalogue as a table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from proofs.model import Control


def controls_table(controls: Sequence[Control], *, probes: bool) -> None:
    """Print one row a control; piped output keeps full width, so that grep finds whole rows."""
    from rich.console import Console  # noqa: PLC0415 - a terminal library only where a table is shown
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("control", "severity", "surface", "engines", "title", "NIST 800-53", "probes"):
        table.add_column(name, overflow="fold")
    for control in controls:
        named = "\n".join(control.probes) if probes else str(len(control.probes))
        table.add_row(
            *map(
                Text,
                (
                    control.id,
                    control.severity,
                    control.surface,
                    " ".join(control.engines),
                    control.title,
                    " ".join(control.mappings.get("nist-800-53r5", ())),
                    named,
                ),
            )
        )
    console.print(table)
