from __future__ import annotations

import os
import pwd
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Recorder, Replayer
from scenery import target_at

from proofs.channels.host import Machine
from proofs.channels.host.channel import listening_sockets
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Host

TARGET = replace(target_at(1), host=Host("local://"))


def test_stat_walks_up(tmp_path: Path) -> None:
    directory = tmp_path / "with space; $(touch x) 'quoted'"
    directory.mkdir(mode=0o750)
    key = directory / "server.key"
    key.write_text("k")
    key.chmod(0o600)
    link = directory / "link -> odd"
    link.symlink_to(key)
    recorder = Recorder()
    entries = Machine(TARGET, recorder).stat_path(str(key))
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert entries[0] == {
        "path": str(key),
        "type": "regular file",
        "mode": "0600",
        "owner": me,
        "group": entries[0]["group"],
        "link": None,
    }
    assert [e["path"] for e in entries] == [str(key), *map(str, key.parents)]
    assert (entries[1]["type"], entries[1]["mode"]) == ("directory", "0750")
    assert Machine(TARGET, Replayer(recorder)).stat_path(str(key)) == entries
    seen = Machine(TARGET, Recorder()).stat_path(str(link))[0]
    assert (seen["type"], seen["link"]) == ("symbolic link", str(key))


def test_read_text_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "-n"
    file.write_text("abcdef" * 100)
    host = Machine(TARGET, Recorder())
    assert host.read_text(str(file), limit=7) == "abcdefa"
    assert host.read_text(str(file)) == "abcdef" * 100


def test_listening() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert {"address": "127.0.0.1", "port": port} in Machine(TARGET, Recorder()).listening()
    assert port not in [s["port"] for s in Machine(TARGET, Recorder()).listening()]


def test_listening_is_decoded() -> None:
    text = (
        "  sl  local_address rem_address   st tx_queue\n"
        "   0: 0100007F:0CEA 00000000:0000 0A 0\n"
        "   1: 0200000A:0CEB 0300000A:1234 01 0\n"
        "   2: 00000000000000000000000001000000:80E8 00000000000000000000000000000000:0000 0A 0\n"
        "   3: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0\n"
    )
    assert listening_sockets(text) == [
        {"address": "127.0.0.1", "port": 3306},
        {"address": "2001:db8::1", "port": 22},
        {"address": "::1", "port": 33000},
    ]


def test_what_cannot_be_seen_is_no_evidence(tmp_path: Path) -> None:
    host = Machine(TARGET, Recorder())
    with pytest.raises(ChannelError, match="No such file"):
        host.stat_path(str(tmp_path / "absent"))
    with pytest.raises(ChannelError, match="not an absolute path"):
        host.stat_path("relative")
    with pytest.raises(ChannelError, match="exit status"):
        host.read_text(str(tmp_path))
    with pytest.raises(ChannelError, match="the host has no command no-such-program, so nothing was seen"):
        host._look("no-such-program")


def test_looks_are_made_in_a_fixed_locale_and_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Karachi")
    assert Machine(TARGET, Recorder())._look("printenv", "LC_ALL", "TZ") == "C\nUTC\n"


def test_files_seen_after_a_restart_are_no_evidence(tmp_path: Path) -> None:
    host = Machine(TARGET, Recorder())
    host.stat_path("/")
    host.same_boot()
    host._boot = "of another boot"
    for look in (host.same_boot, host.listening, lambda: host.stat_path(str(tmp_path))):
        with pytest.raises(ChannelError, match="the host was restarted meanwhile"):
            look()


def test_no_host_access() -> None:
    host = Machine(target_at(1), Recorder())
    for ask in (host.listening, lambda: host.stat_path("/"), lambda: host.read_text("/etc/hostname")):
        with pytest.raises(Indeterminate, match="names no host access"):
            ask()


def test_unknown_kind_of_host() -> None:
    with pytest.raises(ChannelError, match="no access to the host"):
        Machine(replace(TARGET, host=Host("nonsense://x")), Recorder()).listening()
