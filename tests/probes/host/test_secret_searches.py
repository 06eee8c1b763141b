"""Control no-credential-exposure: the patterns of its commands on real files, and its verdicts."""

from __future__ import annotations

import os
import shlex
import string
import subprocess
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from probes.looks import Machine, Sql

from proofs.channels.host.commands import known, secrets
from proofs.channels.host.output import CommandOutput
from proofs.channels.host.script import script
from proofs.errors import ChannelError, Indeterminate, NotApplicable
from proofs.probes.host import test_secrets as probes

SECRET = "c0rrect-horse"


def grep(command: str, content: str, secret: str = SECRET) -> list[str]:
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
    assert secret not in text
    return [line.removeprefix("(standard input):") for line in text.replace("\0", "\n").splitlines()]


def words(text: str) -> list[str]:
    return text.split()


NAMES = words(
    "PASSWORD DB_PASS MYSQL_PASS dbpass userpass dbPass SSHPASS DB_PWD MYSQL_PWD sa_pwd MYSQL_ROOT_PASSWORD "
    "DB_PASSWORD_2 DB_PASS2 keyPassphrase pass_phrase PASSCODE CLIENT_SECRET AWS_SECRET_ACCESS_KEY TS_AUTHKEY auth_key "
    "API_TOKEN N8N_ENCRYPTION_KEY RAILS_MASTER_KEY AZURE_CREDENTIALS credential"
)
OTHER_NAMES = words(
    "PWD OLDPWD pwd SSH_ASKPASS SUDO_ASKPASS GIT_ASKPASS bypass BYPASS compass passive passthrough overpass underpass "
    "PASSIVE_MODE CREDENTIALS_DIRECTORY CREDENTIALS_FILE GOOGLE_CREDENTIALS_PATH DB_PASS_FILE PASSWORDFILE "
    "PASSWORD_STORE_DIR SECRET_ID passphrase-fd KEY BYPASSED monkey"
)
REFERENCES = (
    "",
    '""',
    "$X",
    "${X}",
    '"$X"',
    '"${X:-}"',
    "${X:-$Y}",
    "$1",
    "$(cat /x)",
    '"$(pass show db)"',
    "`cat /x`",
    "/run/secrets/x",
    "yes",
    "'no'",
    "0",
)


@pytest.mark.parametrize("command", ["unit-secrets", "profile-secrets", "script-secrets", "history-secrets"])
def test_names(command):
    for name in NAMES:
        assert grep(command, f"export {name}={SECRET} x\n") == [f"1:{name}="]
        for value in REFERENCES:
            assert not grep(command, f"export {name}={value}\n"), (name, value)
    assert grep(command, f"export DB_PASS=${{X:-{SECRET}}}\n") == ["1:DB_PASS="]
    for name in OTHER_NAMES:
        assert not grep(command, f"export {name}=wherever x\n"), name


def test_names_of_options_variables_and_arguments():
    for name in NAMES:
        more = name == "DB_PASSWORD_2"
        assert grep("option-file-secrets", f"{name} = {SECRET}\n") == ([] if more else [f"1:{name} ="])
        assert grep("process-variables", f"{name}={SECRET}\0") == [name]
        assert grep("process-arguments", f"{name}={SECRET}\0--{name}={SECRET}\0") == [f"{name}=", f"--{name}="]
    for name in OTHER_NAMES:
        assert not grep("option-file-secrets", f"{name} = wherever\n"), name
        assert not grep("process-variables", f"{name}=wherever\0"), name
        assert not grep("process-arguments", f"{name}=wherever\0--{name}=wherever\0") or name.lower() == "pwd", name


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["/usr/sbin/mysqld"], ["/usr/sbin/mysqld"]),
        (["/usr/libexec/mariadbd", "--datadir=/var/lib/mysql"], ["/usr/libexec/mariadbd"]),
        (["mysql", f"-p{SECRET}"], ["mysql", "-p"]),
        (["/opt/x/mysqldump", f"-p{SECRET}"], ["/opt/x/mysqldump", "-p"]),
        (["mysql", "-p"], ["mysql"]),
        (["find", "/var/lib/mysql", "-print0"], []),
        (["docker", "run", "--name", "mysql", "-p3306:3306"], ["mysql"]),
        (["x", f"--password={SECRET}"], ["--password="]),
        (["env", f"MYSQL_PWD={SECRET}", "mysql"], ["MYSQL_PWD=", "mysql"]),
        (["docker", "run", "-e", f"MYSQL_ROOT_PASSWORD={SECRET}"], ["MYSQL_ROOT_PASSWORD="]),
        (["x", f"--db-token={SECRET}", "--password-file=/x"], ["--db-token="]),
        (["x", "-e", f"CREATE USER a IDENTIFIED BY '{SECRET}'"], ["IDENTIFIED BY"]),
        (["x", f"mysql://app:{SECRET}@db/x"], ["mysql://"]),
        (["sshd: someone", "--port=3306", "https://host/path:1"], []),
        (["x", "c3VycGFzcw=="], []),
        (["sh", "-c", f"mysqldump -p{SECRET} --all-databases"], [" -p"]),
        (["sh", "-c", f"cd /x && /usr/bin/mysqldump -u root -p{SECRET} db | gzip"], [" -p"]),
        (["sh", "-c", f"set -e\nmysqldump \\\n  -p{SECRET}"], [" \\", "  -p"]),
        (["sh", "-c", f"MYSQL_PWD={SECRET} mysql"], ["MYSQL_PWD="]),
        (["sh", "-c", f"mysql --password={SECRET} -e 'SELECT 1'"], ["--password="]),
        (["sh", "-c", f"x=$(mysql --password={SECRET})"], ["--password="]),
        (["sh", "-c", f"mysql\n  DB_PASS={SECRET} ./run {SECRET}"], ["DB_PASS="]),
        (["sh", "-c", "mysql --password=$X -p$X; MYSQL_PWD=${X} mysql; mkdir -pv x"], []),
        (["sh", "-c", f"mysql\nmkdir -p{SECRET}"], []),
    ],
)
def test_arguments(arguments, seen):
    assert grep("process-arguments", "".join(f"{word}\0" for word in arguments)) == seen


@pytest.mark.parametrize(
    ("variable", "seen"),
    [
        (f"DATABASE_URL=mysql://app:{SECRET}@db/x", "DATABASE_URL"),
        (f"X=one two\nmysql://app:{SECRET}@db/x", "X"),
        (f"ConnectionStrings__X=Server=db;Uid=app;Pwd={SECRET}", "ConnectionStrings__X"),
        (f"JDBC=jdbc:mysql://db/x?user=app&password={SECRET}", "JDBC"),
        (f"aws_secret_access_key={SECRET}", "aws_secret_access_key"),
        ("PATH=/bin", "PATH"),
        ("DATABASE_URL=mysql://app@db/x", None),
        ("PROXY=http://proxy:3128/@x", None),
        ("X=a\nDB_PASSWORD=b", None),
        ("X_PASSWORD_FILE=/x", None),
        ("T_TOKEN=", None),
        ("MYSQL_ALLOW_EMPTY_PASSWORD=yes", None),
        ("GOOGLE_APPLICATION_CREDENTIALS=/etc/key.json", None),
        ("CREDENTIALS_DIRECTORY=/run/credentials/x.service", None),
    ],
)
def test_variables(variable, seen):
    assert grep("process-variables", f"{variable}\0") == ([seen] if seen else [])


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (f"Environment=MYSQL_PWD={SECRET}", "MYSQL_PWD="),
        (f'Environment="A=b" "DB_PASSWORD={SECRET}"', "DB_PASSWORD="),
        (f"Environment=DATABASE_URL=mysql://app:{SECRET}@db/x", "mysql://"),
        (f"ExecStart=/usr/bin/x --password={SECRET} -v", "--password="),
        (f"ExecStart=/usr/bin/x --api-key --apikey='{SECRET}'", "--apikey="),
        (f"ExecStart=-/usr/bin/mysqldump --all-databases -p{SECRET}", " -p"),
        (f"ExecStart=/bin/sh -c 'mysql -e \"a; b\" -p{SECRET}'", " -p"),
        (f"Options=username=x,password={SECRET}", "password="),
        (f"SetCredential=db-password:{SECRET}", "SetCredential=db-password"),
        ("SetCredential=banner:hello", None),
        ("SetCredentialEncrypted=db-password: abc", None),
        ("ConditionCredential=x", None),
        ("ExecStart=/usr/bin/x --password=${PASSWORD}", None),
        ("ExecStart=/usr/bin/mysqldump -p${PASSWORD}", None),
        ("ExecStart=/usr/bin/mysqld_safe -P3306", None),
        ("ExecStartPre=/usr/bin/find /var/lib/mysql -print", None),
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
        (f"wsrep_sst_auth = root:{SECRET}", "wsrep_sst_auth ="),
        (f"proxy = http://app:{SECRET}@proxy/", "http://"),
        ("password=", None),
        ("password", None),
        (f"; password={SECRET}", None),
        ('passwd = "$ecret"', "passwd ="),
        ("password=0", "password="),
        ("password = /etc/shadow-of-doubt", "password ="),
        ("mysql_native_password=ON", None),
        ("default_password_lifetime = 90", None),
        ("validate_password.length = 14", None),
        ("validate-password=FORCE_PLUS_PERMANENT", None),
        ("mysql_native_password=ON", None),
        ("ssl_key=/etc/mysql/key.pem", None),
    ],
)
def test_options(line, seen):
    assert grep("option-file-secrets", f"[client]\n{line}\n") == ([f"2:{seen}"] if seen else [])


TYPED = [
    (f"mysql -u root -p{SECRET} db", " -p"),
    (f"mysql -p'{SECRET}' db", " -p"),
    (f"sudo mysqldump --all -p{SECRET}", " -p"),
    (f"0 3 * * * root /usr/local/mysql/bin/mysqladmin -p{SECRET} ping", " -p"),
    (f'docker exec db sh -c "mariadb-dump -p{SECRET} x"', " -p"),
    (f"mysql db 2>&1 -p{SECRET}", " -p"),
    (f"mariabackup --backup -p{SECRET}", " -p"),
    (f"MYSQL_PWD={SECRET} mysql", "MYSQL_PWD="),
    (f"curl --token={SECRET} x", "--token="),
    (f"curl -s -u app:{SECRET} https://host/", "-u"),
    (f"curl --user 'app:{SECRET}' https://host/", "--user "),
    (f"sshpass -p {SECRET} ssh host", "-p"),
    (f"export URL=mysql://app:{SECRET}@db/x", "mysql://"),
    (f"mysql -e \"SET PASSWORD FOR u = '{SECRET}'\"", "SET PASSWORD"),
    (f"create user a identified with sha256_password by '{SECRET}'", "identified with sha256_password by"),
    (f"CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('{SECRET}')", "IDENTIFIED VIA ed25519 USING"),
    (f"db_password = '{SECRET}'", "db_password ="),
    ("mysql -u root -p db", None),
    ("mysql -p$X; mysql -p\"$X\"; mysql -p${X}; mysql -p$(cat x); mysql -p'' db", None),
    ("mkdir -pv x; ls -p; ssh -p2222 host; mysql -P3306", None),
    ("mysql -e 'SELECT 1' ; mkdir -px y", None),
    ("mysql x && mkdir -px y | tar -px", None),
    ("find /var/lib/mysql -perm 600; tar -C /etc/mysql -pcf x .; chown mysql -print", None),
    ("journalctl -u mysql -perr; systemctl show mysql -pMainPID", None),
    ("docker run --name mysql -p3306:3306 mysql", None),
    ("curl -u app:$X -u app https://host:8080/x@y", None),
    ("sshpass -f x ssh -p 22 host; sshpass -p $X ssh host", None),
    ("ssh -o PasswordAuthentication=no git@host:x", None),
    ("CREATE USER a IDENTIFIED BY '$X'; ALTER USER a IDENTIFIED BY ''", None),
    ("gpg --passphrase-fd=3; cmd --password-file=x", None),
    ("curl http://user:$X@proxy/ http://user:${X}@proxy/ http://u:****@h/", None),
]


@pytest.mark.parametrize(("line", "seen"), TYPED)
@pytest.mark.parametrize("command", ["script-secrets", "history-secrets"])
def test_typed_lines(command, line, seen):
    assert grep(command, f"{line}\n") == ([f"1:{seen}"] if seen else [])


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (f'$password = "{SECRET}";', "password ="),
        (f"# mysql -p{SECRET}", None),
        ("connect(user=user, password=args.password)", None),
        ("    password=password,", None),
        ("case $1 in --password=*) password=${1#*=};; esac", None),
        ("echo 'Usage: x --password=<password>' --password=... ; sed 's/password=.*//'", None),
        ('if [ "$PASSWORD" = "" ]; then PASSWORD=; fi', None),
    ],
)
def test_scripts(line, seen):
    assert grep("script-secrets", f"{line}\n") == ([f"1:{seen}"] if seen else [])


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (f"ALTER\\040USER\\040a\\040IDENTIFIED\\040BY\\040'{SECRET}';", "IDENTIFIED\\040BY"),
        (f"SET\\040PASSWORD\\040FOR\\040u@h\\040=\\040'{SECRET}';", "SET\\040PASSWORD"),
        (f"SET PASSWORD = PASSWORD('{SECRET}')", "SET PASSWORD"),
        (f"CHANGE MASTER TO MASTER_HOST='x', MASTER_PASSWORD='{SECRET}'", "MASTER_PASSWORD="),
        (f"SOURCE_USER='r',\\040SOURCE_PASSWORD\\040=\\040'{SECRET}'", "SOURCE_PASSWORD"),
        (f": 1700000000:0;mysql -p{SECRET}", " -p"),
        (f"- cmd: DB_PASS={SECRET} ./run", "DB_PASS="),
        (f"- cmd: set -gx DB_PASS {SECRET}", "DB_PASS"),
        (f"setenv DB_PASS {SECRET}", "DB_PASS"),
        (f":!mysql -p{SECRET}", " -p"),
        (f'|2,0,1700000000,,"!mysqldump -p{SECRET}"', " -p"),
        (f"\tpassword = {SECRET}", "password ="),
        (f"#mysql -p{SECRET}", " -p"),
        ("SET PASSWORD FOR u TO RANDOM; set -x; set -o pipefail", None),
    ],
)
def test_histories(line, seen):
    assert grep("history-secrets", f"{line}\n") == ([f"1:{seen}"] if seen else [])


SEARCHES = [each.name for each in secrets.COMMANDS]
SECRETS = st.text(string.ascii_letters + string.digits + "+/=_.:@%^,-!~", min_size=8, max_size=40).filter(
    lambda text: any(c not in string.punctuation for c in text)
)
TEMPLATES = [line.replace(SECRET, "{}") for line, seen in TYPED if seen] + [
    *("password={}", " password = {}", "DB_PASS='{}' x", "Environment=A_TOKEN={}", "SetCredential=db-pass:{}"),
    *("URL=mysql://app:{}@db/x", "A=Uid=x;Pwd={};", "SET\\040PASSWORD\\040=\\040'{}'", "set -x DB_PASS {}"),
]


@given(secret=SECRETS, template=st.sampled_from(TEMPLATES))
@example(secret="Xpassword=Ytoken=Z", template="DB_PASS='{}' x")
@example(secret="c3VycGFzcw==", template="mysqldump -p{}")
@example(secret="ab://cd:efgh@x", template="mysql -p'{}' db")
@example(secret="-password=-pass=Z", template="mysql -p'{}' db")
def test_no_search_prints_a_value(secret, template):
    """Nor how it begins: a value may itself look like a name with a value, of which the name would be printed."""
    for command in SEARCHES:
        grep(command, template.format(secret) + ("\0" if command.startswith("process-") else "\n"), secret[:8])


def test_searches_do_not_find_themselves():
    """Their own patterns stand among the arguments of find, sudo and the shell that the prover's login runs."""
    for each in secrets.COMMANDS:
        text = script([(each.name, each.root, each.seconds, each.limit, each.argv)], sudo=True)
        records = [*each.argv, text, f"/bin/sh -c {shlex.quote(text)}"]
        assert not grep("process-arguments", "".join(f"{record}\0" for record in records))


@pytest.mark.parametrize("command", SEARCHES)
@pytest.mark.parametrize(
    "text", ["mysql ", "token_", "http://a:", "curl -x ", "password=$", "identified with ", "mysql '"]
)
def test_long_lines_are_searched(command, text):
    grep(command, text * 2000 + ("\0" if command.startswith("process-") else "\n"))


SS = 'tcp LISTEN 0 151 *:3306 *:* users:(("mysqld",pid=412,fd=21))\n'
SOUND: dict[str, Any] = {
    "sockets": SS,
    "process-arguments": "/proc/412/cmdline:/usr/sbin/mysqld\0",
    "process-variables": "/proc/1/environ:PATH\0/proc/412/environ:PATH\0",
    "unit-secrets": "644|20|root|/etc/systemd/system/mysql.service.d/x.conf\n",
    "option-file-secrets": "600|300|root|/root/.my.cnf\n/root/.my.cnf:2:password=\n",
    "profile-secrets": "644|769|root|/etc/profile\n",
    "script-secrets": "640|90|root|/etc/cron.d/backup\n/etc/cron.d/backup:3: -p\n",
    "history-secrets": "600|9|root|/root/.bash_history\n",
}
ALL = [value for name, value in vars(probes).items() if name.startswith("test_")]

ONE_EACH = ("process-arguments", "process-variables", "unit-secrets", "option-file-secrets", "history-secrets")
FILE = "755|9|root|/usr/local/sbin/a\n/usr/local/sbin/a:7: -p\n"


def prove(probe, log_raw="OFF", **changes):
    values = {
        "machine": Machine(commands={**SOUND, **changes}),
        "sql": Sql(variables={"port": "3306", **({"log_raw": log_raw} if log_raw else {})}),
        "params": {"max_mode": "0640", "accepted_variables": ("AN_TOKEN",)},
    }
    probe(**{name: values[name] for name in probe.__code__.co_varnames[: probe.__code__.co_argcount]})


@pytest.mark.parametrize("probe", ALL)
def test_a_sound_host(probe):
    prove(probe)


def test_what_is_accepted():
    more = SOUND["process-variables"] + "/proc/9/environ:AN_TOKEN\0"
    prove(probes.test_no_secret_in_environments, **{"process-variables": more})
    for of_another in ("/proc/9/cmdline:-p\0", "/proc/9/cmdline:-p\0/proc/9/cmdline:mysql\0"):
        changed = {"process-arguments": SOUND["process-arguments"] + of_another}
        prove(probes.test_no_secret_in_process_arguments, **changed)


@pytest.mark.parametrize(
    ("probe", "command", "more", "says"),
    [
        (ALL[0], "process-arguments", "/proc/9/cmdline:mysql\0/proc/9/cmdline:-p\0", "process 9 .'-p'"),
        (ALL[0], "process-arguments", "/proc/9/cmdline:--password=\0", "process 9"),
        (ALL[0], "process-arguments", "/proc/9/cmdline: -p\0", "process 9 .' -p'"),
        (ALL[0], "process-arguments", "/proc/9/cmdline:/opt/mydumper\0/proc/9/cmdline:-p\0", "process 9 .'-p'"),
        (ALL[1], "process-variables", "/proc/9/environ:MYSQL_PWD\0", "'MYSQL_PWD'"),
        (ALL[2], "unit-secrets", "/etc/systemd/system/mysql.service.d/x.conf:2:MYSQL_PWD=\n", "x.conf' line 2"),
        (ALL[3], "option-file-secrets", "644|9|root|/etc/mysql/a.cnf\n/etc/mysql/a.cnf:7:password=\n", "line 7 .*0644"),
        (ALL[3], "profile-secrets", "600|9|root|/root/.bashrc\n/root/.bashrc:7:MYSQL_PWD=\n", ".bashrc"),
        (ALL[3], "profile-secrets", "600|9|root|/srv/a/.zshenv\n/srv/a/.zshenv:7:DB_PASS=\n", ".zshenv"),
        (ALL[3], "script-secrets", FILE, "sbin/a' line 7 .'-p', mode 0755"),
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
        (
            ALL[0],
            "process-arguments",
            CommandOutput(1, SOUND["process-arguments"], "grep: /proc/9/cmdline: exceeded\n"),
        ),
        (ALL[2], "unit-secrets", ""),
        (ALL[2], "unit-secrets", "/not/listed:1:MYSQL_PWD=\n"),
        (ALL[2], "unit-secrets", "nonsense\n"),
        (ALL[2], "unit-secrets", CommandOutput(1, SOUND["unit-secrets"], "grep: /etc/x: Permission denied\n")),
        (ALL[2], "unit-secrets", CommandOutput(1, SOUND["unit-secrets"], "find: 'grep': No such file or directory\n")),
        (ALL[3], "profile-secrets", ""),
        (ALL[4], "history-secrets", CommandOutput(1, "", "x" * 4096)),
        *((probe, name, ChannelError("refused")) for probe, name in zip(ALL[:5], ONE_EACH, strict=True)),
    ],
)
def test_what_is_no_evidence(probe, command, answer):
    with pytest.raises((Indeterminate, ChannelError)):
        prove(probe, **{command: answer})


def test_files_that_went_away_are_no_trouble():
    gone = CommandOutput(1, SOUND["unit-secrets"], "find: '/etc/crontab': No such file or directory\n")
    prove(ALL[2], **{"unit-secrets": gone})


def test_statements_as_they_come():
    with pytest.raises(AssertionError, match="log_raw is 'ON'"):
        prove(ALL[5], log_raw="ON")
    with pytest.raises(NotApplicable, match="no switch for it"):
        prove(ALL[5], log_raw=None)
