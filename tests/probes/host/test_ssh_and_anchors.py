"""Controls sshd-hardened and audit-anchor-timer, by what sshd 9.2 and 10 and systemctl were seen to answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from probes.looks import Machine, target

from proofs.catalogue.controls import load_catalogue
from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Host
from proofs.probes.host import test_anchor_timer as timer
from proofs.probes.host import test_ssh_server as ssh
from proofs.resources import CONTROLS

PARAMS = {name: p.default for name, p in load_catalogue(CONTROLS).controls["sshd-hardened"].parameters.items()}
NEW = """\
Port 22
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com
Macs hmac-sha2-512-etm@openssh.com
KexAlgorithms mlkem768x25519-sha256,curve25519-sha256
HostKeyAlgorithms ssh-ed25519
"""
SSH_PROBES = (
    lambda m: ssh.test_root_logs_in_as_agreed(m, PARAMS),
    ssh.test_nobody_logs_in_by_password,
    lambda m: ssh.test_only_approved_algorithms(m, PARAMS),
)


def sshd(text=NEW, as_root=None):
    return Machine(commands={"sshd-effective": text, "sshd-effective-root": as_root or text})


@pytest.mark.parametrize("text", [NEW, NEW.lower(), NEW.replace("Login no", "Login without-password")])
def test_hardened(text):
    for probe in SSH_PROBES:
        probe(sshd(text))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("RootLogin no", "RootLogin yes", "PermitRootLogin is 'yes'"),
        ("RootLogin no", "RootLogin \x1b[2J", r"is '\\x1b\[2J'"),
        ("PasswordAuthentication no", "PasswordAuthentication yes", "passwordauthentication is 'yes'"),
        ("KbdInteractiveAuthentication no", "KbdInteractiveAuthentication yes", "kbdinteractiveauth"),
        ("EmptyPasswords no", "EmptyPasswords yes", "permitemptypasswords"),
        ("aes256-gcm@", "3des-cbc,aes256-gcm@", "ciphers has '3des-cbc'"),
        ("Macs ", "Macs hmac-sha1,", "macs has 'hmac-sha1'"),
        ("KexAlgorithms ", "KexAlgorithms diffie-hellman-group1-sha1,", "group1"),
        ("HostKeyAlgorithms ", "HostKeyAlgorithms ssh-rsa,", "ssh-rsa"),
    ],
)
def test_not_hardened(old, new, says):
    def every():
        for probe in SSH_PROBES:
            probe(sshd(NEW.replace(old, new)))

    with pytest.raises(AssertionError, match=says):
        every()


def test_a_match_block_counts():
    text = NEW.replace("PasswordAuthentication no", "PasswordAuthentication yes")
    with pytest.raises(AssertionError, match="sshd-effective-root"):
        ssh.test_nobody_logs_in_by_password(sshd(as_root=text))


@pytest.mark.parametrize("probe", SSH_PROBES)
@pytest.mark.parametrize("text", ["", "nothing of it\n", NEW + NEW])
def test_sshd_unseen(probe, text):
    with pytest.raises(Indeterminate):
        probe(sshd(text))
    with pytest.raises(ChannelError):
        probe(Machine())


BLOCKS = """\
/etc/ssh/sshd_config:3:Include "/etc/ssh/sshd_config.d/*.conf" /etc/crypto-policies/back-ends/opensshserver.config # two
/etc/ssh/sshd_config:9:PermitRootLogin yes
/etc/ssh/sshd_config:99:Match User backup
/etc/ssh/sshd_config:100:    PermitRootLogin without-password
/etc/ssh/sshd_config:101:    passwordauthentication=no # keys only
/etc/ssh/sshd_config.d/a.conf:1:PasswordAuthentication yes
"""
ROOTS = (
    "/etc/ssh/sshd_config.d/b.conf:7:Match Address 10.0.0.0/8\n/etc/ssh/sshd_config.d/b.conf:8:permitrootlogin yes\n"
)
MISSING = "grep: /etc/crypto-policies/back-ends/opensshserver.config: No such file or directory\n"


def blocks(text, errors=MISSING, status=2):
    return Machine(commands={"sshd-blocks": CommandOutput(status, text, errors)})


def test_blocks_that_let_nobody_in():
    ssh.test_no_block_lets_more_in(blocks(BLOCKS), PARAMS)
    ssh.test_no_block_lets_more_in(blocks("", "", 1), PARAMS)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            "/etc/ssh/sshd_config:102:  PasswordAuthentication yes\n",
            "102: for 'User backup' PasswordAuthentication is 'yes'",
        ),
        ('/etc/ssh/sshd_config:102:\tKbdInteractiveAuthentication="yes"\n', "for 'User backup' Kbd"),
        ("/etc/ssh/sshd_config:102:ChallengeResponseAuthentication yes\n", "ChallengeResponse"),
        ("/etc/ssh/sshd_config:102:SkeyAuthentication yes\n", "Skey"),
        (
            '/etc/ssh/x:1:"Match" User dba\n/etc/ssh/x:2:"PasswordAuthentication" "yes" # for now\n',
            "'User dba' Password",
        ),
        (ROOTS, "8: for 'Address 10.0.0.0/8' permitrootlogin is 'yes'"),
        (
            "/etc/ssh/sshd_config:102:Match all\n/etc/ssh/sshd_config:103:PermitEmptyPasswords yes\n",
            "for 'all' PermitEmpty",
        ),
    ],
)
def test_blocks_that_let_somebody_in(more, says):
    with pytest.raises(AssertionError, match=says):
        ssh.test_no_block_lets_more_in(blocks(BLOCKS + more), PARAMS)


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (BLOCKS + "/etc/ssh/sshd_config:102:Include /etc/ssh/sshd_config.d/x.conf\n", MISSING),
        ("/etc/ssh/sshd_config:1:Include /opt/ssh/*.conf\n", MISSING),
        ("/etc/ssh/sshd_config:1:Include /etc/crypto-policies/back-ends/other.config\n", MISSING),
        ("\x1b[2Jfine\n", MISSING),
        ("", MISSING + "grep: /etc/ssh/sshd_config: No such file or directory\n"),
        (BLOCKS, MISSING + "grep: /etc/ssh/sshd_config.d/a.conf: Permission denied\n"),
    ],
)
def test_blocks_unseen(text, errors):
    with pytest.raises(Indeterminate):
        ssh.test_no_block_lets_more_in(blocks(text, errors), PARAMS)


OFFER = {
    "kexalgorithms": ["curve25519-sha256"],
    "hostkeyalgorithms": ["ssh-ed25519"],
    "ciphers": ["aes256-ctr"],
    "macs": ["hmac-sha2-512-etm@openssh.com"],
    "let_in": False,
    "methods": ["publickey"],
}


def test_the_running_server_offers_what_it_may():
    ssh.test_running_server_offers_no_more(Machine(offer=OFFER), PARAMS)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"let_in": True, "methods": []}, "without any proof"),
        ({"methods": ["publickey", "password"]}, "log in by password"),
        ({"methods": ["keyboard-interactive"]}, "log in by keyboard-interactive"),
        ({"ciphers": ["aes256-ctr", "aes128-cbc"]}, "offers of ciphers: 'aes128-cbc'"),
        ({"macs": ["hmac-sha1"]}, "hmac-sha1"),
        ({"kexalgorithms": ["diffie-hellman-group1-sha1"]}, "group1"),
        ({"hostkeyalgorithms": ["ssh-rsa", "ssh-ed25519"]}, "'ssh-rsa'"),
    ],
)
def test_the_running_server_offers_more(changes, says):
    with pytest.raises(AssertionError, match=says):
        ssh.test_running_server_offers_no_more(Machine(offer=OFFER | changes), PARAMS)


NOW = datetime(2026, 11, 23, 5, 42, 30, tzinfo=UTC)
WHERE = target(host=Host("ssh://h", anchor_timer="audit-anchor.timer"))
TIMER = (
    "Id=audit-anchor.timer\nLoadState=loaded\nActiveState=active\nSubState=waiting\nUnitFileState=enabled\n"
    "Unit=audit-anchor.service\nLastTriggerUSec=Mon 2026-11-23 05:41:00 UTC\nResult=success\n"
)
SERVICE = (
    "Id=audit-anchor.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=static\n"
    "Result=success\nExecMainStartTimestamp=Mon 2026-11-23 05:41:00 UTC\nExecMainStatus=0\n"
)


def look(shown=TIMER, service=SERVICE, where=WHERE):
    units = {"audit-anchor.timer": shown, "audit-anchor.service": service}
    machine = Machine(commands={"unit": units, "clock": f"{int(NOW.timestamp())}\n"})
    timer.test_timer_runs_now_and_at_boot(machine, where)
    timer.test_last_run_was_recent(machine, where, {"max_age_s": 180})
    timer.test_last_run_succeeded(machine, where, {"max_age_s": 180})


def test_anchors_are_taken():
    look()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("=enabled", "=disabled", "not started at boot"),
        ("=active", "=inactive", "is inactive"),
        ("05:41:00", "05:31:00", "ran 690 s ago"),
        ("05:41:00", "06:41:00", "in the future"),
        ("Mon 2026-11-23 05:41:00 UTC", "", "has not run since the boot"),
        ("LoadState=loaded", "LoadState=not-found", "not-found"),
    ],
)
def test_timer_is_not_well(old, new, says):
    with pytest.raises(AssertionError, match=says):
        look(TIMER.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Result=success", "Result=exit-code", "ended with 'exit-code'"),
        ("Status=0", "Status=0\nConditionResult=no", "is skipped"),
        ("05:41:00", "05:31:00", "last ran 600 s before"),
        ("Status=0", "Status=1", "exit status '1'"),
        ("Mon 2026-11-23 05:41:00 UTC", "", "has not run"),
    ],
)
def test_last_run_failed(old, new, says):
    with pytest.raises(AssertionError, match=says):
        look(service=SERVICE.replace(old, new))


@pytest.mark.parametrize("shown", ["", TIMER.replace("UTC", "CET"), TIMER.replace("Unit=audit-anchor.service\n", "")])
def test_timer_unseen(shown):
    with pytest.raises(Indeterminate):
        look(shown)


def test_timer_unnamed():
    with pytest.raises(Indeterminate, match=r"host\.anchor_timer"):
        look(where=target(host=Host("ssh://h")))
