"""The page: rendered by pytest-html in a process of its own, then finished so that equal runs give equal bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proofs.errors import ProofsError
from proofs.plugin.report_summary import moment
from proofs.plugin.report_text import text

STYLE = Path(__file__).with_name("report.css")
TIME_LIMIT_S = 30
_KEPT = ("HOME", "PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")
_INI = "[pytest]\ninitial_sort = original\nrender_collapsed = passed,skipped\n"
_PLUGINS = ("pytest_metadata.plugin", "pytest_html.plugin", "proofs.plugin.report_items")
_ENDS_WITH_TABLE = (0, 1, 5)
"""pytest: all passed, some failed, nothing collected."""


class RenderError(ProofsError):
    """pytest-html gave no page, or one that is not built as the one this project knows."""


def table_page(rows: list[dict[str, Any]], summary: str) -> str:
    """The page as pytest-html renders it, with `summary` (HTML) above the table.

    Raises `RenderError`, also after `TIME_LIMIT_S`; `OSError` when there is no room for temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="proofs-report-") as folder:
        room = Path(folder)
        (room / "rows.json").write_text(json.dumps({"rows": rows, "summary": summary}), encoding="utf-8")
        (room / "pytest.ini").write_text(_INI, encoding="utf-8")
        # Beside the data, because pytest-html writes the path of a style sheet into the page.
        (room / STYLE.name).write_bytes(STYLE.read_bytes())
        _run_pytest(room)
        return (room / "report.html").read_text(encoding="utf-8")


def _run_pytest(room: Path) -> None:
    command = [sys.executable, "-P", "-m", "pytest", "rows.json", "-c", "pytest.ini", "--rootdir=.", "--noconftest"]
    command += ["-q", "--no-summary", "-p", "no:cacheprovider", *(word for name in _PLUGINS for word in ("-p", name))]
    command += ["--html=report.html", "--self-contained-html", f"--css={STYLE.name}"]
    # Plugins and options of the surroundings would show in the page, and could break it.
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUTF8": "1", "TZ": "UTC"}
    try:
        done = subprocess.run(
            command,
            cwd=room,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT_S,
            check=False,
            start_new_session=True,  # Ctrl-C ends the probes; the page about them is still wanted
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"pytest-html did not end within {TIME_LIMIT_S} s") from None
    if done.returncode not in _ENDS_WITH_TABLE or not (room / "report.html").exists():
        said = done.stdout.decode(errors="replace").strip().splitlines()
        raise RenderError(f"pytest-html ended with status {done.returncode}: {said[-1] if said else 'no output'}")


def finish_page(page: str, assessment: Mapping[str, Any], appendix: str) -> str:
    """The rendered page with our title, the time of the run in place of that of the rendering, and the appendix.

    Raises `RenderError` if the page is not built as expected.
    """
    title = f"Proof of controls: {text(assessment['target']['name'], 100)}"
    probes = sum(len(control["probes"]) for control in assessment["controls"])
    made = f'<p class="made">Run finished {moment(assessment["run"]["finished"])}. Rendered by pytest-html'
    count = (
        '<h2 id="probes">Probes</h2><noscript><p class="banner">Without JavaScript this table stays empty: each probe '
        'is also listed under its control above.</p></noscript><p class="run-count">'
        f"{probes} probes, findings first. A row opens to show what was asked and what came back.</p>"
    )
    page = _replace(page, r'<title id="head-title">[^<]*</title>', lambda _: f"<title>{title}</title>")
    page = _replace(page, r'<h1 id="title">[^<]*</h1>', lambda _: f'<h1 id="title">{title}</h1>')
    generated = r'<p>Report generated on [^<]*<a href="[^"]*">pytest-html</a>\s*(v[\w.+-]+)</p>'
    page = _replace(page, generated, lambda found: f"{made} {found[1]}.</p>")
    page = _replace(page, r'<p class="run-count">[^<]*</p>', lambda _: count)
    page = _replace(page, r"<footer>", lambda _: f"{appendix}<footer>")
    return guard(_replace(page, r"<html>", lambda _: '<html lang="en">'))


def plain_page(assessment: Mapping[str, Any], summary: str, appendix: str, reason: str) -> str:
    """The same page without pytest-html's table, saying why."""
    title = f"Proof of controls: {text(assessment['target']['name'], 100)}"
    return guard(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{title}</title>'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body><h1>{title}</h1>"
        f'<p class="banner">The table of probes could not be rendered ({text(reason)}). Nothing else is missing: each '
        f"probe is listed under its control.</p>{summary}{appendix}</body></html>\n"
    )


def last_resort(reason: str) -> str:
    """A page for when nothing could be shown: honest, and no reason to lose the bundle."""
    return guard(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>Proof of controls</title></head><body>'
        f"<h1>Proof of controls</h1><p>This page could not be made ({text(reason)}). The verdicts are in "
        '<a href="assessment.json">assessment.json</a>, the exchanges in <a href="journal.jsonl">journal.jsonl</a>.</p>'
        "</body></html>\n"
    )


def guard(page: str) -> str:
    """Let a browser run the page's own script and nothing else, and load nothing.

    Content Security Policy Level 3: a script or style whose digest is not listed is not used, so that markup which
    had got past the escaping could still do nothing.
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_digests(page, 'script')}",
            f"style-src {_digests(page, 'style')}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    head = (
        f'<meta charset="utf-8"/>\n    <meta http-equiv="Content-Security-Policy" content="{policy}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta name="referrer" content="no-referrer"/><meta name="color-scheme" content="light dark"/>'
    )
    return _replace(page, r'<meta charset="utf-8"/>', lambda _: head)


def _digests(page: str, element: str) -> str:
    found = re.findall(rf"<{element}\b[^>]*>(.*?)</{element}>", page, flags=re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in found)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"


def _replace(page: str, pattern: str, replacement: Callable[[re.Match[str]], str]) -> str:
    """Replace the one place that matches. What a host said can't be one: these patterns begin with markup.

    A function gives the replacement, because in a plain one a backslash would mean something.
    """
    page, count = re.subn(pattern, replacement, page)
    if count != 1:
        raise RenderError(f"pytest-html's page has {count} places like {pattern}, expected one")
    return page
