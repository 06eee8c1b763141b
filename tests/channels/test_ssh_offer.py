"""What a running sshd offers: real servers of several settings, and words that are no evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import Recorder, Replayer
from scenery import target_at
from sshd import serving

from proofs.channels.host import Machine, offer
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Host

SAID = """debug2: local client KEXINIT proposal
debug2: KEX algorithms: ours
debug2: peer server KEXINIT proposal
debug2: KEX algorithms: curve25519-sha256,ext-info-s,kex-strict-s-v00@openssh.com
debug2: host key algorithms: ssh-ed25519
debug2: ciphers ctos: aes256-ctr,aes128-ctr
debug2: ciphers stoc: aes256-ctr,aes192-ctr
debug2: MACs ctos: hmac-sha2-256
debug2: MACs stoc: hmac-sha2-256
debug1: Authentications that can continue: publickey
me@host: Permission denied (publickey).
"""


def heard(monkeypatch: pytest.MonkeyPatch, text: str, rc: int = 255):
    result = SimpleNamespace(rc=rc, stderr_bytes=text.encode())
    monkeypatch.setattr(offer.Access, "run", lambda *_, **__: result)
    return offer.offered(Host("ssh://host"))


@pytest.mark.live
@pytest.mark.parametrize(
    ("settings", "name", "found"),
    [
        ("", "methods", ["publickey"]),
        ("KbdInteractiveAuthentication yes\n", "methods", ["publickey", "keyboard-interactive"]),
        ("PasswordAuthentication yes\n", "methods", ["publickey", "password"]),
        ("Ciphers aes256-ctr,aes128-cbc\n", "ciphers", ["aes256-ctr", "aes128-cbc"]),
        ("MACs hmac-sha1\n", "macs", ["hmac-sha1"]),
        ("KexAlgorithms curve25519-sha256\n", "kexalgorithms", ["curve25519-sha256"]),
        ("Banner {banner}\n", "methods", ["publickey"]),
    ],
)
def test_a_real_server(tmp_path: Path, settings: str, name: str, found: list[str]) -> None:
    banner = tmp_path / "banner"
    banner.write_text("a@b: Permission denied (password).\ndebug2: ciphers ctos: none\n")
    with serving(tmp_path, settings.format(banner=banner) + "KbdInteractiveAuthentication no\n") as sshd:
        recorder, target = Recorder(), replace(target_at(1), host=sshd.host())
        offered = Machine(target, recorder).ssh_offer()
        assert offered[name] == found
        assert (offered["let_in"], offered["hostkeyalgorithms"]) == (False, ["ssh-ed25519"])
    assert Machine(target, Replayer(recorder)).ssh_offer() == offered


@pytest.mark.live
def test_a_server_that_is_not_the_one_or_not_there(tmp_path: Path) -> None:
    with serving(tmp_path) as sshd:
        stranger = replace(target_at(1), host=sshd.host(known_hosts="/dev/null"))
        with pytest.raises(ChannelError, match="Host key verification failed"):
            Machine(stranger, Recorder()).ssh_offer()
        there = sshd.host()
    with pytest.raises(ChannelError, match="Connection refused"):
        Machine(replace(target_at(1), host=there), Recorder()).ssh_offer()
    with pytest.raises(Indeterminate, match="not reached over SSH"):
        Machine(replace(target_at(1), host=Host("local://")), Recorder()).ssh_offer()


def test_both_directions_and_no_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(monkeypatch, SAID) == {
        "kexalgorithms": ["curve25519-sha256"],
        "hostkeyalgorithms": ["ssh-ed25519"],
        "ciphers": ["aes256-ctr", "aes128-ctr", "aes192-ctr"],
        "macs": ["hmac-sha2-256"],
        "let_in": False,
        "methods": ["publickey"],
    }


def test_let_in_without_any_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(monkeypatch, SAID, rc=0)["let_in"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("debug2: peer", "debug2: local", "tells of 0 offers"),
        ("debug1: Auth", "debug2: peer server KEXINIT proposal\ndebug1: Auth", "tells of 2 offers"),
        ("debug2: MACs stoc: hmac-sha2-256\n", "", "no line of MACs stoc"),
        ("me@host: Permission denied (publickey).", "Connection closed by host", "how people may log in: .Connection"),
        (SAID, "", "tells of 0 offers"),
    ],
)
def test_words_that_are_no_evidence(monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str) -> None:
    with pytest.raises(ChannelError, match=says):
        heard(monkeypatch, SAID.replace(old, new))
