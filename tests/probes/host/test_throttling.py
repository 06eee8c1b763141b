"""Control fail2ban-active, by what fail2ban-client 1.0.2 was seen to answer."""

from __future__ import annotations

import pytest
from probes.looks import Machine, Sql, target

from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Admitted, Host
from proofs.probes.host import test_jails as jails
from proofs.probes.host import test_throttling as throttling

PARAMS = {
    "most_retries": 5,
    "shortest_ban_s": 600,
    "shortest_window_s": 300,
    "banning_actions": ("nftables", "iptables", "ufw"),
    "most_exempt": 2,
}
UNIT = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
STATUS = "Status\n|- Number of jail:\t2\n`- Jail list:\tmysqld-auth, sshd\n"
JAIL = """\
Status for the jail: {}
|- Filter
|  |- Currently failed:\t0
|  |- Total failed:\t0
|  `- File list:\t/var/log/auth.log
`- Actions
   |- Currently banned:\t0
   |- Total banned:\t0
   `- Banned IP list:\t
"""
ACTIONS = "The jail {} has the following actions:\nnftables-multiport\n"
DEAD = CommandOutput(
    255,
    "",
    "2026-11-23 04:59:19,498 fail2ban                [13796]: ERROR   Failed to access socket path: "
    "/var/run/fail2ban/fail2ban.sock. Is fail2ban running?\n",
)
JAILS = ("sshd", "mysqld-auth")
ABSENT = CommandOutput(255, "Sorry but the jail 'mysqld-auth' does not exist\n", "")
LOG = "Current monitored log file(s):\n`- {}\n"
NO_LOG, NO_MATCH = "No file is currently monitored\n", "No journal match filter set\n"
JOURNAL = "Current match filter:\n_SYSTEMD_UNIT=ssh.service + _COMM=sshd\n"
OF_ALIAS = "Current match filter:\n_SYSTEMD_UNIT=sshd.service + _COMM=sshd\n"
NOBODY = "No IP address/network is ignored\n"
FILE = ({"path": "/var/log/mysql/error.log", "type": "regular file"},)
REGEX = "The following regular expression are defined:\n`- [0]: ^Access denied .*$\n"
NO_REGEX = "No regular expression is defined\n"
SPARED = "These IP addresses/networks are ignored:\n|- 127.0.0.0/8\n|- ::1\n`- {}\n"
NO_PORT = CommandOutput(255, "'CommandAction' object has no attribute 'port'\n", "")


def both(text):
    return {jail: text.format(jail) for jail in JAILS}


def both_of(answer):
    return dict.fromkeys(JAILS, answer)


ACTIVE = "LoadState=loaded\nId={}\nActiveState=active\n"
FAILED = ACTIVE.format("ssh.service").replace("=active", "=failed")
SERVICES = {
    "ssh.service": ACTIVE.format("ssh.service"),
    "sshd.service": ACTIVE.format("ssh.service"),
    "mysql.service": ACTIVE.format("mysql.service"),
}
GOOD = {
    "unit": {"fail2ban.service": UNIT, **SERVICES},
    "processes": "    1     0 root             systemd\n  700     1 root             sshd-session\n",
    "fail2ban-status": STATUS,
    "fail2ban-jail": both(JAIL),
    "fail2ban-actions": both(ACTIONS),
    "fail2ban-maxretry": both("5\n"),
    "fail2ban-findtime": both("600\n"),
    "fail2ban-bantime": both("3600\n"),
    "fail2ban-logpath": {"sshd": NO_LOG, "mysqld-auth": LOG.format("/var/log/mysql/error.log")},
    "fail2ban-journalmatch": {"sshd": JOURNAL, "mysqld-auth": NO_MATCH},
    "fail2ban-ignoreip": both(SPARED.format("10.20.1.2")),
    "fail2ban-failregex": both(REGEX),
    "fail2ban-ignoreregex": both(NO_REGEX),
    "fail2ban-ignorecommand": both("\n"),
    "fail2ban-port": {"sshd": "ssh\n", "mysqld-auth": "3306\n"},
    "sshd-effective": "port 22\nlistenaddress 0.0.0.0:22\n",
}
POLICY = (Admitted(22, ("10.20.1.0/24", "10.20.2.0/24")), Admitted(3306, ("10.20.1.0/24", "fd00::/64")))
TARGET = target(
    host=Host("ssh://h", jails={"ssh": "sshd", "database": "mysqld-auth"}, firewall=POLICY, service="mysql.service")
)
VARIABLES = {"port": "3306", "log_error": "/var/log/mysql/error.log"}


def machine(**changes):
    commands = dict(GOOD)
    for word, value in changes.items():
        name = word.replace("_", "-")
        commands[name] = GOOD[name] | value if isinstance(value, dict) else value
    other = ({"path": "/var/log/other.log", "type": "regular file"},)
    return Machine(commands=commands, places={"/var/log/mysql/error.log": FILE, "/var/log/other.log": other})


def look(found, where=TARGET, **variables):
    sql = Sql(variables=VARIABLES | variables)
    throttling.test_service_runs_now_and_at_boot(found)
    throttling.test_jails_ban(found, where, PARAMS)
    throttling.test_jails_ban_soon_and_for_long(found, where, PARAMS)
    jails.test_jails_watch_a_log(found, where)
    jails.test_database_s_jail_reads_the_server_s_log(found, sql, where)
    jails.test_nobody_who_gets_in_is_spared(found, sql, where, PARAMS)
    jails.test_bans_close_the_port(found, sql, where, PARAMS)


def test_as_it_should_be():
    look(machine())
    look(machine(fail2ban_bantime={"sshd": "-1\n"}))
    look(machine(fail2ban_ignoreip=both(NOBODY)))
    look(machine(fail2ban_actions={"sshd": "The jail sshd has the following actions:\nsendmail-whois, ufw\n"}))
    look(
        machine(
            fail2ban_actions=both("The jail {} has the following actions:\nnftables-allports\n"), fail2ban_port="9\n"
        )
    )
    look(machine(fail2ban_port={"sshd": "0:65535\n", "mysqld-auth": "http,3300-3310\n".replace("http", "80")}))
    look(machine(fail2ban_port=both_of(NO_PORT)))
    look(machine(), target(host=Host("ssh://h", jails=TARGET.host.jails)))
    before_openssh_9_8 = {"processes": "    1     0 root             systemd\n  700     1 root             sshd\n"}
    look(machine(fail2ban_journalmatch={"sshd": OF_ALIAS}, **before_openssh_9_8))
    in_the_journal = {"mysqld-auth": "Current match filter:\n_SYSTEMD_UNIT=mysql.service + _COMM=x\n"}
    look(machine(fail2ban_logpath=both(NO_LOG), fail2ban_journalmatch=in_the_journal), log_error="stderr")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": {"fail2ban.service": UNIT.replace("=active", "=inactive")}}, "fail2ban.service is inactive"),
        ({"unit": {"fail2ban.service": UNIT.replace("enabled", "disabled")}}, "not started at boot"),
        ({"fail2ban_status": DEAD}, "Is fail2ban running"),
        ({"fail2ban_jail": {"mysqld-auth": ABSENT}}, "jail mysqld-auth: .*does not exist"),
        ({"fail2ban_actions": {"sshd": "No actions for jail sshd\n"}}, "jail sshd has no action"),
        ({"fail2ban_actions": {"sshd": "The jail sshd has the following actions:\nsendmail-whois, dummy\n"}},
         "bans by nothing"),
        ({"fail2ban_maxretry": {"mysqld-auth": "1000\n"}}, "mysqld-auth lets 1000 attempts"),
        ({"fail2ban_bantime": {"sshd": "1\n"}}, "sshd bans for 1 s"),
        ({"fail2ban_findtime": {"sshd": "2\n"}}, "sshd forgets after 2 s"),
        ({"fail2ban_logpath": {"mysqld-auth": NO_LOG}}, "mysqld-auth watches no log"),
        ({"fail2ban_ignoreip": {"sshd": "These IP addresses/networks are ignored:\n`- 0.0.0.0\n"}}, r"0\.0\.0\.0/0"),
        ({"fail2ban_ignoreip": {"sshd": "These IP addresses/networks are ignored:\n`- ::\n"}}, "::/0"),
        ({"fail2ban_ignoreip": {"sshd": "These IP addresses/networks are ignored:\n`- 128.0.0.0/1\n"}}, "128"),
        ({"fail2ban_logpath": {"mysqld-auth": LOG.format("/var/log/other.log")}}, "server writes to '/var/log/mysql/"),
        ({"fail2ban_failregex": {"mysqld-auth": NO_REGEX}}, "mysqld-auth looks for nothing"),
        ({"fail2ban_ignoreip": {"sshd": SPARED.format("10.20.0.0/16")}}, "sshd exempts 512 of the addresses"),
        (
            {"fail2ban_ignoreip": {"mysqld-auth": SPARED.format("10.20.1.0/25\n|- fd00::/16\n`- 10.20.1.128/25")}},
            "mysqld-auth exempts [0-9]{20} of the addresses",
        ),
        ({"fail2ban_ignoreip": {"sshd": SPARED.format("10.20.2.4/30")}}, "sshd exempts 4 of the addresses"),
        ({"fail2ban_failregex": {"mysqld-auth": REGEX.replace("Access denied", "Failed")}}, "not look for .Access"),
        ({"fail2ban_journalmatch": {"sshd": OF_ALIAS}}, "where sshd's messages come from sshd-session"),
        ({"fail2ban_journalmatch": {"sshd": JOURNAL}, "unit": {"ssh.service": FAILED}}, "sshd-session"),
        ({"fail2ban_port": {"mysqld-auth": "3307\n"}}, "mysqld-auth do not close port 3306: nftables-multiport closes"),
        ({"sshd_effective": "port 22\nPort 2222\n"}, "sshd do not close port 22, 2222"),
    ],
)  # fmt: skip
def test_what_does_not_ban(changes, message):
    with pytest.raises(AssertionError, match=message):
        look(machine(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"fail2ban_bantime": {"sshd": "\x1b[31mmany\n"}},
        {"fail2ban_bantime": {"sshd": ""}},
        {"fail2ban_actions": {"sshd": "nftables-multiport\n"}},
        {"fail2ban_ignoreip": {"sshd": "These IP addresses/networks are ignored:\n`- 1.2.3\n"}},
        {"fail2ban_ignorecommand": {"sshd": "/usr/local/bin/friend <ip>\n"}},
        {"fail2ban_ignorecommand": {"sshd": CommandOutput(255, "", "")}},
        {"fail2ban_ignoreregex": {"mysqld-auth": REGEX}},
        {"fail2ban_port": {"sshd": "sesame\n"}},
        {"fail2ban_port": {"sshd": CommandOutput(255, "", "no such thing\n")}},
        {"fail2ban_port": {"sshd": "\n"}},
        {"sshd_effective": ""},
        {"fail2ban_status": ChannelError("the host has no command fail2ban-client, so nothing was seen")},
    ],
)
def test_what_was_not_seen(changes):
    with pytest.raises((Indeterminate, ChannelError)):
        look(machine(**changes))


def test_a_log_that_is_no_file():
    odd = Machine(commands=GOOD, places={"/var/log/mysql/error.log": ({"type": "directory"},)})
    with pytest.raises(AssertionError, match="a directory"):
        jails.test_jails_watch_a_log(odd, TARGET)


def test_a_server_that_logs_to_the_journal():
    for unit in ("nginx", "mysqld", "mysql-router"):
        of_another = {"mysqld-auth": f"Current match filter:\n_SYSTEMD_UNIT={unit}.service\n"}
        with pytest.raises(AssertionError, match=rf"matches .*{unit}.* and not the server's unit"):
            look(machine(fail2ban_logpath=both(NO_LOG), fail2ban_journalmatch=of_another), log_error="stderr")
    with pytest.raises(Indeterminate, match="whether that gets into"):
        look(machine(), log_error="stderr")


@pytest.mark.parametrize("jails", [{}, {"ssh": "sshd"}, {"database": "mysqld-auth"}])
def test_jails_that_are_not_named(jails):
    with pytest.raises(Indeterminate, match=r"host\.jails"):
        throttling.test_jails_ban(machine(), target(host=Host("ssh://h", jails=jails)), PARAMS)


@pytest.mark.parametrize(
    ("engine", "variables", "good"),
    [
        ("mysql", {"log_error_verbosity": "3"}, True),
        ("mysql", {"log_error_verbosity": "2"}, False),
        ("mariadb", {"log_warnings": "2"}, True),
        ("mariadb", {"log_warnings": "9"}, True),
        ("mariadb", {"log_warnings": "1"}, False),
    ],
)
def test_refused_logins_in_the_log(engine, variables, good):
    where = target(engine, host=TARGET.host)
    if good:
        throttling.test_database_tells_of_refused_logins(Sql(variables=variables), where)
        return
    with pytest.raises(AssertionError, match="refused logins are logged"):
        throttling.test_database_tells_of_refused_logins(Sql(variables=variables), where)
