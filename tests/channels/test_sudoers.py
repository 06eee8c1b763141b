"""The sudoers file that is provided: equal to the list of commands, and what sudo itself makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Recorder
from scenery import target_at
from sshd import Sshd, serving

from proofs.channels.host import Machine, channel
from proofs.channels.host.commands import Command, known
from proofs.channels.host.sudoers import sudoers, table
from proofs.errors import ChannelError

DOCS = Path(__file__).parents[2] / "docs"
ARGUMENTS = {
    "unit": "mysql@1.service",
    "jail": "mysqld-auth",
    "package": "mysql-9.7",
    "pid": "12",
    "address": "2001:db8::7",
    "profile": "xccdf_org.ssgproject.content_profile_standard",
    **dict.fromkeys(("path", "datastream", "tailoring"), "/var/lib/x"),
}
LOOKS = (
    "stat -c %F|%a|%U|%G|%N -- /etc/ssh /etc /",
    "head -c 65536 -- /root/.my.cnf",
    "head -q -c 1048576 /proc/net/tcp /proc/net/tcp6",
    "du -s -m -- /var/lib/mysql",
    "timeout 60 grep -rlaF -e canary+=,:#x -- /var/lib/mysql/",
)
OTHERS = (
    "cat /etc/shadow",
    "cat /proc/1/limits /etc/shadow",
    "cat /proc/1/../../etc/shadow",
    "head -c 1 -- /var/../etc/shadow",
    "head -c 1 -- relative",
    "stat -c x -- /",
    "timeout 60 sh",
    "timeout 60 grep -rlaF -e a -f /x -- /",
    "nft flush ruleset",
    "iptables-save --counters",
    "fail2ban-client stop",
    "fail2ban-client set sshd unbanip 10.0.0.1",
    "fail2ban-client set sshd banip 10.0.0.1",
    "fail2ban-client unban --all",
    "journalctl --vacuum-time=1s",
    "sh",
)


def test_file_provided_is_that_of_the_list() -> None:
    assert (DOCS / "proofs.sudoers").read_text() == sudoers("prover"), "python tools/sudoers.py > docs/proofs.sudoers"


def test_nothing_changes_unless_asked_for() -> None:
    assert "unbanip" not in sudoers("prover")
    first, _, rest = sudoers("prover", bans=True).partition("# Asked for with --bans")
    assert "unbanip" not in first
    assert [line for line in rest.splitlines() if not line.startswith("#")][1:] == [
        "prover ALL=(root) NOPASSWD: ^/usr/s?bin/fail2ban-client$ "
        "^set [A-Za-z0-9][A-Za-z0-9._-]* unbanip [0-9A-Fa-f.:]+$"
    ]


def test_document_names_every_command() -> None:
    text = (DOCS / "hosts.md").read_text()
    assert text[text.index("| What |") :] == table(), "python tools/sudoers.py --table, at the end of docs/hosts.md"


@pytest.mark.parametrize("name", ["", "a b", "ALL ALL", "a\nb", "%wheel", "-x"])
def test_odd_accounts(name: str) -> None:
    with pytest.raises(ValueError, match="no name of an account"):
        sudoers(name)


@pytest.fixture(scope="module")
def account() -> Iterator[str]:
    """An ordinary account of the test's own, with the file in force."""
    if os.geteuid() != 0:
        pytest.skip("only root can add an account and rules for it")
    missing = [each for each in ("sudo", "visudo", "useradd", "setpriv") if shutil.which(each) is None]
    if missing or not Path("/etc/sudoers.d").is_dir():
        pytest.skip(f"not on this machine: {', '.join(missing) or '/etc/sudoers.d'}")
    name = f"proofs-{uuid.uuid4().hex[:8]}"
    rules = Path("/etc/sudoers.d", name)
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", name], check=True)
    try:
        rules.touch(0o440)
        rules.write_text(sudoers(name))
        yield name
    finally:
        rules.unlink(missing_ok=True)
        subprocess.run(["userdel", "--remove", name], check=True, capture_output=True)


def allowed(account: str, argv: list[str]) -> bool:
    """Whether sudo would run it; `--list` runs nothing."""
    who = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    asked = [*who, "sudo", "-n", "-l", "--", *argv]
    return subprocess.run(asked, env=path, cwd="/", capture_output=True, check=False).returncode == 0


@pytest.mark.live
def test_sudo_reads_it(account: str) -> None:
    argv = ["visudo", "-c", "-f", f"/etc/sudoers.d/{account}"]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.live
def test_sudo_allows_the_list_and_nothing_more(account: str) -> None:
    seen = 0
    for command in (each for each in known().values() if each.root and not each.changes and shutil.which(each.argv[0])):
        argv = list(command.filled({kind: ARGUMENTS[kind] for kind in command.placeholders}))
        assert allowed(account, argv), command
        assert not allowed(account, [*argv, "x y"]), command
        seen += 1
    assert seen, "not one program of the list is on this machine"
    for line in LOOKS:
        assert allowed(account, line.split()), line
    for line in OTHERS:
        assert not allowed(account, line.split()), line


@pytest.mark.live
@pytest.mark.skipif(shutil.which("fail2ban-client") is None, reason="sudo knows only programs that are there")
def test_bans_are_lifted_where_that_was_asked_for(account: str) -> None:
    rules = Path("/etc/sudoers.d", account)
    (lifting,) = (each for each in known().values() if each.changes)
    argv = list(lifting.filled({kind: ARGUMENTS[kind] for kind in lifting.placeholders}))
    assert not allowed(account, argv)
    try:
        rules.write_text(sudoers(account, bans=True))
        assert allowed(account, argv)
        for other in ([*argv, "10.0.0.1"], [*argv[:-1], "--all"], [*argv[:-2], "banip", argv[-1]], argv[:-1]):
            assert not allowed(account, other), other
    finally:
        rules.write_text(sudoers(account))


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, account: str) -> Iterator[Sshd]:
    # sshd reads the file with keys as the account that logs in.
    directory = tmp_path_factory.mktemp("sudo")
    for each in (directory, *directory.parents):
        if each.stat().st_uid == 0 and each.is_relative_to(directory.parents[1]):
            each.chmod(0o711)
    with serving(directory) as server:
        (directory / "authorized").chmod(0o644)
        yield server


@pytest.mark.live
def test_an_ordinary_account_over_ssh(
    account: str, sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands = (
        Command("listed", ("cat", "/proc/{pid}/limits"), root=True),
        Command("unlisted", ("id", "-u"), root=True, alone=True),
    )
    monkeypatch.setattr(channel, "known", lambda: {each.name: each for each in commands})
    secret = tmp_path / "secret"
    secret.write_text("text")
    secret.chmod(0o600)
    for sudo in (True, False):
        host = sshd.host(connection=f"ssh://{account}@127.0.0.1:{sshd.port}", sudo=sudo)
        machine = Machine(replace(target_at(1), host=host), Recorder())
        try:
            if sudo:
                assert "Max open files" in machine.command("listed", pid="1").stdout
                assert machine.stat_path(str(secret))[0]["mode"] == "0600"
                assert machine.read_text(str(secret)) == "text"
                assert machine.search(str(tmp_path), "text") == [str(secret)]
                with pytest.raises(ChannelError, match="sudo does not allow it"):
                    machine.command("unlisted")
            else:
                with pytest.raises(ChannelError, match="needs root"):
                    machine.command("listed", pid="1")
        finally:
            machine.close()
