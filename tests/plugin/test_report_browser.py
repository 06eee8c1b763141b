"""The report in a real browser: nothing a host said runs, its words show as text, and the page fits a phone."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from proofs.plugin.report import render

_SPEC = importlib.util.spec_from_file_location("report_vectors", Path(__file__).with_name("test_report.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
vectors: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(vectors)

pytestmark = pytest.mark.slow

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]


@pytest.fixture
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None and os.environ.get("CI") == "true":
        pytest.fail("no chromium; install it: apt-get install chromium")
    if path is None:
        pytest.skip("no chromium to look at the page with; install it: apt-get install chromium")
    return path


def dom(chromium: str, page: Path, profile: Path, *flags: str) -> str:
    """The document after its scripts ran, as the browser spells it."""
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, timeout=90, check=True).stdout.decode()


def measured(page: Path, where: Path) -> Path:
    """A copy that says in its title how wide its content is; the policy would not let this script run."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    measure = "<script>document.title=`${document.documentElement.scrollWidth}/${window.innerWidth}`</script></body>"
    where.write_text(text.replace("</body>", measure), encoding="utf-8")
    return where


@pytest.mark.parametrize("policy", ["policy", "no policy"])
def test_nothing_a_host_said_runs(chromium: str, tmp_path: Path, policy: str) -> None:
    folder = vectors.run_dir(tmp_path, vectors.HOSTILE)
    render(folder, vectors.assessment(vectors.HOSTILE))
    page = folder / "report.html"
    if policy == "no policy":  # the escaping must hold without it
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
        page.unlink()
        page.write_text(text, encoding="utf-8")
    found = dom(chromium, page, tmp_path / "profile")
    title = re.search(r"<title[^>]*>([^<]*)</title>", found)
    assert title is not None
    assert unescape(title[1]).startswith("Proof of controls: <script>document.title='taken'</script>")
    table = found[found.index('<table id="results-table"') :]
    assert len(re.findall(r'<tr class="collapsible"', table[: table.index("</table>")])) == 4
    assert "&lt;script&gt;document.title='taken'&lt;/script&gt;" in table
    assert len(vectors.Elements(found).starts) > 100
    assert all(
        "taken" not in (value or "")
        for tag, given in vectors.Elements(found).starts
        for name, value in given.items()
        if tag in ("script", "img") or name.startswith("on")
    )


@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_does_not_scroll_sideways(chromium: str, tmp_path: Path, width: int) -> None:
    """500 pixels are the least a headless window takes; the narrow layout begins at 768."""
    long_word = "unbreakable" * 60
    folder = vectors.run_dir(tmp_path, long_word)
    render(folder, vectors.assessment(long_word))
    page = measured(folder / "report.html", tmp_path / "measured.html")
    found = dom(chromium, page, tmp_path / "profile", f"--window-size={width},900")
    title = re.search(r"<title[^>]*>(\d+)/(\d+)</title>", found)
    assert title is not None
    assert int(title[1]) <= int(title[2])
