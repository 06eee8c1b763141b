"""Which archive a server is fetched from, told from apt's configuration alone: no network."""

import pytest

from proofs.errors import ConfigurationError
from proofs.lab import archive
from proofs.lab.archive import Source

DEBIAN = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
UBUNTU = {"ID": "ubuntu", "VERSION_CODENAME": "noble"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

DEB822 = f"""\
Types: deb
# a comment inside the stanza
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: {KEYRING}

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: {KEYRING}

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://vendor.example/apt
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://a.example/debian bookworm main # ours
deb http://b.example/debian bookworm-security main contrib
deb-src http://c.example/debian bookworm main
deb https://packages.example/apt cloud-sdk-bookworm main
"""


def test_deb822_stanzas_give_one_source_per_address_and_suite():
    assert archive.parse_deb822(DEB822) == [
        Source("http://mirror.example/debian", "bookworm", ("main", "contrib"), KEYRING),
        Source("http://mirror.example/debian", "bookworm-updates", ("main", "contrib"), KEYRING),
        Source("http://mirror.example/debian-security", "bookworm-security", ("main",), KEYRING),
        Source("https://vendor.example/apt", "bookworm", ("main",), None),
    ]


def test_one_line_sources_with_options_and_comments():
    assert archive.parse_list(ONE_LINE) == [
        Source("http://a.example/debian", "bookworm", ("main",), KEYRING),
        Source("http://b.example/debian", "bookworm-security", ("main", "contrib")),
        Source("https://packages.example/apt", "cloud-sdk-bookworm", ("main",)),
    ]


def test_both_kinds_of_file_are_read(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.example/debian bookworm main\n")
    (tmp_path / "sources.list.d" / "more.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "ignored.save").write_text("deb http://no.example/debian bookworm main\n")
    uris = [source.uri for source in archive.machine_sources(tmp_path)]
    assert uris[0] == "http://a.example/debian"
    assert len(uris) == 5


def test_only_the_distribution_s_own_archive_is_asked():
    found = archive.distribution_sources(archive.parse_deb822(DEB822) + archive.parse_list(ONE_LINE), DEBIAN)
    assert {source.uri for source in found} == {
        "http://mirror.example/debian",
        "http://mirror.example/debian-security",
        "http://a.example/debian",
    }


def test_without_key_files_the_address_must_name_the_distribution():
    sources = archive.parse_list(
        "deb http://a.example/debian bookworm main\ndeb http://b.example/other bookworm main\n"
    )
    assert [s.uri for s in archive.distribution_sources(sources, DEBIAN)] == ["http://a.example/debian"]


def test_debian_has_mysql_in_sid_of_the_same_mirror_with_the_same_key():
    found = archive.wanted_sources("mysql", archive.parse_deb822(DEB822), DEBIAN)
    assert [s.line() for s in found] == [f"deb [signed-by={KEYRING}] http://mirror.example/debian sid main"]


def test_debian_has_mariadb_in_its_own_suites():
    found = archive.wanted_sources("mariadb", archive.parse_deb822(DEB822), DEBIAN)
    assert [s.suite for s in found] == ["bookworm", "bookworm-updates", "bookworm-security"]


def test_ubuntu_has_both_in_its_own_suites():
    keyring = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
    text = (
        "Types: deb\nURIs: http://mirror.example/ubuntu\nSuites: noble noble-updates\n"
        f"Components: main universe\nSigned-By: {keyring}\n"
    )
    for engine in ("mysql", "mariadb"):
        found = archive.wanted_sources(engine, archive.parse_deb822(text), UBUNTU)
        assert [s.suite for s in found] == ["noble", "noble-updates"]


@pytest.mark.parametrize(("engine", "words"), [("mysql", "mysql-server"), ("mariadb", "mariadb-server")])
def test_a_machine_without_apt_is_told_what_to_install(engine, words, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError) as caught:
        archive.unpack(engine, tmp_path / "into")
    assert f"install the package {words}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_distribution_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(archive, "machine_sources", list)
    monkeypatch.setattr(archive.shutil, "which", lambda tool: f"/bin/{tool}")
    with pytest.raises(ConfigurationError, match="apt knows no archive of this distribution: install the package"):
        archive.unpack("mysql", tmp_path / "into")
