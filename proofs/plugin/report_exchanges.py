"""What was asked and what came back: each exchange of the journal once, bounded, with its place in the bundle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.plugin.report_text import block, cut, one_line, outline, text

BUDGET = 700_000
"""Characters of HTML for all answers together; beyond it an exchange is listed without its answer."""
EXCERPT = 600
_EVIDENCE = re.compile(r"evidence/(?:[A-Za-z0-9_][A-Za-z0-9._@+=,-]*/)*[A-Za-z0-9_][A-Za-z0-9._@+=,-]*")


@dataclass(frozen=True, slots=True)
class Look:
    """One exchange, ready for the page: `asked` and `answered` are plain lines, `section` is HTML."""

    asked: str
    answered: str
    section: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The exchanges by number, and the server's version if one of them says it."""

    looks: Mapping[int, Look]
    version: str | None


def read(run_dir: Path) -> Evidence:
    """Read the journal line by line; only what the page shows is kept. Raises `OSError`, `ValueError`, `KeyError`."""
    looks: dict[int, Look] = {}
    version = None
    left = BUDGET
    for number, line in _lines(run_dir / "journal.jsonl"):
        entry = json.loads(line)
        if "seq" not in entry:
            continue
        version = version or _version(entry)
        section = _section(entry, number, run_dir, whole=left > 0)
        left -= len(section)
        looks[int(entry["seq"])] = Look(_asked(entry), _answered(entry["answer"]), section)
    return Evidence(looks, version)


def appendix(evidence: Evidence) -> str:
    """The HTML section with every exchange, in the order of the run."""
    sections = "\n".join(evidence.looks[number].section for number in sorted(evidence.looks))
    return (
        '<section id="evidence"><h2>What was asked and what came back</h2>'
        "<p>Every exchange of the run, once, in order. Answers are shortened here; the whole of each is in the line of "
        "<code>journal.jsonl</code> that it names, large texts in files under <code>evidence/</code>.</p>"
        f"{sections or '<p>No exchange took place.</p>'}</section>"
    )


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        yield from enumerate(file, start=1)


def _section(entry: Mapping[str, Any], line: int, run_dir: Path, *, whole: bool) -> str:
    number = int(entry["seq"])
    parts = [
        f'<article class="exchange" id="x{number}"><h3><span class="number">{number}</span> '
        f"{text(entry['channel'], 40)} {text(entry['op'], 40)}</h3>",
        f'<p class="place">{_place(entry, line)}</p>',
    ]
    asked, _ = outline(entry["arguments"])
    if asked:
        parts.append(f'<pre class="asked">{block(asked)}</pre>')
    if whole:
        answer, shortened = outline(_without_bodies(entry["answer"]))
        parts.append(f'<pre class="answer">{block(answer, 12_000)}</pre>')
        parts.extend(_bodies(entry["answer"], run_dir))
        if shortened:
            parts.append(f'<p class="rest">Shortened: the whole answer is in journal.jsonl, line {line}.</p>')
    else:
        parts.append(f'<p class="answer">{text(_answered(entry["answer"]))}</p>')
        parts.append(f'<p class="rest">Left out for length: the answer is in journal.jsonl, line {line}.</p>')
    return "".join(parts) + "</article>"


def _place(entry: Mapping[str, Any], line: int) -> str:
    where = text(entry["vantage"], 60)
    probe = f" for {text(entry['probe'], 160)}" if entry.get("probe") else ""
    return (
        f"from {where}, {text(entry['started'], 40)}, {float(entry['duration_ms']):.1f} ms{probe}; "
        f"journal.jsonl line {line}"
    )


def _asked(entry: Mapping[str, Any]) -> str:
    arguments = dict(entry["arguments"])
    statement = arguments.pop("statement", None)
    said = f"{entry['channel']} {entry['op']}"
    rest = one_line(arguments, 120)
    if statement is not None:
        return cut(f"{said} ({rest}): {one_line(statement, 200)}", 300)
    return cut(f"{said}: {rest}" if rest else said, 300)


def _answered(answer: Any) -> str:
    """The gist of an answer on one line, whatever the channel."""
    if not isinstance(answer, dict):
        return one_line(answer)
    if "$error" in answer:
        return cut(f"failed: {one_line(answer['$error'])}", 300)
    if answer.get("detail"):
        return one_line(answer["detail"], 240)
    error = answer.get("error")
    if isinstance(error, dict):
        codes = one_line([error[key] for key in ("errno", "sqlstate", "alert") if error.get(key) is not None])
        return cut(f"refused {codes} {one_line(error.get('message') or error.get('local') or '')}", 300)
    rows = answer.get("rows")
    if isinstance(rows, list):
        count = f"{len(rows)} row" + ("" if len(rows) == 1 else "s")
        return cut(f"{count}: {one_line(rows[0])}" if len(rows) == 1 else count, 240)
    session = answer.get("session")
    return one_line(session if isinstance(session, dict) else answer, 240)


def _version(entry: Mapping[str, Any]) -> str | None:
    """The server's version from a session, or from its list of variables."""
    answer = entry["answer"]
    if entry["channel"] != "sql" or not isinstance(answer, dict):
        return None
    session = answer.get("session")
    if isinstance(session, dict) and isinstance(session.get("version"), str):
        return str(session["version"])
    if isinstance(answer.get("rows"), list):
        return next((str(row[1]) for row in answer["rows"] if isinstance(row, list) and row[:1] == ["version"]), None)
    return None


def _is_body(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"$evidence"} and isinstance(value["$evidence"], dict)


def _without_bodies(value: Any, depth: int = 0) -> Any:
    if _is_body(value):
        return f"({value['$evidence'].get('size')} bytes in {value['$evidence'].get('path')})"
    if depth > 20:
        return value
    if isinstance(value, dict):
        return {key: _without_bodies(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_bodies(item, depth + 1) for item in value]
    return value


def _bodies(value: Any, run_dir: Path, depth: int = 0) -> Iterator[str]:
    """Each body stored as a file: a link that works in an unpacked bundle, its digest and how it begins."""
    if depth > 20:
        return
    if _is_body(value):
        path = str(value["$evidence"].get("path"))
        if _EVIDENCE.fullmatch(path):
            yield f'<p class="rest"><a href="{text(path)}">{text(path)}</a>, SHA-256 '
            yield f"{text(value['$evidence'].get('sha256'), 64)}; it begins:</p>"
            with (run_dir / path).open("rb") as file:
                yield f'<pre class="answer">{block(file.read(EXCERPT).decode(errors="replace"))}</pre>'
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _bodies(item, run_dir, depth + 1)
