"""The report: everything a host said is text, bounded and in order; a page that can't be made loses nothing."""

from __future__ import annotations

import json
import stat
import time
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from proofs.plugin import report_page
from proofs.plugin.report import render
from proofs.plugin.report_exchanges import read
from proofs.plugin.report_summary import VERDICTS, ordered, summary
from proofs.plugin.report_text import MAX_LINE, MAX_LINES, block, one_line, outline, text

SCRIPT = "<script>document.title='taken'</script>"
HOSTILE = (
    f"{SCRIPT}</script><img src=x onerror=\"document.title='taken'\"> ' \" & ${{7*7}} {{{{7*7}}}} {{% x %}} "
    '\x00\x1b[31m \u202egnp.exe \ud800 \\g<0> <footer> <p class="run-count"> --> ]]>'
)


def probe(verdict: str, number: int, said: str) -> dict[str, Any]:
    return {
        "probe": f"transport/test_x.py::test_{number}",
        "verdict": verdict,
        "reason": said,
        "exchanges": [1, 2, 3, 4],
        "started": said,
        "duration_s": 0.01,
        "summary": said,
    }


def control(verdict: str, number: int, said: str, severity: str = "high") -> dict[str, Any]:
    return {
        "id": f"control-{number}",
        "title": said,
        "statement": said,
        "severity": severity,
        "surface": "transport",
        "engines": ["mysql"],
        "mappings": {"nist-800-53r5": ["SC-8"], "stig-mariadb-10.x": ["SV-1"], "cci": ["CCI-1", "2", "3", "4"]},
        "parameters": {"names": [said]},
        "remediation": said,
        "in_scope": True,
        "verdict": verdict,
        "reason": said,
        "probes": [] if verdict == "not-assessed" else [probe(verdict, number, said)],
    }


def assessment(said: str = "said", **run: Any) -> dict[str, Any]:
    controls = [control(verdict, number, said) for number, verdict in enumerate(reversed(VERDICTS))]
    return {
        "format": "proof-of-controls/assessment-1",
        "run": {
            "id": "r1",
            "started": "2026-01-01T00:00:00+00:00",
            "finished": "2026-01-01T00:00:05+00:00",
            "partial": False,
            "selection": None,
            "status": "complete",
        }
        | run,
        "target": {"name": said, "title": said, "engine": "mysql", "address": said},
        "profile": {"id": said, "title": said},
        "harness": {"name": "proof-of-controls", "version": "0", "python": "3", "platform": "linux"},
        "tailoring": [{"control": "c", "parameter": "p", "default": [said], "value": {said: said}, "by": said}],
        "counts": dict.fromkeys(VERDICTS, 1),
        "controls": controls,
        "journal": {"exchanges": 4, "head": "00"},
        "connections": {"aborted": 3, "good_logins": 1},
        "warnings": [said],
    }


def run_dir(folder: Path, said: str = "said") -> Path:
    bodies = folder / "evidence" / "control-1"
    bodies.mkdir(parents=True)
    (bodies / "00003-1.txt").write_bytes((said * 100).encode(errors="backslashreplace"))
    stored = {"$evidence": {"path": "evidence/control-1/00003-1.txt", "size": 9, "sha256": said}}
    climbing = {"$evidence": {"path": "evidence/../../secret", "size": 9, "sha256": said}}
    answers: list[Any] = [
        {"ok": True, "session": {"version": said, "user": said}},
        {"ok": True, "columns": ["Variable_name", said], "rows": [[said, said]] * 600, "error": None},
        {"ok": True, "stdout": stored, "other": climbing, said: said},
        {"ok": False, "error": {"errno": 1045, "sqlstate": said, "message": said}},
    ]
    lines = [{"journal": "proof-of-controls/journal-1", "run": "r1"}]
    lines += [
        {
            "seq": number,
            "prev": "",
            "channel": "sql",
            "op": said,
            "arguments": {"identity": said, "statement": said},
            "vantage": said,
            "answer": answer,
            "started": said,
            "duration_ms": 1.25,
            "probe": said,
            "control": said,
        }
        for number, answer in enumerate(answers, start=1)
    ]
    (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


class Elements(HTMLParser):
    """What a browser makes of a page: elements, attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.starts: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(page: str) -> None:
    found = Elements(page)
    assert sum(tag == "script" for tag, _ in found.starts) <= 1  # pytest-html's own
    assert all(tag not in ("iframe", "object", "link", "base", "form") for tag, _ in found.starts)
    handlers = [(tag, name, value) for tag, given in found.starts for name, value in given.items() if name[:2] == "on"]
    assert all(value == "location.reload()" for _, _, value in handlers)
    assert all(given.get("src") in (None, "") for _, given in found.starts)
    assert all(
        (given.get("href") or "#").startswith(("#", "evidence/", "VERIFY.md", "assessment.json", "journal.jsonl"))
        for _, given in found.starts
    )
    assert not any(letter in page for letter in "\x00\x1b\u202e")


def test_all_that_a_host_said_is_text(tmp_path: Path) -> None:
    folder = run_dir(tmp_path, HOSTILE)
    render(folder, assessment(HOSTILE))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "could not be" not in page
    assert_harmless(page)
    assert SCRIPT in Elements(page).text
    assert "${7*7} {{7*7}}" in Elements(page).text
    assert "\\u202egnp.exe" in page
    assert "evidence/../../secret" not in [given.get("href") for _, given in Elements(page).starts]
    table = next(given["data-jsonblob"] for _, given in Elements(page).starts if "data-jsonblob" in given)
    rows = [test for tests in json.loads(table or "")["tests"].values() for test in tests]
    assert len(rows) == 4
    for row in rows:
        for html in (*row["resultsTableRow"], *(extra["content"] for extra in row["extras"])):
            assert_harmless(html)
            assert "<script" not in html
            assert "<img" not in html


def test_a_policy_allows_the_pages_own_script_alone(tmp_path: Path) -> None:
    render(run_dir(tmp_path), assessment())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    policy = next(g["content"] for _, g in Elements(page).starts if g.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert policy.count("sha256-") == 2
    assert "unsafe" not in policy


def test_the_same_run_gives_the_same_bytes_in_a_file_of_its_owner(tmp_path: Path) -> None:
    pages = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        folder = run_dir(tmp_path / name)
        render(folder, assessment())
        pages.append((folder / "report.html").read_bytes())
        assert stat.S_IMODE((folder / "report.html").stat().st_mode) == 0o600
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]


def test_megabytes_are_cut_and_cost_little(tmp_path: Path) -> None:
    huge = "<" * 1_000_000
    started = time.process_time()
    folder = run_dir(tmp_path)
    line = json.loads((folder / "journal.jsonl").read_text().splitlines()[1])
    line |= {"answer": {huge: [[huge] * 3] * 3}, "arguments": {"statement": huge}, "op": huge}
    (folder / "journal.jsonl").write_text(json.dumps(line) + "\n")
    render(folder, assessment(huge))
    page = (folder / "report.html").read_bytes()
    assert b"could not be" not in page
    assert len(page) < 1_500_000
    assert time.process_time() - started < 5


def test_an_answer_names_the_line_that_holds_all_of_it(tmp_path: Path) -> None:
    looks = read(run_dir(tmp_path)).looks
    assert "Shortened: the whole answer is in journal.jsonl, line 3." in looks[2].section
    assert "Shortened" not in looks[1].section
    assert 'href="evidence/control-1/00003-1.txt"' in looks[3].section
    assert looks[4].answered == "refused [1045, said] said"
    assert looks[2].answered == "600 rows"


def test_findings_come_first_then_severity() -> None:
    given = [control("satisfied", 1, ""), control("not-satisfied", 2, "", "low"), control("indeterminate", 3, "")]
    given += [control("not-satisfied", 4, ""), control("satisfied", 5, "")]
    assert [one["id"][-1] for one in ordered(given)] == ["4", "2", "3", "1", "5"]


def test_the_table_of_controls_needs_no_script() -> None:
    html = summary(assessment("word"), "9.9")
    said = Elements(html)
    assert "<script" not in html
    for mark, words in VERDICTS.values():
        assert f"{mark} {words}" in said.text
    assert "Remedy" in said.text
    assert "SC-8" in said.text
    assert "SV-1" not in said.text  # the other engine's
    assert "MySQL 9.9" in said.text


@pytest.mark.parametrize(
    ("run", "word"),
    [({"partial": True, "selection": "-k <b>"}, "Partial"), ({"status": "interrupted"}, "Interrupted")],
)
def test_a_run_that_is_not_whole_says_so(run: dict[str, Any], word: str) -> None:
    html = summary(assessment(**run), None)
    assert f"<strong>{word}.</strong>" in html
    assert "<b>)" not in html


def test_a_renderer_that_fails_leaves_a_plain_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(room: Path) -> None:
        raise report_page.RenderError(f"broke {SCRIPT}")

    monkeypatch.setattr(report_page, "_run_pytest", broken)
    render(run_dir(tmp_path, HOSTILE), assessment(HOSTILE))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"could not be rendered (RenderError: broke {escape(SCRIPT)})" in page
    assert "control-3" in page
    assert 'id="x4"' in page
    assert_harmless(page)


def test_a_renderer_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_page, "TIME_LIMIT_S", 0.01)
    render(run_dir(tmp_path), assessment())
    assert "did not end within 0.01 s" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_journal_that_cannot_be_read_still_leaves_a_page(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("{")
    render(tmp_path, assessment())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "This page could not be made (JSONDecodeError" in page
    assert "assessment.json" in page


def test_the_surroundings_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("BUILD_URL", "https://ci.example/secret-path")
    render(run_dir(tmp_path), assessment())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "could not be" not in page
    assert "ci.example" not in page


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ({"ok": True, "error": None, "n": 1.5}, ["ok: yes", "error: none", "n: 1.5"]),
        ({"rows": [["a", 1], ["b", None]]}, ["rows:", "  a | 1", "  b | none"]),
        ({"pem": "one\ntwo\nthree"}, ["pem:", "  one", "  two", "  three"]),
        ({"suites": ["A", "B"], "none": []}, ["suites: A, B", "none: []"]),
        ({"list": [{"a": 1}]}, ["list:", "  -", "    a: 1"]),
        ("plain", ["plain"]),
    ],
)
def test_outline(value: Any, lines: list[str]) -> None:
    assert outline(value) == ("\n".join(lines), False)


def test_outline_is_bounded() -> None:
    deep: Any = "end"
    for _ in range(500):
        deep = {"in": deep}
    for value in (["row"] * 1000, "line\n" * 1000, "x" * 10_000, deep):
        shown, shortened = outline(value)
        assert shortened
        assert len(shown.splitlines()) <= MAX_LINES
        assert max(map(len, shown.splitlines())) <= MAX_LINE


def test_text_is_visible_escaped_and_cut() -> None:
    assert text("a\x07\nb <i> \"'") == "a\\x07 b &lt;i&gt; &quot;&#x27;"
    assert block("a\nb\r\t\u2066") == "a\nb\\r\\t\\u2066"
    assert text("é \ud800 雪") == "é \\ud800 雪"
    assert text("x" * 50, 10) == "x" * 9 + "…"
    assert one_line({"a": None, "b": ["c", {"d": 1}]}) == "b=[c, d=1]"
