"""`results.xml`: the assessment as JUnit XML, for CI systems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET  # only written, never parsed

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters outside XML 1.0's Char production (section 2.2): a host may have sent them, a parser refuses them."""

_CHILD = {"not-satisfied": "failure", "indeterminate": "error", "not-applicable": "skipped", "not-assessed": "skipped"}


def junit(assessment: Mapping[str, Any]) -> bytes:
    """One testsuite a control, one testcase a probe; indeterminate is `error`, not assessed is `skipped`."""
    root = ET.Element("testsuites", name=f"proof of {_text(assessment['target']['name'])}")
    for control in assessment["controls"]:
        verdicts = [probe["verdict"] for probe in control["probes"]]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_text(control["id"]),
            timestamp=assessment["run"]["started"],
            tests=str(len(verdicts)),
            failures=str(verdicts.count("not-satisfied")),
            errors=str(verdicts.count("indeterminate")),
            skipped=str(verdicts.count("not-applicable") + verdicts.count("not-assessed")),
        )
        for probe in control["probes"]:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=_text(control["id"]),
                name=_text(probe["probe"]),
                time=f"{probe['duration_s'] or 0:.3f}",
            )
            kind = _CHILD.get(probe["verdict"])
            if kind is not None:
                ET.SubElement(case, kind, message=_text(probe["reason"]), type=probe["verdict"])
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _text(text: str) -> str:
    return _NOT_XML.sub("�", text)
