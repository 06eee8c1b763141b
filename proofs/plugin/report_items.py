"""A pytest plugin for the renderer alone: replays judged probes as items, so that pytest-html can table them.

It runs in a pytest of its own (see `report_page`), which collects one file, `rows.json`, made by `report_rows`.
Nothing is judged here: outcomes are set as they were, and every cell arrives as finished HTML.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pytest_html import extras

from proofs.plugin.report_rows import HEADER

WORDS = {"passed": "satisfied", "failed": "not satisfied", "error": "indeterminate", "skipped": "not applicable"}
"""Labels of pytest-html's filters; those of outcomes that a proof does not have are hidden by the style sheet."""

OUTCOMES: dict[str, Literal["passed", "failed", "skipped"]] = {
    "Passed": "passed",
    "Failed": "failed",
    "Error": "failed",
    "Skipped": "skipped",
}

DATA = pytest.StashKey[dict[str, Any]]()


class Row(pytest.Item):
    """One probe, with the outcome it had."""

    row: dict[str, Any]

    def runtest(self) -> None:
        """Nothing to do: the outcome is known, and put into the report."""


class Rows(pytest.File):
    """`rows.json`."""

    def collect(self) -> Iterator[Row]:
        """The rows in their order."""
        for row in self.config.stash[DATA]["rows"]:
            item: Row = Row.from_parent(self, name=row["name"])
            item.row = row
            yield item


def pytest_configure(config: pytest.Config) -> None:
    """Read what is to be shown."""
    config.stash[DATA] = json.loads(Path(config.args[0]).read_bytes())


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Only the file named on the command line is collected."""
    collector: Rows | None = Rows.from_parent(parent, path=file_path) if file_path.name == "rows.json" else None
    return collector


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Row) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Set the outcome and the detail on the one report that pytest-html shows.

    pytest calls it an error when it is not the call that failed: so indeterminate stays apart from not satisfied.
    """
    report = yield
    outcome = item.row["outcome"]
    if report.when == ("setup" if outcome == "Error" else "call"):
        report.outcome = OUTCOMES[outcome]
        report.extras = [extras.html(item.row["detail"])]  # type: ignore[attr-defined] # pytest-html's own attribute
    report.cells = item.row["cells"]  # type: ignore[attr-defined] # for the table, below
    return report


def pytest_metadata(metadata: dict[str, Any]) -> None:
    """pytest-metadata lists the renderer's surroundings; a proof says what made it in its own words."""
    metadata.clear()


def pytest_html_report_title(report: Any) -> None:
    """The title is set where the page is finished; here the filters get our words."""
    for outcome, words in WORDS.items():
        report.outcomes[outcome]["label"] = words


@pytest.hookimpl(tryfirst=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """The columns of a proof."""
    cells[:] = HEADER


def pytest_html_results_table_row(report: pytest.TestReport, cells: list[str]) -> None:
    """Cells that were escaped when they were made; pytest-html would put the test's id in unescaped."""
    cells[:] = report.cells


def pytest_html_results_table_html(data: list[str]) -> None:
    """No captured log: what there is to say is in the detail."""
    data.clear()


@pytest.hookimpl(trylast=True)
def pytest_html_results_summary(prefix: list[str], session: pytest.Session) -> None:
    """Facts, counts and the table of controls."""
    prefix[:] = [session.config.stash[DATA]["summary"]]
