"""The top of the page, in plain HTML that needs no script: facts, banners, counts and the table of controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proofs.plugin.report_text import block, one_line, text

VERDICTS = {
    "not-satisfied": ("✗", "not satisfied"),
    "indeterminate": ("?", "indeterminate"),
    "not-assessed": ("·", "not assessed"),
    "satisfied": ("✓", "satisfied"),
    "not-applicable": ("–", "not applicable"),
}
"""Mark and words of each verdict, in the order in which a reader wants them: findings first."""

FRAMEWORKS = {
    "nist-800-53r5": "NIST SP 800-53 r5",
    "cci": "CCI",
    "stig": "DISA STIG",
    "cis": "CIS Benchmark",
    "pci-dss": "PCI DSS",
}
_SEVERITIES = ("high", "medium", "low")
_MANY = 3


def ordered(controls: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Findings first, then by severity, then as in the catalogue."""
    verdicts = list(VERDICTS)
    return sorted(controls, key=lambda one: (verdicts.index(one["verdict"]), _SEVERITIES.index(one["severity"])))


def verdict_words(verdict: str) -> str:
    """Mark and words, as HTML text."""
    mark, words = VERDICTS[verdict]
    return f"{mark} {words}"


def anchor_ids(controls: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Probe id → the id of its row on the page, in the order of the page."""
    probes = (probe["probe"] for control in ordered(controls) for probe in control["probes"])
    return {probe: f"p{number}" for number, probe in enumerate(probes, start=1)}


def summary(assessment: Mapping[str, Any], version: str | None) -> str:
    """The HTML above pytest-html's table."""
    anchors = anchor_ids(assessment["controls"])
    engine = assessment["target"]["engine"]
    rows = "\n".join(_row(control, engine, anchors) for control in ordered(assessment["controls"]))
    return "\n".join(
        (
            *_banners(assessment),
            _counts(assessment["counts"]),
            _facts(assessment, version),
            _notes(assessment),
            '<h2 id="controls">Controls</h2>',
            '<table class="controls-table"><thead><tr><th>Verdict</th><th>Severity</th><th>Control</th>'
            f"<th>Mappings</th></tr></thead><tbody>{rows}</tbody></table>",
        )
    )


def _banners(assessment: Mapping[str, Any]) -> Iterable[str]:
    run = assessment["run"]
    if run["status"] != "complete":
        yield _banner("Interrupted", "The run ended before every probe did; what was not finished is indeterminate.")
    if run["partial"]:
        yield _banner("Partial", f"Only a part was selected ({text(run['selection'])}); the rest is not assessed.")
    if not assessment["counts"]["satisfied"]:
        yield _banner("Nothing shown to hold", "No control of this run is satisfied.")


def _banner(word: str, sentence: str) -> str:
    return f'<p class="banner"><strong>{word}.</strong> {sentence}</p>'


def _counts(counts: Mapping[str, int]) -> str:
    items = "".join(
        f'<li class="v-{verdict}{"" if counts[verdict] else " none"}"><b>{counts[verdict]}</b> '
        f'<span class="mark">{mark}</span> {words}</li>'
        for verdict, (mark, words) in VERDICTS.items()
    )
    return f'<ul class="counts">{items}</ul>'


def _facts(assessment: Mapping[str, Any], version: str | None) -> str:
    run, target, harness = assessment["run"], assessment["target"], assessment["harness"]
    engine = {"mysql": "MySQL", "mariadb": "MariaDB"}.get(target["engine"], target["engine"])
    connections = assessment.get("connections") or {}
    facts = [
        ("Target", f"{text(target['name'])}: {text(target['title'])}"),
        ("Server", f"{text(engine)} {text(version, 80) if version else '(version not in the evidence)'}"),
        ("Address", text(target["address"])),
        ("Profile", f"{text(assessment['profile']['title'])} (<code>{text(assessment['profile']['id'])}</code>)"),
        ("Run", f"<code>{text(run['id'])}</code>, {text(run['status'])}{', partial' if run['partial'] else ''}"),
        ("Started", moment(run["started"])),
        ("Finished", moment(run["finished"])),
        ("Evidence", f"{assessment['journal']['exchanges']} exchanges{_ended(connections)}"),
        ("Made by", f"{text(harness['name'])} {text(harness['version'])}, Python {text(harness['python'])}"),
        (
            "Signature",
            "over the bundle that this page is part of, not on the page itself: check it as "
            '<a href="VERIFY.md">VERIFY.md</a> says. A key made for one run proves integrity, not origin.',
        ),
    ]
    return (
        '<dl class="facts">' + "".join(f"<div><dt>{name}</dt><dd>{said}</dd></div>" for name, said in facts) + "</dl>"
    )


def _ended(connections: Mapping[str, int]) -> str:
    return f"; {int(connections['aborted'])} connections ended without a login" if connections.get("aborted") else ""


def moment(stamp: str) -> str:
    """A stamp of the run in UTC, for people, as HTML text."""
    return text(stamp.replace("T", " ").replace("+00:00", " UTC"), 60)


def _notes(assessment: Mapping[str, Any]) -> str:
    parts = []
    if assessment["warnings"]:
        items = "".join(f"<li>{text(warning, 600)}</li>" for warning in assessment["warnings"])
        parts.append(f"<h2>Notes</h2><ul>{items}</ul>")
    if assessment["tailoring"]:
        rows = "".join(
            f"<tr><td><code>{text(item['control'])}</code></td><td><code>{text(item['parameter'])}</code></td>"
            f'<td data-label="Default">{text(one_line(item["default"]))}</td>'
            f'<td data-label="In this run"><b>{text(one_line(item["value"]))}</b></td>'
            f'<td data-label="Set by">{text(item["by"])}</td></tr>'
            for item in assessment["tailoring"]
        )
        parts.append(
            '<h2>Tailoring</h2><table class="tailoring"><thead><tr><th>Control</th><th>Parameter</th><th>Default</th>'
            f"<th>In this run</th><th>Set by</th></tr></thead><tbody>{rows}</tbody></table>"
        )
    return "".join(parts)


def _row(control: Mapping[str, Any], engine: str, anchors: Mapping[str, str]) -> str:
    mark, words = VERDICTS[control["verdict"]]
    parts = [f'<p class="title">{text(control["title"])}</p><p class="id"><code>{text(control["id"])}</code></p>']
    if control["verdict"] != "satisfied" and control["reason"]:
        parts.append(f'<p class="reason">{text(control["reason"], 1200)}</p>')
    if control["verdict"] == "not-satisfied":
        parts.append(f'<p class="label">Remedy</p><pre class="remedy">{block(control["remediation"])}</pre>')
    parts.append(_details(control, anchors))
    return (
        f'<tr class="v-{control["verdict"]}" id="c-{text(control["id"])}">'
        f'<td class="verdict"><span class="mark">{mark}</span> {words}</td>'
        f'<td class="severity s-{control["severity"]}">{control["severity"]}</td>'
        f'<td class="control">{"".join(parts)}</td>'
        f'<td class="mappings">{_mappings(control["mappings"], engine)}</td></tr>'
    )


def _details(control: Mapping[str, Any], anchors: Mapping[str, str]) -> str:
    probes = control["probes"]
    count = f"{len(probes)} probe{'' if len(probes) == 1 else 's'}" if probes else "no probe ran"
    parameters = "".join(
        f"<li><code>{text(name)}</code>: {text(one_line(value))}</li>" for name, value in control["parameters"].items()
    )
    items = "".join(_probe(probe, anchors[probe["probe"]]) for probe in probes)
    return (
        f"<details><summary>Statement and {count}</summary><p>{text(control['statement'], 1000)}</p>"
        + (f'<p class="label">Parameters</p><ul>{parameters}</ul>' if parameters else "")
        + (f'<p class="label">Probes</p><ul class="probes">{items}</ul>' if items else "")
        + "</details>"
    )


def _probe(probe: Mapping[str, Any], anchor: str) -> str:
    mark, words = VERDICTS[probe["verdict"]]
    reason = f": {text(probe['reason'], 1000)}" if probe["reason"] and probe["verdict"] != "satisfied" else ""
    return (
        f'<li class="v-{probe["verdict"]}"><a href="#{anchor}">{sentence(probe)}</a> '
        f'<span class="said"><span class="mark">{mark}</span> {words}</span>{reason} {looks(probe["exchanges"])}</li>'
    )


def sentence(probe: Mapping[str, Any]) -> str:
    """What the probe says it shows; the name of its function where it has not run."""
    return text(probe["summary"] or probe["probe"].rpartition("::")[2].replace("_", " "), 300)


def looks(exchanges: Sequence[int]) -> str:
    """Links to the exchanges a probe has judged by."""
    if not exchanges:
        return '<span class="looks">(no exchange)</span>'
    links = ", ".join(f'<a href="#x{int(number)}">{int(number)}</a>' for number in exchanges[:40])
    more = f" and {len(exchanges) - 40} more" if len(exchanges) > 40 else ""
    return f'<span class="looks">(exchange {links}{more})</span>'


def _mappings(mappings: Mapping[str, Sequence[str]], engine: str) -> str:
    """Those of the target's engine; the other engine's are in `assessment.json`."""
    other = {"mysql": "mariadb", "mariadb": "mysql"}.get(engine, "")
    chosen = [(name, ids) for name, ids in mappings.items() if not other or other not in name]
    chosen.sort(key=lambda pair: (_rank(pair[0]), pair[0]))
    return "".join(
        f'<div><span class="framework">{_framework(name)}</span> {_few([text(one, 80) for one in ids])}</div>'
        for name, ids in chosen
    )


def _few(ids: Sequence[str]) -> str:
    shown = ", ".join(f'<span class="ref">{one}</span>' for one in ids[:_MANY])
    rest = ", ".join(f'<span class="ref">{one}</span>' for one in ids[_MANY:])
    return shown + (f"<details><summary>{len(ids) - _MANY} more</summary>{rest}</details>" if rest else "")


def _rank(name: str) -> int:
    return next((rank for rank, known in enumerate(FRAMEWORKS) if name.startswith(known)), len(FRAMEWORKS))


def _framework(name: str) -> str:
    for known, title in FRAMEWORKS.items():
        if name.startswith(known):
            rest = name.removeprefix(known).strip("-").replace("-", " ")
            return text(f"{title} {rest}".strip().replace("mysql", "MySQL").replace("mariadb", "MariaDB"), 60)
    return text(name, 60)
