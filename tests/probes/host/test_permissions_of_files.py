"""Control datadir-permissions."""

from __future__ import annotations

from typing import Any

import pytest
from probes.looks import Machine, Sql, target

from proofs.channels.host.output import CommandOutput
from proofs.errors import Indeterminate, NotApplicable
from proofs.model import Host, Identity
from proofs.probes.host import test_permissions as probes

COMMANDS = {
    "sockets": 'tcp LISTEN 0 151 *:3306 *:* users:(("mysqld",pid=412,fd=21))\n',
    "process-status": "Pid:\t412\nUid:\t110\t110\t110\t110\nGid:\t112\t112\t112\t112\nNoNewPrivs:\t1\n"
    + "".join(f"{name}:\t0\n" for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")),
    "accounts": "root:x:0:0:root:/root:/bin/bash\nmysql:x:110:112:MySQL:/nonexistent:/bin/false\n",
    "groups": "root:x:0:\nadm:x:4:eve\nmysql:x:112:\n",
    "foreign-files": {"/usr/lib/mysql/plugin": "", "/etc/mysql/conf.d": "", "/srv/more.d": ""},
    "links": {"/usr/lib/mysql/plugin": "", "/etc/mysql/conf.d": "/etc/mysql/conf.d/x.cnf\n", "/srv/more.d": ""},
    "option-file-includes": CommandOutput(
        2,
        "!includedir /etc/mysql/conf.d/\n  !includedir /etc/mysql/conf.d/\n!include /etc/mysql/my.cnf\n",
        "grep: /etc/my.cnf.d: No such file or directory\n",
    ),
}
VARIABLES = {
    **{"port": "3306", "datadir": "/var/lib/mysql/", "innodb_data_home_dir": "", "innodb_undo_directory": "./"},
    **{"log_error": "/var/log/mysql/error.log", "log_output": "FILE", "general_log": "0", "slow_query_log": "1"},
    **{"slow_query_log_file": "slow.log", "log_bin": "1", "log_bin_index": "/var/lib/mysql/binlog.index"},
    "log_bin_basename": "/var/lib/mysql/binlog",
    "plugin_dir": "/usr/lib/mysql/plugin/",
}
MODES = {
    **{"/": "root 0755", "/var": "root 0755", "/var/lib": "root 0755", "/var/lib/mysql": "mysql 0750"},
    **{"/var/log": "root 0755", "/var/log/mysql": "mysql 2750 adm", "/var/log/mysql/error.log": "mysql 0640 adm"},
    **{"/var/lib/mysql/slow.log": "mysql 0640", "/usr": "root 0755"},
    **{"/usr/lib": "root 0755", "/usr/lib/mysql": "root 0755", "/usr/lib/mysql/plugin": "root 0755"},
    **{"/etc": "root 0755", "/etc/mysql": "root 0755", "/etc/mysql/my.cnf": "root 0644"},
    **{"/etc/mysql/conf.d": "root 0755", "/var/log/binlog": "mysql 0700", "/etc/mysql/conf.d/x.cnf": "root 0644"},
    **{"/srv": "root 0755", "/srv/my.cnf": "root 0644", "/srv/more.d": "root 0755"},
    **{"/var/backups": "root 0755", "/var/backups/mysql": "root 0700"},
}
PARAMS = {
    "max_data_mode": "0750",
    "max_log_mode": "0640",
    "max_configuration_mode": "0644",
    "max_directory_mode": "0755",
    "accepted_members": ("backup",),
    "reading_groups": ("adm",),
    "writing_groups": ("syslog",),
}
DATA, LOGS, PLUGINS, OPTIONS, BACKUPS = (value for name, value in vars(probes).items() if name.startswith("test_"))
FILES = [{"path": "/etc/mysql/my.cnf"}]


def place(path: str, modes: dict[str, str]) -> list[dict[str, Any]]:
    above = [path]
    while above[-1] != "/":
        above.append(above[-1].rpartition("/")[0] or "/")
    entries = []
    for each in above:
        owner, mode, *group = modes[each].split()
        kind = "regular file" if "." in each and not each.endswith(".d") else "directory"
        entries.append(
            {
                "path": each,
                "type": kind,
                "mode": mode,
                "owner": owner,
                "group": group[0] if group else owner,
                "link": None,
            }
        )
    return entries


def prove(probe, modes=(), variables=(), files=FILES, backups=("/var/backups/mysql/",), commands=()):
    known = {**MODES, **dict(modes)}
    values = {
        "machine": Machine(
            places={path: place(path, known) for path in known},
            commands={**COMMANDS, **dict(commands)},
            files={"/srv/my.cnf": "[mysqld]\n  !includedir /srv/more.d\n"},
        ),
        "sql": Sql(variables={**VARIABLES, **dict(variables)}, tables={"variables_info": files}),
        "params": PARAMS,
        "target": target(
            host=Host("ssh://x", backups=backups),
            identities={"inspector": Identity("inspector", "i", None, None, "%")},
        ),
    }
    probe(**{name: values[name] for name in probe.__code__.co_varnames[: probe.__code__.co_argcount]})


@pytest.mark.parametrize("probe", [DATA, LOGS, PLUGINS, OPTIONS, BACKUPS])
def test_a_sound_host(probe):
    prove(probe)
    prove(probe, commands={"groups": "root:x:0:\nmysql:x:112:mysql,backup\n"})
    prove(probe, {"/var/log": "root 0775 syslog"})
    prove(probe, variables={"log_bin_basename": "/var/log/binlog/x", "log_bin_index": "/var/log/binlog/x.index"})


@pytest.mark.parametrize(
    ("probe", "path", "mode", "says"),
    [
        (DATA, "/var/lib/mysql", "mysql 0755", "mode 0755, expected at most 0750"),
        (DATA, "/var/lib/mysql", "root 0700", "belongs to 'root', expected mysql"),
        (DATA, "/var/lib", "root 0775", "/var/lib has mode 0775"),
        (LOGS, "/var/log/mysql/error.log", "mysql 0644", "0644"),
        (LOGS, "/var/lib/mysql/slow.log", "mysql 0660", "0660"),
        (LOGS, "/var/lib/mysql", "mysql 0755", "/var/lib/mysql has mode 0755"),
        (
            LOGS,
            "/var/log/mysql/error.log",
            "mysql 0640 staff",
            "is open to the group 'staff', expected adm or mysql or",
        ),
        (LOGS, "/var/log", "root 0775 staff", "/var/log has mode 0775"),
        (LOGS, "/var/log", "root 0777 syslog", "/var/log has mode 0777"),
        (DATA, "/var/lib/mysql", "mysql 0710 adm", "is open to the group 'adm', expected mysql or root"),
        (LOGS, "/var/log/mysql", "eve 0750", "above '/var/log/mysql/error.log', belongs to 'eve'"),
        (PLUGINS, "/usr/lib/mysql/plugin", "mysql 0755", "belongs to 'mysql'"),
        (PLUGINS, "/usr/lib/mysql", "root 0777", "0777"),
        (OPTIONS, "/etc/mysql/my.cnf", "root 0664", "0664"),
        (OPTIONS, "/etc/mysql", "mysql 0755", "belongs to 'mysql'"),
        (OPTIONS, "/etc/mysql/conf.d", "root 0775", "conf.d has mode 0775"),
        (OPTIONS, "/etc/mysql/conf.d", "mysql 0755", "conf.d/' belongs to 'mysql'"),
        (BACKUPS, "/var/backups/mysql", "root 0750 staff", "the group 'staff'"),
        (BACKUPS, "/var/backups/mysql", "root 0755", "0755"),
        (BACKUPS, "/var/backups", "eve 0755", "'eve'"),
    ],
)
def test_findings(probe, path, mode, says):
    with pytest.raises(AssertionError, match=says):
        prove(probe, {path: mode})


@pytest.mark.parametrize(
    ("probe", "commands", "says"),
    [
        (DATA, {"groups": "mysql:x:112:mysql,eve,backup\n"}, "in the server's group 'mysql' are also 'eve'"),
        (DATA, {"accounts": COMMANDS["accounts"] + "bob:x:7:112::/home/bob:/bin/sh\n"}, "are also 'bob'"),
        (
            PLUGINS,
            {"foreign-files": {"/usr/lib/mysql/plugin": "/usr/lib/mysql/plugin/x.so\n"}},
            "1 files .*x.so",
        ),
        (
            OPTIONS,
            {"foreign-files": {"/etc/mysql/conf.d": "/etc/mysql/conf.d/x.cnf\n"}},
            "in '/etc/mysql/conf",
        ),
    ],
)
def test_whose_files_and_groups(probe, commands, says):
    with pytest.raises(AssertionError, match=says):
        prove(probe, commands=commands)


@pytest.mark.parametrize(
    ("probe", "commands"),
    [
        (DATA, {"groups": "root:x:0:\n"}),
        (OPTIONS, {"option-file-includes": "!includedir conf.d\n"}),
        (OPTIONS, {"option-file-includes": CommandOutput(2, "", "grep: /etc/mysql/x: Permission denied\n")}),
    ],
)
def test_what_is_no_evidence(probe, commands):
    with pytest.raises(Indeterminate):
        prove(probe, commands=commands)


def test_where_else_an_option_file_leads():
    files = [*FILES, {"path": "/srv/my.cnf"}]
    prove(OPTIONS, files=files)
    with pytest.raises(AssertionError, match=r"more\.d has mode 0777"):
        prove(OPTIONS, {"/srv/more.d": "root 0777"}, files=files)
    with pytest.raises(AssertionError, match=r"x\.cnf' belongs to 'eve'"):
        prove(OPTIONS, {"/etc/mysql/conf.d/x.cnf": "eve 0644"})


def test_what_is_not_seen():
    with pytest.raises(NotApplicable):
        prove(BACKUPS, backups=())
    with pytest.raises(NotApplicable):
        prove(LOGS, variables={"log_error": "stderr", "log_bin": "0", "log_output": "TABLE"})
    with pytest.raises(Indeterminate):
        prove(OPTIONS, files=[])
    for probe in (DATA, LOGS):
        with pytest.raises(Indeterminate):
            prove(probe, commands={"accounts": "root:x:0:0:root:/root:/bin/bash\n"})
