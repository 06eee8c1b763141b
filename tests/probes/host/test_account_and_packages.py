"""Controls dedicated-service-account and package-files-intact, by outputs in the forms their manuals document."""

from __future__ import annotations

from typing import Any

import pytest
from probes.looks import Machine, Sql, target

from proofs.errors import ChannelError, Indeterminate
from proofs.model import Host
from proofs.probes.host import test_account as account
from proofs.probes.host import test_packages as packages

SS = 'tcp LISTEN 0 151 *:3306 *:* users:(("mysqld",pid=412,fd=21))\n'
STATUS = (
    "Name:\tmysqld\nPid:\t412\nUid:\t110\t110\t110\t110\nGid:\t112\t112\t112\t112\nGroups:\t112 \n"
    "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000004000\n"
    "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
)
LIMITS = (
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max cpu time              unlimited            unlimited            seconds   \n"
    "Max core file size        0                    0                    bytes     \n"
)
ANALYSED = "  NAME   DESCRIPTION\n+ User=  a static user\n\n-> Overall exposure level for mysql.service: 3.1 OK :-)\n"
SOUND: dict[str, Any] = {
    "sockets": SS,
    "process-status": STATUS,
    "process-limits": LIMITS,
    "accounts": "root:x:0:0:root:/root:/bin/bash\nmysql:x:110:112:MySQL,,,:/nonexistent:/bin/false\n",
    "processes": "    1     0 root   systemd\n  412     1 mysql  mysqld\n  500  1 mysql  mysqld_exporter\n",
    "unit": "LoadState=loaded\nMainPID=412\n",
    "unit-exposure": ANALYSED,
    "core-pattern": "core\n",
    "suid-dumpable": "0\n",
    "os-release": 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nID=debian\n',
    "process-executable": "/usr/sbin/mysqld\n",
    "dpkg-owners": "mysql-server-core-9.7: /usr/sbin/mysqld\n",
    "dpkg-list": (
        "Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst\n||/ Name  Version  Architecture Description\n"
        "+++-=====-=====-=====-=====\n"
        "ii  mysql-common                5.8+1.1.1    all          MySQL common\n"
        "ii  mysql-server-core-9.7       9.7.4-1      amd64        MySQL server binaries\n"
        "un  mysql-server-core-8.0       <none>       <none>       (no description available)\n"
    ),
    "dpkg-checksums": "/var/lib/dpkg/info/mysql-server-core-9.7.md5sums\n",
    "dpkg-verify": "??5?????? c /etc/mysql/mysql.cnf\n",
}
PARAMS = {
    "no_login_shells": ("/bin/false",),
    "allowed_capabilities": ("CAP_IPC_LOCK",),
    "max_exposure": 7.4,
    "core_handlers": ("/usr/lib/systemd/systemd-coredump",),
    "accepted_changes": (),
}
TARGET = target(host=Host("ssh://x", service="mysql.service"))
VARIABLES = {"port": "3306", "core_file": "OFF"}


def at(path, mode="0755", owner="root", above="0755"):
    """A program and the directories that lead to it, the first of them with the mode `above`."""
    entries = [{"path": path, "type": "regular file", "mode": mode, "owner": owner, "group": "g", "link": None}]
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        entries.append({"path": path, "type": "directory", "mode": above, "owner": "root", "group": "g", "link": None})
        above = "0755"
    return entries


PROGRAMS = ("/usr/sbin/mysqld", "/usr/sbin/mariadbd", "/usr/libexec/mariadbd")


def prove(probe, changes=(), variables=VARIABLES, version="9.7.4-1", places=()):
    values = {
        "machine": Machine(commands={**SOUND, **dict(changes)}, places={p: at(p) for p in PROGRAMS} | dict(places)),
        "sql": Sql(variables=variables, tables={"VERSION()": [{"version": version}]}),
        "params": PARAMS,
        "target": TARGET,
    }
    probe(**{name: values[name] for name in probe.__code__.co_varnames[: probe.__code__.co_argcount]})


def replaced(name, old, new):
    assert old in SOUND[name]
    return {name: SOUND[name].replace(old, new)}


PROBES = [
    *(account.test_the_server_is_not_root, account.test_the_account_is_for_the_server_alone),
    *(account.test_one_server_runs, account.test_the_server_can_gain_no_rights, account.test_the_unit_is_confined),
    *(account.test_no_memory_is_dumped, packages.test_the_running_program_is_the_packaged_one),
    *(packages.test_package_files_are_unaltered, packages.test_the_installed_version_runs),
    packages.test_nobody_but_root_can_replace_the_program,
]


@pytest.mark.parametrize("probe", PROBES)
def test_a_sound_host(probe):
    prove(probe)


@pytest.mark.parametrize(
    ("probe", "changes", "says"),
    [
        (PROBES[0], replaced("process-status", "110\t110\t110\t110", "110\t110\t0\t110"), "with Uid"),
        (PROBES[0], replaced("process-status", "112\t112\t112\t112", "0\t0\t0\t0"), "with Gid"),
        (PROBES[0], replaced("process-status", "Groups:\t112", "Groups:\t0 112"), "group root"),
        (PROBES[1], replaced("accounts", "/bin/false", "/bin/bash"), "login shell '/bin/bash'"),
        (PROBES[1], {"accounts": SOUND["accounts"] + "twin:x:110:1::/:/bin/false\n"}, "share the number"),
        (PROBES[2], {"processes": SOUND["processes"] + " 900 1 root mariadbd\n"}, "2 servers run"),
        (PROBES[3], replaced("process-status", "NoNewPrivs:\t1", "NoNewPrivs:\t0"), "NoNewPrivs is 0"),
        (PROBES[3], replaced("process-status", "CapEff:\t00000", "CapEff:\t80000"), "effective .* CAP_63"),
        (
            PROBES[3],
            replaced("process-status", "CapAmb:\t0000000000000000", "CapAmb:\t0000000000000002"),
            "DAC_OVERRIDE",
        ),
        (PROBES[4], replaced("unit-exposure", "3.1 OK", "9.2 UNSAFE"), "exposure level 9.2"),
        (
            PROBES[5],
            replaced("process-limits", "0                    0 ", "0                    unlimited "),
            "unlimited",
        ),
        (PROBES[5], {"core-pattern": "|/usr/share/apport/apport -p%p\n"}, "apport"),
        (PROBES[5], {"suid-dumpable": "1\n"}, "suid_dumpable is 1"),
        (PROBES[6], {"process-executable": "/usr/sbin/mysqld (deleted)\n"}, "replaced on disk"),
        (PROBES[6], {"process-executable": "/opt/mysqld\n"}, "no installed package"),
        (PROBES[7], {"dpkg-verify": "??5??????   /usr/share/mysql/english/errmsg.sys\n"}, "1 files differ"),
        (PROBES[7], {"dpkg-verify": "missing     /usr/sbin/mysqld\n"}, "1 files differ"),
        (PROBES[8], replaced("dpkg-list", "9.7.4-1 ", "9.7.5-1 "), "9.7.5-1 is installed, 9.7.4 runs"),
    ],
)
def test_findings(probe, changes, says):
    with pytest.raises(AssertionError, match=says):
        prove(probe, changes)


@pytest.mark.parametrize(
    ("probe", "changes"),
    [
        (PROBES[0], {"process-status": ""}),
        (PROBES[0], replaced("process-status", "110\t110\t110\t110", "\x1b[2J")),
        (PROBES[0], replaced("process-status", "Pid:\t412", "Pid:\t4")),
        (PROBES[0], {"sockets": SS.replace("3306", "3307")}),
        (PROBES[1], {"accounts": ""}),
        (PROBES[1], {"accounts": "mysql\n"}),
        (PROBES[2], {"processes": ""}),
        (PROBES[3], replaced("process-status", "CapEff:\t0000000000000000", "CapEff:\tnone")),
        (PROBES[4], {"unit-exposure": ""}),
        (PROBES[4], {"unit": "LoadState=loaded\nMainPID=1\n"}),
        (PROBES[5], {"process-limits": ""}),
        (PROBES[5], {"core-pattern": ""}),
        (PROBES[5], {"suid-dumpable": "?"}),
        (PROBES[6], {"process-executable": ""}),
        (PROBES[6], {"dpkg-owners": ""}),
        (PROBES[7], {"dpkg-checksums": ""}),
        (PROBES[7], {"dpkg-verify": "\x1b]0;all is well\x07\n"}),
        (PROBES[8], {"dpkg-list": ""}),
    ],
)
def test_what_is_no_evidence(probe, changes):
    with pytest.raises(Indeterminate):
        prove(probe, changes)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"mode": "0775"}, "mysqld has mode 0775"),
        ({"mode": "4755"}, "runs as its owner or group"),
        ({"owner": "mysql"}, "belongs to 'mysql'"),
        ({"above": "0775"}, "/usr/sbin has mode 0775"),
    ],
)
def test_who_may_replace_the_program(facts, says):
    with pytest.raises(AssertionError, match=says):
        prove(PROBES[9], places={"/usr/sbin/mysqld": at("/usr/sbin/mysqld", **facts)})


@pytest.mark.parametrize("probe", PROBES)
def test_a_missing_command_is_no_evidence(probe):
    with pytest.raises((ChannelError, Indeterminate)):
        prove(probe, dict.fromkeys(SOUND, ChannelError("the host has no such command")))


def test_core_file_switch_and_unknown_versions():
    with pytest.raises(AssertionError, match="core_file"):
        prove(PROBES[5], variables=VARIABLES | {"core_file": "ON"})
    with pytest.raises(Indeterminate):
        prove(PROBES[8], version="unknown")


def test_packages_of_mariadb_and_of_rpm():
    mariadb = {
        "dpkg-owners": "mariadb-server-core: /usr/sbin/mariadbd\nmariadb-server-core: /usr/sbin/mysqld\n",
        "dpkg-list": "ii  mariadb-server-core   1:11.8.3-1+deb13u1   amd64   MariaDB\n",
        "process-executable": "/usr/sbin/mariadbd\n",
    }
    for probe in PROBES[6:]:
        prove(probe, mariadb, version="11.8.3-MariaDB-1+deb13u1 from Debian")
    rpm = {
        "os-release": 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
        "rpm-owners": "error: file /usr/sbin/mysqld: No such file or directory\nmariadb-server-10.11.9-1.el9.x86_64\n",
        "rpm-files": "/usr/libexec/mariadbd\n/usr/share/x\n",
        "rpm-verify": "S.5....T.  c /etc/my.cnf.d/server.cnf\n",
        "process-executable": "/usr/libexec/mariadbd\n",
    }
    for probe in PROBES[6:]:
        prove(probe, rpm, version="10.11.9-MariaDB")
    sound = (".M...UG..    /var/lib/mysql", "S.5....T.  g /var/log/x.log", ".......T.    /usr/share/x")
    prove(PROBES[7], rpm | {"rpm-verify": "\n".join(sound)})
    for line in (
        "S.5....T.    /usr/libexec/mariadbd",
        "........P    /usr/libexec/mariadbd",
        "..?......    /usr/share/x",
    ):
        with pytest.raises(AssertionError, match="1 files differ"):
            prove(PROBES[7], rpm | {"rpm-verify": f"{line}\n"})
