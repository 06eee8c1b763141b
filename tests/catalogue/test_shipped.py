"""The catalogue this project ships."""

from __future__ import annotations

import re
from datetime import date

import pytest

from proofs.catalogue import load_catalogue, scope
from proofs.catalogue.support import at_least, days_left, find_series
from proofs.resources import CONTROLS

FRAMEWORKS = {
    "nist-800-53r5": r"[A-Z]{2}-\d+(\(\d+\))?",
    "nist-800-53r5-judged": r"[A-Z]{2}-\d+(\(\d+\))?",
    "cci": r"CCI-\d{6}",
    "stig-mysql-8.0": r"SV-\d{6} / MYS8-00-\d{6}",
    "stig-mariadb-10.x": r"SV-\d{6} / MADB-10-\d{6}",
    "stig-ubuntu-22.04": r"UBTU-22-\d{6}",
    "cis-mysql-8.0": r"\d+\.\d+",
    "cis-mysql-8.4": r"\d+\.\d+",
    "cis-mariadb-10.11": r"\d+\.\d+",
    "dev-sec-mysql-baseline": r"mysql-(conf|db)-\d\d[a-z]?",
}


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(CONTROLS)


def test_counts_and_surfaces(catalogue):
    surfaces = [control.surface for control in catalogue.controls.values()]
    assert {name: surfaces.count(name) for name in surfaces} == {
        "certificates": 4,
        "transport": 6,
        "identity": 13,
        "hardening": 8,
        "privileges": 8,
        "tenancy": 6,
        "audit": 12,
        "data_protection": 1,
        "host": sum(name == "host" for name in surfaces),
    }
    assert set(catalogue.profiles["zero-trust-host-benchmark"].controls) == set(catalogue.controls)
    assert set(catalogue.controls) - set(catalogue.profiles["zero-trust-host"].controls) == {"scap-benchmark-passed"}
    server = catalogue.profiles["zero-trust-mysql"].controls
    assert set(server) == {name for name, control in catalogue.controls.items() if control.surface != "host"}
    # It restarts labs: nothing may be looked at after it that was set at run time.
    assert server[-1] == "tenant-context-dies-with-session"
    assert set(catalogue.profiles["baseline"].controls) < set(catalogue.controls)


def test_mappings_have_the_form_of_their_framework(catalogue):
    for control in catalogue.controls.values():
        for framework, ids in control.mappings.items():
            for name in ids:
                assert re.fullmatch(FRAMEWORKS[framework], name), (control.id, framework, name)


def test_every_control_says_how_to_mend_it(catalogue):
    for control in catalogue.controls.values():
        assert control.references, control.id
        assert len(control.remediation) > 60, control.id
        assert 1 <= len(control.probes) <= 10, control.id


def test_scope_by_engine(catalogue):
    assert len(scope(catalogue, "zero-trust-mysql", "mysql").in_scope) == 58
    mariadb = scope(catalogue, "zero-trust-mysql", "mariadb")
    server = {name for name in mariadb.excluded if catalogue.controls[name].surface != "host"}
    assert server == {"tls13-ciphersuites-pinned", "x-protocol-closed"}
    assert mariadb.excluded["x-protocol-closed"] == "it applies to mysql, the target is mariadb"
    assert "profile baseline does not select it" in scope(catalogue, "baseline", "mysql").excluded["crl-enforced"]


@pytest.mark.parametrize(
    ("version", "engine", "supported"),
    [
        ("9.7.4", "mysql", True),
        ("8.4.13-0ubuntu0.24.04.1", "mysql", True),
        ("10.11.19-MariaDB-0+deb12u1", "mariadb", True),
        ("8.0.46", "mysql", False),
        ("9.6.1", "mysql", False),
        ("10.6.27-MariaDB", "mariadb", False),
    ],
)
def test_support_on_a_day_of_2026(catalogue, version, engine, supported):
    row = find_series(catalogue, version, engine)
    assert row is not None
    assert (days_left(row, date(2026, 11, 22)) > 0) is supported
    if row.minimum:
        assert at_least(version, row.minimum, engine)


def test_unknown_series_are_not_found(catalogue):
    assert find_series(catalogue, "26.10.0", "mysql") is None
    assert find_series(catalogue, "10.11.19-MariaDB", "mysql") is None
