"""OpenSCAP: whether it is there, the content it has, and the evaluation itself (oscap(8)).

The evaluation takes minutes; channel `scap` runs it by a script of its own. Its result goes to standard output, so that
the rule for sudo names no file that root would write. The time limit is root's too: a login cannot end sudo's child.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

SCAN_S = 1800
CONTENT = "/usr/share/xml/scap/ssg/content"
_EVALUATE = ("timeout", "-k", "5", str(SCAN_S), "oscap", "xccdf", "eval", "--progress", "--profile", "{profile}")
_RESULT = ("--results-arf", "/dev/stdout")

COMMANDS = (
    Command("oscap-version", ("oscap", "--version")),
    # find(1): exit status 1 where the directory is not there, which is an answer: no content.
    Command("scap-content", ("find", CONTENT, "-maxdepth", "1", "-name", "ssg-*-ds.xml"), exits=(0, 1)),
    Command("scap-scan", (*_EVALUATE, *_RESULT, "{datastream}"), root=True, exits=(0, 2), seconds=SCAN_S),
    Command(
        "scap-scan-tailored",
        (*_EVALUATE, "--tailoring-file", "{tailoring}", *_RESULT, "{datastream}"),
        root=True,
        exits=(0, 2),
        seconds=SCAN_S,
    ),
)
