"""Paths with symbolic links on the way."""

from __future__ import annotations

import pytest
from probes.looks import Machine

from proofs.errors import Indeterminate
from proofs.probes.transport.paths import place


def directory(path, mode="0755"):
    return {"path": path, "type": "directory", "mode": mode, "owner": "root", "link": None}


def link(path, to):
    return {"path": path, "type": "symbolic link", "mode": "0777", "owner": "root", "link": to}


def socket(path):
    return {"path": path, "type": "socket", "mode": "0777", "owner": "mysql", "link": None}


@pytest.mark.parametrize("to", ["/run", "../run"])
def test_links_are_followed_and_their_directories_count(to):
    machine = Machine(
        {
            "/var/run/x/s": [
                socket("/var/run/x/s"),
                directory("/var/run/x"),
                link("/var/run", to),
                directory("/var"),
                directory("/"),
            ],
            "/run/x/s": [socket("/run/x/s"), directory("/run/x"), directory("/run"), directory("/")],
        }
    )
    found, directories = place(machine, "/var/run/x/s")
    assert found["path"] == "/run/x/s"
    assert [each["path"] for each in directories] == ["/run/x", "/run", "/", "/var"]


def test_a_link_to_the_file_itself_is_followed():
    machine = Machine(
        {
            "/a/l": [link("/a/l", "f"), directory("/a"), directory("/")],
            "/a/f": [socket("/a/f"), directory("/a"), directory("/")],
        }
    )
    assert place(machine, "/a/l")[0]["path"] == "/a/f"


def test_a_circle_is_in_doubt():
    with pytest.raises(Indeterminate, match="symbolic links"):
        place(Machine({"/a": [link("/a", "/a"), directory("/")]}), "/a")


def test_a_file_on_the_way_is_in_doubt():
    with pytest.raises(Indeterminate, match="no directory"):
        place(Machine({"/a/b": [socket("/a/b"), socket("/a"), directory("/")]}), "/a/b")
