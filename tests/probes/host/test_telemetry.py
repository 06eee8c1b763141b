"""Controls log-forwarding-active and time-synchronised-utc, by what rsyslog 8.2302 and chronyc 4.3 were seen to say."""

from __future__ import annotations

import pytest
from probes.looks import Attempt, Machine, Sql, target

from proofs.catalogue.controls import load_catalogue
from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Host, LogForwarding
from proofs.probes.host import test_forwarding as forwarding
from proofs.probes.host import test_time as clocks
from proofs.probes.host.timekeeping import agree
from proofs.resources import CONTROLS

CATALOGUE = load_catalogue(CONTROLS).controls
UNIT = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
ABSENT = "LoadState=not-found\nActiveState=inactive\nSubState=dead\n"


def params(control, **changes):
    return {name: p.default for name, p in CATALOGUE[control].parameters.items()} | changes


FORWARDING = params("log-forwarding-active")
WHERE = target(host=Host("ssh://h", log_forwarding=LogForwarding("rsyslog.service", "/received")))
LOGIN = {"user": "prover", "address": "10.20.1.2", "port": "44318", "node": "db02", "clock": 1795420973.5}
LINE = (
    "<38>1 2026-11-23T08:02:52.074614+00:00 db02 sshd-session 2810 - -  "
    "Accepted publickey for prover from 10.20.1.2 port 44318 ssh2: ED25519 SHA256:eLENk9rb"
)
FILE_LINE = (
    "2026-11-23T08:02:52.074614+00:00 db02 sshd[2810]: "
    "Accepted publickey for prover from 10.20.1.2 port 44318 ssh2: ED25519 SHA256:eLENk9rb"
)


def arrival(*lines, cut=False, arrived=7, **login):
    return {"login": LOGIN | login, "lines": list(lines), "arrived": arrived, "cut": cut, "waited_s": 30.0}


def look(seen, where=WHERE, unit=UNIT):
    machine = Machine(commands={"unit": {"rsyslog.service": unit}}, arrival=seen)
    forwarding.test_forwarder_runs_now_and_at_boot(machine, where)
    forwarding.test_a_login_arrives(machine, where, FORWARDING)


@pytest.mark.parametrize(
    "seen",
    [
        arrival(LINE),
        arrival(FILE_LINE),
        arrival(LINE + "\r"),
        arrival(LINE.replace("+00:00", "Z")),
        arrival(LINE.replace("2810 - -", '2810 ID [a@1 b="c d"]')),
        arrival(LINE.replace(" db02 ", " DB02.example.org ")),
        arrival(LINE.replace(" db02 ", " db01 "), LINE),
        arrival(LINE.replace("T08:02:52.074614+00:00", "T13:02:52.074614+05:00")),
        arrival(LINE.replace("prover", "a.b+c"), user="a.b+c"),
        arrival(LINE.replace("10.20.1.2", "2001:db8::2"), address="2001:db8::2"),
    ],
)
def test_the_log_arrives(seen):
    look(seen)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (arrival(), r"was not received within 30 s \(7 other lines were\)"),
        (arrival(arrived=0), r"\(0 other lines"),
        (arrival(LINE.replace("08:02", "07:02")), "as of 3601 s before it"),
        (arrival(LINE.replace("08:02", "09:02")), "as of -3599 s before it"),
        (arrival(LINE.replace(" db02 ", " db01 ")), "received as one at 'db01', this host is 'db02'"),
        (arrival(LINE.replace(" db02 ", " \x1b[2J ")), r"received as one at '\\x1b"),
    ],
)
def test_the_log_does_not_arrive(seen, says):
    with pytest.raises(AssertionError, match=says):
        look(seen)


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        (UNIT.replace("=active", "=inactive"), "rsyslog.service is inactive"),
        (UNIT.replace("=enabled", "=disabled"), "not started at boot"),
        (ABSENT, "not-found"),
    ],
)
def test_the_forwarder_is_not_well(unit, says):
    with pytest.raises(AssertionError, match=says):
        look(arrival(LINE), unit=unit)


@pytest.mark.parametrize(
    "seen",
    [
        arrival(cut=True),
        arrival("Nov 23 08:02:52 db02 sshd[2810]: Accepted publickey for prover from 10.20.1.2 port 44318 ssh2"),
        arrival(LINE.replace("sshd-session", "logger")),
        arrival(LINE.replace("port 44318", "port 443180")),
        arrival(LINE.replace("Accepted publickey", "Failed password")),
        arrival(LINE.replace("+00:00", "")),
        arrival(LINE.replace("2026-11-23", "2026-13-23")),
        arrival("\x1b[2J for prover from 10.20.1.2 port 44318"),
    ],
)
def test_what_arrived_is_not_known(seen):
    with pytest.raises(Indeterminate):
        look(seen)


def test_nobody_saw_it():
    with pytest.raises(ChannelError):
        look(ChannelError("/received cannot be read"))
    with pytest.raises(Indeterminate, match=r"\(host\.log_forwarding\)"):
        look(arrival(LINE), target(host=Host("ssh://h")))
    with pytest.raises(Indeterminate, match=r"host\.log_forwarding\.received"):
        look(arrival(LINE), target(host=Host("ssh://h", log_forwarding=LogForwarding("rsyslog.service"))))


TIME = params("time-synchronised-utc")
TRACKING = "52544300,RTC,1,1795421205.626645045,{},-0.000012,0.000034,-5.123,0.001,0.42,{},{},16.0,{}\n"
GOOD = TRACKING.format("0.000012345", "0.000000001", "0.000250000", "Normal")
SETTINGS = "Timezone=Etc/UTC\nNTPSynchronized=yes\n"
STATUS = """\
       Server: 192.0.2.1 (ntp.example.org)
Poll interval: 34min 8s (min: 32s; max 34min 8s)
         Leap: normal
      Version: 4
      Stratum: 2
    Reference: C0000201
    Precision: 1us (-23)
Root distance: 25.412ms (max: 5s)
       Offset: -1.343ms
        Delay: 35.512ms
       Jitter: 3.5ms
 Packet count: 12
    Frequency: +5.212ppm
"""


def kept(by="chrony.service", unit=UNIT, others=None, **commands):
    units = dict.fromkeys((*clocks.DAEMONS, *clocks.OTHERS), ABSENT) | {by: unit} | (others or {})
    known = {"unit": units, "chrony-tracking": GOOD, "time-settings": SETTINGS, "timesyncd-status": STATUS}
    return Machine(commands=known | {name.replace("_", "-"): answer for name, answer in commands.items()})


@pytest.mark.parametrize(
    "machine",
    [
        kept(),
        kept("chronyd.service"),
        kept(chrony_tracking=GOOD.replace("Normal", "Insert second")),
        kept(chrony_tracking=TRACKING.format("-0.999", "0", "0", "Normal")),
        kept(time_settings=SETTINGS.replace("yes", "no")),  # without rtcsync
        kept("systemd-timesyncd.service"),
        kept("systemd-timesyncd.service", timesyncd_status=STATUS.replace("-1.343ms", "+140us")),
    ],
)
def test_the_clock_is_kept(machine):
    clocks.test_clock_is_synchronised(machine, TIME)


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        (kept(unit=ABSENT), "nothing keeps the clock: chrony.service not-found"),
        (kept(unit=UNIT.replace("=active", "=inactive")), "chrony.service inactive, chronyd.service not-found"),
        (kept(unit=UNIT.replace("=enabled", "=disabled")), "not started at boot"),
        (kept(chrony_tracking="00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n"),
         "chronyd is not synchronised .*stratum 0"),
        (kept(chrony_tracking="7F7F0101,,10,1795421205.6,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,Normal\n"),
         "follows the host's own clock"),
        (kept(chrony_tracking=GOOD.replace("RTC,1,", "RTC,16,")), "stratum 16"),
        (kept(chrony_tracking=TRACKING.format("-3600.5", "0", "0.2", "Normal")), "off by -3600.5"),
        (kept("systemd-timesyncd.service", time_settings=SETTINGS.replace("yes", "no")), "NTPSynchronized is 'no'"),
        (kept("systemd-timesyncd.service", time_settings="Timezone=UTC\n"), "NTPSynchronized is None"),
        (kept("systemd-timesyncd.service", timesyncd_status=STATUS.replace("-1.343ms", "-1min 2.5s")),
         r"off by -62\.5"),
        (kept("systemd-timesyncd.service", timesyncd_status=STATUS.replace("normal", "not synchronized")),
         "not synchronised itself"),
        (kept("systemd-timesyncd.service", timesyncd_status=STATUS.replace("Stratum: 2", "Stratum: 0")), "stratum 0"),
        (kept("systemd-timesyncd.service", timesyncd_status=STATUS.partition("Leap")[0] + "Packet count: 0\n"),
         "has no answer of its server"),
    ],
)  # fmt: skip
def test_the_clock_is_not_kept(machine, says):
    with pytest.raises(AssertionError, match=says):
        clocks.test_clock_is_synchronised(machine, TIME)


@pytest.mark.parametrize(
    "machine",
    [
        kept(chrony_tracking=CommandOutput(1, "506 Cannot talk to daemon\n", "")),
        kept(chrony_tracking=""),
        kept(chrony_tracking=GOOD.replace("Normal", "\x1b[2J")),
        kept(chrony_tracking=GOOD.replace("0.000012345", "nan")),
        kept(chrony_tracking=GOOD.replace(",1,", ",one,")),
        kept(chrony_tracking=TRACKING.format("0.1", "0.5", "0.8", "Normal")),
        kept(chrony_tracking=ChannelError("the host has no command chronyc, so nothing was seen")),
        kept("ntpsec.service"),
        kept(unit=""),
        kept("systemd-timesyncd.service", timesyncd_status=""),
        kept("systemd-timesyncd.service", timesyncd_status=STATUS.replace("-1.343ms", "soon")),
        kept("systemd-timesyncd.service", timesyncd_status=STATUS.replace("25.412ms", "")),
        kept("systemd-timesyncd.service", timesyncd_status=STATUS.replace("25.412ms", "4s")),
    ],
)
def test_what_keeps_the_clock_is_not_known(machine):
    with pytest.raises((Indeterminate, ChannelError)):
        clocks.test_clock_is_synchronised(machine, TIME)


@pytest.mark.parametrize(("offset", "uncertainty"), [(0.0, 0.0), (-0.5, 0.5), (1.0, 0.0), (0.9, 0.1)])
def test_clocks_agree(offset, uncertainty):
    agree("a clock", offset, uncertainty, 1.0)
    machine = Machine(clocks=[{"readings": [], "offset_s": offset, "uncertainty_s": uncertainty}])
    clocks.test_clock_agrees_with_the_provers(machine, TIME)


@pytest.mark.parametrize(("offset", "uncertainty"), [(1.1, 0.0), (-3600.0, 2.0), (float("nan"), 0.0)])
def test_clocks_differ(offset, uncertainty):
    machine = Machine(clocks=[{"readings": [], "offset_s": offset, "uncertainty_s": uncertainty}])
    with pytest.raises(AssertionError, match="the host's clock against the prover's: off by"):
        clocks.test_clock_agrees_with_the_provers(machine, TIME)


@pytest.mark.parametrize(("offset", "uncertainty"), [(0.0, 1.1), (1.1, 0.2), (-0.9, 0.2)])
def test_clocks_may_differ(offset, uncertainty):
    with pytest.raises(Indeterminate, match="give or take"):
        agree("a clock", offset, uncertainty, 1.0)


def test_the_zone_of_the_host():
    clocks.test_host_shows_utc(kept())
    with pytest.raises(AssertionError, match="'Europe/Vienna'"):
        clocks.test_host_shows_utc(kept(time_settings="Timezone=Europe/Vienna\n"))
    with pytest.raises(Indeterminate):
        clocks.test_host_shows_utc(kept(time_settings="Timezone=\n"))


ZONES = {"time_zone": "SYSTEM", "system_time_zone": "UTC", "log_timestamps": "UTC"}
IN_UTC = {"winter": "2026-01-15 12:00:00", "summer": "2026-07-15 12:00:00"}


def zone(engine="mysql", row=IN_UTC, **variables):
    sql = Sql(variables=ZONES | variables, tables={"CONVERT_TZ": [row]})
    clocks.test_server_records_utc(sql, target(engine))


def test_the_server_records_utc():
    zone()
    zone(time_zone="+00:00", system_time_zone="CET")
    zone("mariadb", log_timestamps="SYSTEM")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"time_zone": "+05:00", "row": {"winter": "2026-01-15 07:00:00", "summer": "2026-07-15 07:00:00"}}, "05:00"),
        ({"row": {"winter": "2026-01-15 07:00:00", "summer": "2026-07-15 07:00:00"}}, "system_time_zone 'UTC', in"),
        ({"time_zone": "Europe/London", "row": IN_UTC | {"summer": "2026-07-15 11:00:00"}}, "London"),
        ({"log_timestamps": "SYSTEM"}, "log_timestamps is 'SYSTEM'"),
    ],
)
def test_the_server_records_another_time(changes, says):
    with pytest.raises(AssertionError, match=says):
        zone(**changes)


def test_the_zone_of_the_server_is_not_known():
    with pytest.raises(Indeterminate):
        zone(row={"winter": None, "summer": None})
    with pytest.raises(Indeterminate, match="no variable log_timestamps"):
        clocks.test_server_records_utc(
            Sql(variables={"time_zone": "+00:00", "system_time_zone": "UTC"}, tables={"CONVERT_TZ": [IN_UTC]}), target()
        )


def server_clock(*looks):
    """Each look: the host's clock, the server's, the host's again. All are taken, and no more."""
    reading = lambda host: {"readings": [{"before": 0.0, "host": host, "after": 0.0}]}  # noqa: E731
    machine = Machine(clocks=[reading(each) for first, _, last in looks for each in (first, last)])
    told = [Attempt(rows=({"server_utc": shown},)) for _, shown, _ in looks]

    class Asked(Sql):
        def query(self, statement, *, memo):
            assert not memo
            return told.pop(0)

    clocks.test_server_clock_is_the_hosts(machine, Asked(), TIME)
    assert not told


NOON = 1795420972.0


def test_the_clock_of_the_server():
    server_clock((NOON, "2026-11-23 08:02:52.500000", NOON + 1))
    with pytest.raises(AssertionError, match="off by -3600"):
        server_clock((NOON, "2026-11-23 07:02:52.500000", NOON + 1))
    for shown, last in (("2026-11-23 08:02:52.500000", NOON - 1), ("\x1b[2J", NOON + 1)):
        with pytest.raises(Indeterminate):
            server_clock((NOON, shown, last))


def test_a_clock_that_is_asked_too_slowly_is_asked_again():
    slow = (NOON, "2026-11-23 08:02:53.400000", NOON + 27)
    server_clock(slow, (NOON + 30, "2026-11-23 08:03:22.500000", NOON + 31))
    with pytest.raises(AssertionError, match=r"off by -5\.5"):
        server_clock(slow, (NOON + 30, "2026-11-23 08:03:17.000000", NOON + 31))
    with pytest.raises(Indeterminate, match="give or take 13"):
        server_clock(slow, slow, slow, slow)
    close = (NOON, "2026-11-23 08:02:53.400000", NOON + 1)
    with pytest.raises(Indeterminate, match=r"off by \+0\.9.* give or take 0\.5"):
        server_clock(close, close, close, close)
    with pytest.raises(Indeterminate, match="a clock was set"):
        server_clock(slow, (NOON + 30, "2026-11-23 09:03:22.500000", NOON + 31))
