"""Which program is taken for which engine."""

import sys
from pathlib import Path

import pytest

from proofs.errors import ConfigurationError
from proofs.lab import engines

MYSQL = "/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"
MARIADB = "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"


def program(directory: Path, name: str, version: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [(MYSQL, ("mysql", "9.7.4")), (MARIADB, ("mariadb", "10.11.19")), ("bash, version 5", None), ("", None)],
)
def test_version_lines(text, expected):
    assert engines.parse_version(text) == expected


def test_a_named_program_is_taken(monkeypatch, tmp_path):
    path = program(tmp_path, "my-own-server", MYSQL)
    monkeypatch.setenv("PROOFS_MYSQLD", str(path))
    server = engines.find("mysql")
    assert (server.command, server.version, server.unpacked) == ((str(path),), "9.7.4", False)


def test_a_named_program_of_the_other_engine_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PROOFS_MYSQLD", str(program(tmp_path, "mysqld", MARIADB)))
    with pytest.raises(ConfigurationError, match="does not tell of a mysql server, but: mysqld  Ver"):
        engines.find("mysql")


def test_a_named_program_that_is_not_there_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PROOFS_MARIADBD", str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match=r"PROOFS_MARIADBD: .*nothing is not a program"):
        engines.find("mariadb")


def test_an_installed_mysqld_that_is_mariadb_serves_mariadb_only(monkeypatch, tmp_path):
    path = program(tmp_path, "mysqld", MARIADB)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(engines, "_SBIN", ())
    monkeypatch.setattr(engines, "_unpacked", lambda engine: f"unpacked {engine}")
    for variable in engines.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    assert engines.find("mariadb").command == (str(path),)
    assert engines.find("mysql") == "unpacked mysql"


def test_a_confined_program_is_started_by_its_loader(monkeypatch, tmp_path):
    path = program(tmp_path, "mysqld", MYSQL)
    profile = str(path).lstrip("/").replace("/", ".")
    (tmp_path / profile).touch()
    monkeypatch.setattr(engines, "APPARMOR", tmp_path)
    monkeypatch.setattr(engines, "interpreter", lambda program: "/lib/ld.so")
    monkeypatch.setenv("PROOFS_MYSQLD", str(path))
    assert engines.find("mysql").command == ("/lib/ld.so", str(path))


def test_the_loader_of_a_program_is_read_from_it(tmp_path):
    loader = engines.interpreter(Path(sys.executable).resolve())
    assert loader is None or Path(loader).is_file()
    script = program(tmp_path, "script", "")
    assert engines.interpreter(script) is None


def test_the_cache_is_outside_the_repository(monkeypatch, tmp_path):
    monkeypatch.setattr(engines.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert engines.cache_directory() == tmp_path / "proof-of-controls"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert engines.cache_directory() == Path("/home/somebody/.cache/proof-of-controls")
    monkeypatch.setattr(engines.os, "geteuid", lambda: 0)
    assert engines.cache_directory() == Path("/var/cache/proof-of-controls")
