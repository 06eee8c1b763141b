"""The channel `scap`: a tiny data stream evaluated by the real oscap, and results read with suspicion."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import Recorder, Replayer
from scenery import target_at

from proofs.channels.host import Machine
from proofs.channels.host.commands import Command, known
from proofs.channels.scap import Scap
from proofs.channels.scap import channel as scap_channel
from proofs.channels.scap.content import datastream_for
from proofs.channels.scap.results import parse
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Benchmark, Host
from proofs.probes.host import test_scap as probe

PARAMS: dict[str, Any] = {"maximum_failures_high": 0, "maximum_failures_medium": 0, "accepted_rules": ()}
XCCDF = """<?xml version="1.0" encoding="UTF-8"?>
<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2" id="xccdf_org.example_benchmark_tiny" resolved="1">
<status>draft</status><version>1</version>
<Profile id="xccdf_org.example_profile_good"><title>g</title><select idref="{r}pass" selected="true"/></Profile>
<Profile id="xccdf_org.example_profile_bad"><title>b</title>
<select idref="{r}pass" selected="true"/>
<select idref="{r}fail" selected="true"/>
</Profile>
<Profile id="xccdf_org.example_profile_nothing"><title>n</title><select idref="{r}other" selected="true"/></Profile>
<Rule id="{r}pass" selected="false" severity="high"><title>It is Unix</title>{check1}</Rule>
<Rule id="{r}fail" selected="false" severity="medium"><title>It is Windows</title>{check2}</Rule>
<Rule id="{r}other" selected="false" severity="high"><title>Elsewhere</title>
<platform idref="cpe:/o:example:other"/>{check2}</Rule>
</Benchmark>"""
CHECK = (
    '<check system="http://oval.mitre.org/XMLSchema/oval-definitions-5">'
    '<check-content-ref href="tiny-oval.xml" name="oval:org.example:def:{n}"/></check>'
)
DEFINITION = """<definition class="compliance" id="oval:org.example:def:{n}" version="1">
<metadata><title>t</title><description>d</description></metadata>
<criteria><criterion test_ref="oval:org.example:tst:{n}"/></criteria></definition>"""
OVAL = """<?xml version="1.0" encoding="UTF-8"?>
<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5"
 xmlns:oval="http://oval.mitre.org/XMLSchema/oval-common-5"
 xmlns:i="http://oval.mitre.org/XMLSchema/oval-definitions-5#independent">
<generator><oval:schema_version>5.11</oval:schema_version><oval:timestamp>2026-01-01T00:00:00</oval:timestamp></generator>
<definitions>{definitions}</definitions>
<tests>{tests}</tests>
<objects><i:family_object id="oval:org.example:obj:1" version="1"/></objects>
<states>{states}</states></oval_definitions>"""
TEST = """<i:family_test check="all" comment="c" id="oval:org.example:tst:{n}" version="1">
<i:object object_ref="oval:org.example:obj:1"/><i:state state_ref="oval:org.example:ste:{n}"/></i:family_test>"""
STATE = """<i:family_state id="oval:org.example:ste:{n}" version="1"><i:family>{family}</i:family></i:family_state>"""


@pytest.fixture(scope="module")
def datastream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if shutil.which("oscap") is None or os.getuid() != 0:
        pytest.skip("no oscap here (package openscap-scanner), or not root")
    directory = tmp_path_factory.mktemp("scap")
    checks = {f"check{n}": CHECK.format(n=n) for n in (1, 2)}
    (directory / "tiny-xccdf.xml").write_text(XCCDF.format(r="xccdf_org.example.content_rule_", **checks))
    parts = {
        "definitions": "".join(DEFINITION.format(n=n) for n in (1, 2)),
        "tests": "".join(TEST.format(n=n) for n in (1, 2)),
        "states": STATE.format(n=1, family="unix") + STATE.format(n=2, family="windows"),
    }
    (directory / "tiny-oval.xml").write_text(OVAL.format(**parts))
    subprocess.run(["oscap", "ds", "sds-compose", "tiny-xccdf.xml", "tiny-ds.xml"], cwd=directory, check=True)
    yield directory / "tiny-ds.xml"


class Looks:
    """A scap channel of this machine, with what it told and recorded."""

    def __init__(self, benchmark: Benchmark) -> None:
        self.recorder, self.told = Recorder(), list[str]()
        self.target = replace(target_at(1), host=Host("local://", scap=benchmark))
        self.scap = Scap(self.target, self.recorder, Machine(self.target, self.recorder), self.told.append)

    def replayed(self) -> Scap:
        sink = Replayer(self.recorder)
        return Scap(self.target, sink, Machine(self.target, sink), self.told.append)


@pytest.mark.live
def test_rule_by_rule(datastream: Path) -> None:
    looks = Looks(Benchmark("bad", str(datastream)))
    found = looks.scap.evaluate()
    assert [(rule["id"].rpartition("_")[2], rule["severity"], rule["result"]) for rule in found["rules"]] == [
        ("pass", "high", "pass"),
        ("fail", "medium", "fail"),
    ]
    assert found["counts"] == {"fail": 1, "notselected": 1, "pass": 1}
    assert found["rules"][0]["title"] == "It is Unix"
    assert found["arf"].startswith("<?xml ")
    assert "<html" in found["report"]
    assert looks.told
    assert looks.told[-1].endswith("2 rules evaluated")
    assert looks.replayed().evaluate() == found
    with pytest.raises(AssertionError, match="1 rules of severity medium failed: 'fail'"):
        probe.test_no_rule_fails_beyond_the_limits(looks.scap, PARAMS)
    probe.test_no_rule_fails_beyond_the_limits(looks.scap, PARAMS | {"accepted_rules": ("fail",)})
    probe.test_no_rule_fails_beyond_the_limits(looks.scap, PARAMS | {"maximum_failures_medium": 1})


@pytest.mark.live
def test_a_tailoring_file_changes_what_is_selected(datastream: Path) -> None:
    tailoring = datastream.with_name("tailoring.xml")
    tailoring.write_text(
        '<Tailoring xmlns="http://checklists.nist.gov/xccdf/1.2" id="xccdf_org.example_tailoring_ours">'
        '<version time="2026-01-01T00:00:00">1</version>'
        '<Profile id="xccdf_org.example_profile_ours" extends="xccdf_org.example_profile_bad"><title>o</title>'
        '<select idref="xccdf_org.example.content_rule_fail" selected="false"/></Profile></Tailoring>'
    )
    profile = "xccdf_org.example_profile_ours"
    looks = Looks(Benchmark(profile, str(datastream), str(tailoring)))
    found = looks.scap.evaluate()
    assert (found["tailoring"], [rule["id"].rpartition("_")[2] for rule in found["rules"]]) == (
        str(tailoring),
        ["pass"],
    )
    probe.test_no_rule_fails_beyond_the_limits(looks.scap, PARAMS)
    assert looks.replayed().evaluate() == found


@pytest.mark.live
def test_a_scan_in_which_no_rule_applied_is_no_pass(datastream: Path) -> None:
    good, nothing = Looks(Benchmark("good", str(datastream))), Looks(Benchmark("nothing", str(datastream)))
    probe.test_no_rule_fails_beyond_the_limits(good.scap, PARAMS)
    with pytest.raises(Indeterminate, match=r"no rule of profile nothing applied \(1 notapplicable"):
        probe.test_no_rule_fails_beyond_the_limits(nothing.scap, PARAMS)


@pytest.mark.live
def test_what_keeps_a_scan_from_being_seen(datastream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(match: str, benchmark: Benchmark) -> None:
        with pytest.raises(ChannelError, match=match):
            Looks(benchmark).scap.evaluate()

    fails("exit status 1", Benchmark("no-such-profile", str(datastream)))
    fails("exit status 1", Benchmark("good", "/nonexistent-ds.xml"))
    words = ("timeout", "-k", "1", "1", "sleep", "60")
    table = known() | {"scap-scan": Command("scap-scan", (*words, "{profile}{datastream}"), root=True)}
    monkeypatch.setattr(scap_channel, "known", lambda: table)
    fails("exit status 1", Benchmark("good", str(datastream)))  # sleep(1) takes no such argument
    hanging = Command("scap-scan", ("timeout", "-k", "1", "1", "sh", "-c", "sleep 60", "{profile}", "{datastream}"))
    monkeypatch.setattr(scap_channel, "known", lambda: table | {"scap-scan": hanging})
    fails("no answer within", Benchmark("good", str(datastream)))
    absent = Command("scap-scan", ("oscap-that-is-not-here", "{profile}", "{datastream}"))
    monkeypatch.setattr(scap_channel, "known", lambda: table | {"scap-scan": absent})
    fails("has no command", Benchmark("good", str(datastream)))


@pytest.mark.parametrize(
    ("release", "wanted"),
    [
        ('ID=debian\nVERSION_ID="13"\n', "debian13"),
        ('ID=ubuntu\nVERSION_ID="22.04"\n', "ubuntu2204"),
        ('ID="rhel"\nVERSION_ID="9.4"\n', "rhel9"),
        ('ID=centos\nVERSION_ID="9"\n', "cs9"),
    ],
)
def test_content_is_picked_by_the_system(release: str, wanted: str) -> None:
    files = [f"/x/ssg-{name}-ds.xml" for name in ("debian12", "debian13", "ubuntu2204", "rhel9", "cs9")]
    assert datastream_for(release, files) == f"/usr/share/xml/scap/ssg/content/ssg-{wanted}-ds.xml"


@pytest.mark.parametrize("release", ["ID=debian\n", "ID=debian\nVERSION_ID=12\n", "", "ID=../x\nVERSION_ID=1\n"])
def test_content_of_another_release_is_not_taken(release: str) -> None:
    with pytest.raises(Indeterminate, match="no SCAP content for"):
        datastream_for(release, ["/x/ssg-debian10-ds.xml", "/x/ssg-debian11-ds.xml", "/x/ssg-../../etc-ds.xml"])


RESULT = (
    '<TestResult xmlns="http://checklists.nist.gov/xccdf/1.2"><profile idref="x_profile_p"/>'
    "{}<score>50</score></TestResult>"
)
ONE = '<rule-result idref="a"><result>{}</result></rule-result>'


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("", "no XML"),
        ("<a>", "no XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "has a DTD"),
        ("<a/>", "holds 0 test results"),
        (f"<a>{RESULT.format('')}{RESULT.format('')}</a>", "holds 2 test results"),
        (RESULT.format("").replace("_profile_p", "_profile_q"), "of profile 'x_profile_q', not of p"),
        (RESULT.format(ONE.format("passed")), "says 'passed'"),
        (RESULT.format(ONE.format("pass").replace('"a"', '"a" severity="huge"')), "says 'huge'"),
        (RESULT.format('<rule-result idref="a"/>'), "gives a rule no result"),
        (RESULT.format("").replace(">50<", ">nan<"), "gives the score 'nan'"),
        ("<a>" * 300 + "</a>" * 300, "deeper or longer"),
    ],
)
def test_odd_results_are_no_evidence(document: str, says: str) -> None:
    assert parse(RESULT.format(ONE.format("pass")).encode(), "p")["counts"] == {"pass": 1}
    with pytest.raises(ChannelError, match=says):
        parse(document.encode(), "p")


@pytest.mark.parametrize("result", ["error", "unknown", "notchecked"])
def test_rules_that_could_not_be_evaluated_are_not_green(result: str) -> None:
    class Fake:
        def evaluate(self) -> Any:
            rules = [{"id": name, "severity": "high", "result": name} for name in ("pass", result)]
            return {"rules": rules, "counts": {"pass": 1, result: 1}, "profile": "p"}

    with pytest.raises(Indeterminate, match=f"1 rules could not be evaluated: '{result}'"):
        probe.test_no_rule_fails_beyond_the_limits(Fake(), PARAMS)
    probe.test_no_rule_fails_beyond_the_limits(Fake(), {**PARAMS, "accepted_rules": (result,)})


def test_without_a_benchmark_nothing_is_run() -> None:
    target = target_at(1)
    with pytest.raises(Indeterminate, match=r"host\.scap"):
        Scap(target, Recorder(), Machine(target, Recorder()), print).evaluate()
