"""`report.html`: what an assessor reads first, made from the assessment and the journal of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofs.evidence import RunDirectory
from proofs.plugin import report_exchanges, report_page, report_rows, report_summary


def render(run_dir: Path, assessment: Mapping[str, Any]) -> None:
    """Write `report.html` (mode 0600) into the run directory; the same run gives the same bytes.

    A page that can't be made whole is made as far as it can be, and says so: a report is never a reason to lose the
    bundle. Raises `OSError` only if the file itself can't be written.
    """
    page = _page(run_dir, assessment)
    # An unpaired surrogate can't be encoded; the escaping has spelled out all that a host could have sent.
    RunDirectory(run_dir).write("report.html", page.encode(errors="backslashreplace"))


def _page(run_dir: Path, assessment: Mapping[str, Any]) -> str:
    # Exception, twice: whatever goes wrong with a page, from a full temporary folder to a fault of ours, must not
    # keep the run from being sealed; the reason is put where the reader looks.
    try:
        evidence = report_exchanges.read(run_dir)
        summary = report_summary.summary(assessment, evidence.version)
        appendix = report_exchanges.appendix(evidence)
        try:
            page = report_page.table_page(report_rows.rows(assessment, evidence), summary)
            return report_page.finish_page(page, assessment, appendix)
        except Exception as error:
            return report_page.plain_page(assessment, summary, appendix, f"{type(error).__name__}: {error}")
    except Exception as error:
        return report_page.last_resort(f"{type(error).__name__}: {error}")
