"""The result document of an evaluation, read without trust: no DTD and so no entities, bounded, streamed.

Asset Reporting Format 1.1 (NIST IR 7694) around XCCDF 1.2 (NIST IR 7275r4, section 6.6): one `TestResult` with a
`rule-result` for each rule; severity and title stand with the `Rule` of the benchmark that the document repeats.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from proofs.errors import ChannelError
from proofs.model import Json

_XCCDF = ("http://checklists.nist.gov/xccdf/1.2", "http://checklists.nist.gov/xccdf/1.1")
_RESULTS = frozenset(
    ("pass", "fail", "error", "unknown", "notapplicable", "notchecked", "notselected", "informational", "fixed")
)
_SEVERITIES = frozenset(("unknown", "info", "low", "medium", "high"))
_DEFAULT_SCORING = "urn:xccdf:scoring:default"
MOST_RULES = 20_000
MOST_DEPTH = 200
MOST_TEXT = 300


def parse(document: bytes, profile: str) -> Json:
    """{benchmark, counts, rules, score} of an evaluation of that profile; rules that are not selected only counted.

    Raises `ChannelError` for what is no such document, has another number of results than one, or another profile's.
    """
    reader = _Reader()
    try:
        reader.read(document)
    except expat.ExpatError as error:
        raise ChannelError(f"the host's result is no XML: {expat.ErrorString(error.code)}") from None
    if reader.tests != 1:
        raise ChannelError(f"the host's result document holds {reader.tests} test results, not one")
    if reader.profile is None or not (reader.profile == profile or reader.profile.endswith(f"_profile_{profile}")):
        raise ChannelError(f"the host's result is of profile {reader.profile!a}, not of {profile}")
    counts = Counter(result["result"] for result in reader.results)
    rules = [
        {**result, "severity": result["severity"] or severity, "title": title}
        for result in reader.results
        if result["result"] != "notselected"
        for severity, title in (reader.rules.get(result["id"], ("unknown", "")),)
    ]
    counted = dict(sorted(counts.items()))
    return {"benchmark": reader.benchmark, "counts": counted, "rules": rules, "score": reader.score}


@dataclass
class _Reader:
    tests: int = 0
    profile: str | None = None
    benchmark: str | None = None
    score: float | None = None
    rules: dict[str, tuple[str, str]] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    _path: list[str] = field(default_factory=list)
    _rule: str | None = None
    _scoring: str = ""
    _text: str | None = None

    def read(self, document: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _no_dtd
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(document, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        local = local if namespace in _XCCDF else ""
        self._path.append(local)
        if len(self._path) > MOST_DEPTH or len(self.results) + len(self.rules) > 2 * MOST_RULES:
            raise ChannelError("the host's result document is deeper or longer than any benchmark's")
        inside = "TestResult" in self._path
        if local == "TestResult":
            self.tests += 1
        elif inside and local == "profile":
            self.profile = attributes.get("idref", "")[:MOST_TEXT]
        elif inside and local == "benchmark":
            self.benchmark = attributes.get("id", attributes.get("href", ""))[:MOST_TEXT]
        elif inside and local == "rule-result":
            severity = attributes.get("severity")
            self.results.append(
                {"id": attributes.get("idref", "")[:MOST_TEXT], "severity": severity and _known(severity, _SEVERITIES)}
            )
        elif not inside and local == "Rule":
            self._rule = attributes.get("id", "")[:MOST_TEXT]
            self.rules[self._rule] = (_known(attributes.get("severity", "unknown"), _SEVERITIES), "")
        self._scoring = attributes.get("system", _DEFAULT_SCORING) if local == "score" else self._scoring
        parent = self._path[-2] if len(self._path) > 1 else ""
        if (parent, local) in (("rule-result", "result"), ("TestResult", "score"), ("Rule", "title")):
            self._text = ""

    def _end(self, _: str) -> None:
        local = self._path.pop()
        parent = self._path[-1] if self._path else ""
        text, self._text = " ".join((self._text or "").split()), None
        if (parent, local) == ("rule-result", "result"):
            if "result" in self.results[-1]:
                raise ChannelError("the host's result document gives a rule two results")
            self.results[-1]["result"] = _known(text, _RESULTS)
        elif (parent, local) == ("TestResult", "score") and self._scoring == _DEFAULT_SCORING:
            self.score = _number(text)
        elif (parent, local) == ("Rule", "title") and self._rule is not None:
            self.rules[self._rule] = (self.rules[self._rule][0], self.rules[self._rule][1] or text[:MOST_TEXT])
        elif local == "rule-result" and "result" not in self.results[-1]:
            raise ChannelError("the host's result document gives a rule no result")

    def _characters(self, data: str) -> None:
        if self._text is not None and len(self._text) < 4 * MOST_TEXT:
            self._text += data


def _no_dtd(*_: Any) -> None:
    raise ChannelError("the host's result document has a DTD, which such a document never has")


def _known(value: str, known: frozenset[str]) -> str:
    if value not in known:
        raise ChannelError(f"the host's result document says {value[:60]!a}, which XCCDF does not know")
    return value


def _number(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 100:
        raise ChannelError(f"the host's result document gives the score {text[:40]!a}")
    return score
