"""Version strings as servers spell them, and the dates of the table."""

from __future__ import annotations

from datetime import date

import pytest

from proofs.catalogue import load_catalogue
from proofs.catalogue.support import (
    at_least,
    days_left,
    engine_of,
    find_series,
    release_of,
    series_of,
    table_age_days,
)


@pytest.mark.parametrize(
    ("version", "engine", "release", "series"),
    [
        ("9.7.4", "mysql", (9, 7, 4), "9.7"),
        ("8.4.9-0ubuntu0.24.04.1", "mysql", (8, 4, 9), "8.4"),
        ("8.0.36-28.1", "mysql", (8, 0, 36), "8.0"),
        ("26.10.0", "mysql", (26, 10, 0), "26.10"),
        ("10.11.19-MariaDB-0+deb12u1", "mariadb", (10, 11, 19), "10.11"),
        ("5.5.5-10.11.19-MariaDB", "mariadb", (10, 11, 19), "10.11"),
        ("8.4", "mysql", (8, 4), "8.4"),
        ("<script>", "mysql", None, None),
        ("", "mysql", None, None),
        ("version 8.4.1", "mysql", None, None),
    ],
)
def test_versions(version, engine, release, series):
    assert release_of(version, engine) == release
    assert series_of(version, engine) == series


def test_engine_by_its_name():
    assert engine_of("10.11.19-MariaDB-log") == "mariadb"
    assert engine_of("9.7.4") == "mysql"


@pytest.mark.parametrize(
    ("version", "minimum", "expected"),
    [
        ("8.4.9", "8.4.9", True),
        ("8.4.10", "8.4.9", True),
        ("8.4.8", "8.4.9", False),
        ("8.4", "8.4.0", True),
        ("9.0.0", "8.4.9", True),
        ("nonsense", "8.4.9", None),
        ("8.4.9", "nonsense", None),
    ],
)
def test_at_least(version, minimum, expected):
    assert at_least(version, minimum, "mysql") is expected


def test_days_and_age(catalogue_data, write):
    catalogue = load_catalogue(write("controls.yaml", catalogue_data))
    row = find_series(catalogue, "8.4.3", "mysql")
    assert days_left(row, date(2032, 4, 30)) == 0
    assert days_left(row, date(2032, 5, 1)) == -1
    assert table_age_days(catalogue, date(2026, 1, 31)) == 30
    assert table_age_days(catalogue, date(2025, 12, 31)) == -1
