"""Control no-credential-exposure: the patterns of its commands on real files, and its verdicts."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from probes.looks import Machine, Sql

from proofs.channels.host.commands import known
from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.probes.host import test_secrets as probes

SECRET = "c0rrect-horse"


def grep(command: str, content: str) -> list[str]:
    """What the grep(1) of a command prints of a file, without the file's name."""
    argv = known()[command].argv
    words = argv[argv.index("-exec") + 1 : argv.index("{}")]
    result = subprocess.run(
        [*words, "-"],
        input=content.encode(),
        capture_output=True,
        check=False,
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
    )
    assert result.returncode in (0, 1), result.stderr
    text = result.stdout.decode()
    assert SECRET not in text
    return [line.removeprefix("(standard input):") for line in text.replace("\0", "\n").splitlines()]


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["/usr/sbin/mysqld"], ["/usr/sbin/mysqld"]),
        (["mysql", f"-p{SECRET}"], ["mysql", "-p"]),
        (["mysql", "-p"], ["mysql"]),
        (["x", f"--password={SECRET}"], ["--password="]),
        (["x", f"--db-token={SECRET}", "--password-file=/x"], ["--db-token="]),
        (["x", "-e", f"CREATE USER a IDENTIFIED BY '{SECRET}'"], ["IDENTIFIED BY"]),
        (["x", f"mysql://app:{SECRET}@db/x"], ["mysql://app:"]),
        (["sshd: someone", "--port=3306", "https://host/path:1"], []),
    ],
)
def test_arguments(arguments, seen):
    assert grep("process-arguments", "".join(f"{word}\0" for word in arguments)) == seen


def test_variables():
    secrets = f"MYSQL_PWD={SECRET}\0X=a\nDB_PASSWORD=b\0aws_secret_access_key={SECRET}\0"
    text = f"PATH=/bin\0{secrets}X_PASSWORD_FILE=/x\0T_TOKEN=\0"
    assert grep("process-variables", text) == ["PATH", "MYSQL_PWD", "aws_secret_access_key"]


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (f"Environment=MYSQL_PWD={SECRET}", "MYSQL_PWD="),
        (f'Environment="A=b" "DB_PASSWORD={SECRET}"', "DB_PASSWORD="),
        (f"ExecStart=/usr/bin/x --password={SECRET} -v", "--password="),
        (f"ExecStart=/usr/bin/x --api-key --apikey='{SECRET}'", "--apikey="),
        ("ExecStart=/usr/bin/x --password=${PASSWORD}", None),
        ("Environment=DB_PASSWORD=$ecret-word", "DB_PASSWORD="),
        ("Environment=PASSWORD_FILE=%d/password", None),
        (f"#Environment=MYSQL_PWD={SECRET}", None),
        ("LoadCredential=password:/etc/x", None),
    ],
)
def test_units(line, seen):
    assert grep("unit-secrets", f"[Service]\n{line}\n") == ([f"2:{seen}"] if seen else [])


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (f"password={SECRET}", "password="),
        (f"  password = '{SECRET}'", "password ="),
        (f"report-password={SECRET}", "report-password="),
        (f"password1={SECRET}", "password1="),
        ("password=", None),
        ("password", None),
        (f"; password={SECRET}", None),
        ("default_password_lifetime = 90", None),
        ("validate_password.length = 14", None),
        ("validate-password=FORCE_PLUS_PERMANENT", None),
        ("ssl_key=/etc/mysql/key.pem", None),
    ],
)
def test_options(line, seen):
    assert grep("option-file-secrets", f"[client]\n{line}\n") == ([f"2:{seen}"] if seen else [])


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (f"mysql -u root -p{SECRET} db", "-p"),
        (f"sudo mysqldump --all -p{SECRET}", "-p"),
        (f"MYSQL_PWD={SECRET} mysql", "MYSQL_PWD="),
        (f"curl --token={SECRET} x", "--token="),
        (f"ALTER\\040USER\\040a\\040IDENTIFIED\\040BY\\040'{SECRET}';", "IDENTIFIED\\040BY"),
        (f"create user a identified with sha256_password by '{SECRET}'", "identified with sha256_password by"),
        ("mysql -u root -p db", None),
        ("mkdir -pv x; ls -p", None),
    ],
)
def test_histories(line, seen):
    assert grep("history-secrets", f"{line}\n") == ([f"1:{seen}"] if seen else [])


SS = 'tcp LISTEN 0 151 *:3306 *:* users:(("mysqld",pid=412,fd=21))\n'
SOUND: dict[str, Any] = {
    "sockets": SS,
    "process-arguments": "/proc/412/cmdline:/usr/sbin/mysqld\0",
    "process-variables": "/proc/1/environ:PATH\0/proc/412/environ:PATH\0",
    "unit-secrets": "644|20|root|/etc/systemd/system/mysql.service.d/x.conf\n",
    "option-file-secrets": "600|300|root|/root/.my.cnf\n/root/.my.cnf:2:password=\n",
    "profile-secrets": "644|769|root|/etc/profile\n",
    "history-secrets": "600|9|root|/root/.bash_history\n",
}
ALL = [value for name, value in vars(probes).items() if name.startswith("test_")]

ONE_EACH = ("process-arguments", "process-variables", "unit-secrets", "option-file-secrets", "history-secrets")


def prove(probe, **changes):
    values = {
        "machine": Machine(commands={**SOUND, **changes}),
        "sql": Sql(variables={"port": "3306"}),
        "params": {"max_mode": "0640", "accepted_variables": ("AN_TOKEN",)},
    }
    probe(**{name: values[name] for name in probe.__code__.co_varnames[: probe.__code__.co_argcount]})


@pytest.mark.parametrize("probe", ALL)
def test_a_sound_host(probe):
    prove(probe)


def test_what_is_accepted():
    more = SOUND["process-variables"] + "/proc/9/environ:AN_TOKEN\0"
    prove(probes.test_no_secret_in_environments, **{"process-variables": more})
    of_another = SOUND["process-arguments"] + "/proc/9/cmdline:-p\0"
    prove(probes.test_no_secret_in_process_arguments, **{"process-arguments": of_another})


@pytest.mark.parametrize(
    ("probe", "command", "more", "says"),
    [
        (ALL[0], "process-arguments", "/proc/9/cmdline:mysql\0/proc/9/cmdline:-p\0", "process 9 .'-p'"),
        (ALL[0], "process-arguments", "/proc/9/cmdline:--password=\0", "process 9"),
        (ALL[1], "process-variables", "/proc/9/environ:MYSQL_PWD\0", "'MYSQL_PWD'"),
        (ALL[2], "unit-secrets", "/etc/systemd/system/mysql.service.d/x.conf:2:MYSQL_PWD=\n", "x.conf' line 2"),
        (ALL[3], "option-file-secrets", "644|9|root|/etc/mysql/a.cnf\n/etc/mysql/a.cnf:7:password=\n", "line 7 .*0644"),
        (ALL[3], "profile-secrets", "600|9|root|/root/.bashrc\n/root/.bashrc:7:MYSQL_PWD=\n", ".bashrc"),
        (ALL[4], "history-secrets", "/root/.bash_history:1:-p\n", "line 1"),
        (ALL[4], "history-secrets", "600|12|root|/root/.mysql_history\n", "keep a history"),
    ],
)
def test_findings(probe, command, more, says):
    with pytest.raises(AssertionError, match=says):
        prove(probe, **{command: SOUND[command] + more})


@pytest.mark.parametrize(
    ("probe", "command", "answer"),
    [
        (ALL[0], "process-arguments", ""),
        (ALL[0], "process-arguments", "\x1b[2Jall well\0"),
        (ALL[1], "process-variables", "/proc/1/environ:PATH\0"),
        (ALL[2], "unit-secrets", ""),
        (ALL[2], "unit-secrets", "/not/listed:1:MYSQL_PWD=\n"),
        (ALL[2], "unit-secrets", "nonsense\n"),
        (ALL[2], "unit-secrets", CommandOutput(1, SOUND["unit-secrets"], "grep: /etc/x: Permission denied\n")),
        (ALL[2], "unit-secrets", CommandOutput(1, SOUND["unit-secrets"], "find: 'grep': No such file or directory\n")),
        (ALL[3], "profile-secrets", ""),
        (ALL[4], "history-secrets", CommandOutput(1, "", "x" * 4096)),
        *((probe, name, ChannelError("refused")) for probe, name in zip(ALL, ONE_EACH, strict=True)),
    ],
)
def test_what_is_no_evidence(probe, command, answer):
    with pytest.raises((Indeterminate, ChannelError)):
        prove(probe, **{command: answer})


def test_files_that_went_away_are_no_trouble():
    gone = CommandOutput(1, SOUND["unit-secrets"], "find: '/etc/crontab': No such file or directory\n")
    prove(ALL[2], **{"unit-secrets": gone})
