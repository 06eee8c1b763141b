"""A small valid catalogue and inventory, to be bent by the tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

CATALOGUE: dict[str, Any] = {
    "version": 1,
    "support_table": {
        "as_of": "2026-01-01",
        "series": [
            {
                "engine": "mysql",
                "series": "8.4",
                "end_of_life": "2032-04-30",
                "minimum": "8.4.3",
                "source": "a page somewhere",
            },
            {"engine": "mariadb", "series": "10.11", "end_of_life": "2028-02-16", "source": "a page somewhere"},
        ],
    },
    "controls": [
        {
            "id": "first",
            "title": "First",
            "statement": "The first must hold.",
            "rationale": "Because it comes first.",
            "severity": "high",
            "surface": "transport",
            "engines": ["mysql", "mariadb"],
            "mappings": {"nist-800-53r5": ["SC-8"], "cis-mysql-8.0": ["8.1"]},
            "parameters": {
                "limit": {"type": "integer", "default": 5, "description": "A limit of it."},
                "words": {"type": "string-list", "default": ["a"], "description": "Words of it."},
                "least": {"type": "string-map", "default": {}, "description": "A map of it."},
            },
            "probes": ["transport/test_first.py::test_one", "transport/test_first.py::test_two"],
            "remediation": "Mend the first one.",
        },
        {
            "id": "second",
            "title": "Second",
            "statement": "The second must hold.",
            "rationale": "Because it comes second.",
            "severity": "low",
            "surface": "identity",
            "engines": ["mysql"],
            "mappings": {"cci": ["CCI-000001"]},
            "probes": ["identity/test_second.py::test_one"],
            "remediation": "Mend the second one.",
        },
    ],
    "profiles": [
        {"id": "all", "title": "All", "controls": ["first", "second"], "parameters": {"first": {"limit": 3}}},
        {"id": "some", "title": "Some", "controls": ["first"]},
    ],
}


@pytest.fixture
def catalogue_data() -> dict[str, Any]:
    return copy.deepcopy(CATALOGUE)


@pytest.fixture
def inventory_data(tmp_path: Path) -> dict[str, Any]:
    """One complete target whose files exist."""
    pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
    for name in ("ca.pem", "crl.pem", "inspector.pem", "inspector.key", "rogue.pem", "rogue.key"):
        (tmp_path / name).write_text(pem)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "port").write_text("3307\n")
    (tmp_path / "pw").write_text("s3cret-value\n")
    (tmp_path / "pw").chmod(0o600)
    (tmp_path / "client.cnf").write_text("[client]\n")
    return {
        "version": 1,
        "groups": {"all": ["one"]},
        "targets": {
            "one": {
                "engine": "mysql",
                "profile": "all",
                "lab": "mysql",
                "database": {
                    "host": "127.0.0.1",
                    "port": {"file": "${lab}/port"},
                    "server_name": "db.example",
                    "ca": "${lab}/ca.pem",
                    "crl": "crl.pem",
                    "socket": "/run/db.sock",
                    "admin": {"port": 33062},
                    "x": {"host": "127.0.0.3", "port": 33061},
                },
                "identities": {
                    "inspector": {
                        "user": "inspector",
                        "host": "127.0.0.1",
                        "password": {"file": "pw"},
                        "certificate": "inspector.pem",
                        "key": "inspector.key",
                    },
                    "operator": {"user": "root", "host": "localhost", "via": "socket"},
                },
                "certificates": {"rogue": {"certificate": "rogue.pem", "key": "rogue.key"}},
                "vantages": {"outside": {"source_address": "127.0.0.2"}},
                "clients": [{"path": "client.cnf"}],
                "host": "local://",
                "schema": "shop",
                "names": {"routine": "r"},
                "parameters": {"first": {"limit": 7, "words": ["x", "y"]}},
                "allow_canary_writes": True,
                "allow_ban_probe": True,
                "ban_vantage": "outside",
                "connect_timeout_s": 2,
            }
        },
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write data as YAML, one key a line, and give its path."""

    def write_file(name: str, data: Any) -> Path:
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False, width=10_000))
        return path

    return write_file


def _bend(data: Any, path: tuple[Any, ...], value: Any) -> None:
    *way, last = path
    for step in way:
        data = data[step]
    if value is ...:
        del data[last]
    else:
        data[last] = value


def _leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(data, dict | list):
        for step in data if isinstance(data, dict) else range(len(data)):
            yield (*path, step)
            yield from _leaves(data[step], (*path, step))


@pytest.fixture
def bend() -> Callable[[Any, tuple[Any, ...], Any], None]:
    """Set (or, with ..., delete) what is at a path."""
    return _bend


@pytest.fixture
def leaves() -> Callable[[Any], Iterator[tuple[Any, ...]]]:
    """Every path in a document."""
    return _leaves


@pytest.fixture
def anything() -> st.SearchStrategy[Any]:
    """Any value that YAML and JSON can hold."""
    scalar = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
    scalar |= st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(
        scalar,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )
