"""Control time-synchronised-utc."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import inf

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.timekeeping import agree, chrony, timesyncd
from proofs.probes.host.units import properties, runs_now_and_at_boot
from proofs.probes.transport.settings import decimal, setting

DAEMONS: Mapping[str, Callable[[HostChannel, float], None]] = {
    "chrony.service": chrony,
    "chronyd.service": chrony,  # as other systems than Debian call it
    "systemd-timesyncd.service": timesyncd,
}
"""What keeps clocks and can be asked how well it does."""
OTHERS = ("ntpsec.service", "ntp.service", "ntpd.service", "openntpd.service")
UTC_ZONES = {f"{area}{zone}" for area in ("", "Etc/") for zone in ("UTC", "UCT", "GMT", "Universal", "Zulu")}
LOOKS = 4
"""At the server's clock, at most: one that begins with a login takes longest."""
_WINTER, _SUMMER = "2026-01-15 12:00:00", "2026-07-15 12:00:00"


def test_clock_is_synchronised(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """A daemon keeps the clock now and at boot, follows a source, and knows the clock to be near it: UBTU-22-252015.

    That the kernel counts as synchronised is not asked where chrony runs: chronyd need not tell it (rtcsync), and it
    stays so for hours after a daemon ended.
    """
    states = {}
    for unit, judge in DAEMONS.items():
        shown = properties(machine, unit)
        states[unit] = shown.get("ActiveState") if shown["LoadState"] == "loaded" else shown["LoadState"]
        if states[unit] == "active":
            runs_now_and_at_boot(machine, unit)
            judge(machine, decimal(params, "max_offset_s"))
            return
    if found := [unit for unit in OTHERS if properties(machine, unit).get("ActiveState") == "active"]:
        raise Indeterminate(f"{', '.join(found)} keeps the clock, and is not known to this probe")
    raise AssertionError(f"nothing keeps the clock: {', '.join(f'{unit} {state}' for unit, state in states.items())}")


def test_clock_agrees_with_the_provers(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """The host's clock, read between two readings of the prover's, differs by no more than is allowed.

    Half the round trip is the uncertainty (RFC 5905, section 8). That the prover's clock is right is taken for granted.
    """
    seen = machine.clock()
    what = "the host's clock against the prover's"
    agree(what, float(seen["offset_s"]), float(seen["uncertainty_s"]), decimal(params, "max_offset_s"))


def test_host_shows_utc(machine: HostChannel) -> None:
    """The host's time zone is UTC, so that what its programs record is: UBTU-22-252020."""
    shown = dict(line.partition("=")[::2] for line in machine.command("time-settings").lines)
    zone = shown.get("Timezone", "")
    if not zone:
        raise Indeterminate("timedatectl shows no time zone")
    assert zone in UTC_ZONES, f"the host's time zone is {zone!a}, expected UTC"


def test_server_records_utc(sql: SqlChannel, target: Target) -> None:
    """The server's time zone, whatever it is called, is no hour from UTC in winter or summer; MySQL logs in UTC.

    MySQL Reference Manual, `time_zone` (SYSTEM: the host's, as `system_time_zone` names it, when the server started),
    CONVERT_TZ(), `log_timestamps`; MariaDB Knowledge Base, `time_zone`. A name alone would not do: TZ=UTC-5 is called
    UTC.
    """
    zone, host_zone = setting(sql, "time_zone"), setting(sql, "system_time_zone")
    shifts = ", ".join(
        f"CAST(CONVERT_TZ('{moment}', @@GLOBAL.time_zone, '+00:00') AS CHAR) AS {name}"
        for name, moment in (("winter", _WINTER), ("summer", _SUMMER))
    )
    row = sql.rows(f"SELECT {shifts}")[0]
    said = f"time_zone is {zone!a}" + (f", system_time_zone {host_zone!a}" if zone == "SYSTEM" else "")
    if row["winter"] is None or row["summer"] is None:
        raise Indeterminate(f"{said}: the server does not convert a time of it")
    assert (row["winter"], row["summer"]) == (_WINTER, _SUMMER), f"{said}, in which noon is {row['winter']!a} UTC"
    if target.engine == "mysql":
        logged = setting(sql, "log_timestamps")
        assert logged.upper() == "UTC", f"log_timestamps is {logged!a}, so that logs are not in UTC"


def test_server_clock_is_the_hosts(machine: HostChannel, sql: SqlChannel, params: Mapping[str, ParameterValue]) -> None:
    """UTC_TIMESTAMP(6), asked between two readings of the host's clock, is of the time between them.

    Where that time is too long to tell, it is asked again: what holds is what all looks leave possible.
    """
    most = decimal(params, "max_offset_s")
    least, greatest = -inf, inf
    for _ in range(LOOKS):
        before, server, after = _server_between(machine, sql)
        least, greatest = max(least, server - after), min(greatest, server - before)
        if least > greatest:
            raise Indeterminate("a clock was set while the server's was compared with the host's")
        offset, uncertainty = (least + greatest) / 2, (greatest - least) / 2
        if not abs(offset) - uncertainty <= most < abs(offset) + uncertainty:
            break
    agree("the server's UTC_TIMESTAMP against the host's clock", offset, uncertainty, most)


def _server_between(machine: HostChannel, sql: SqlChannel) -> tuple[float, float, float]:
    """Seconds since 1970: by the host, then by the server, then by the host again."""
    before = float(machine.clock()["readings"][-1]["host"])
    answer = sql.query("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR) AS server_utc", memo=False)
    after = float(machine.clock()["readings"][0]["host"])
    if not answer.ok:
        raise Indeterminate(answer.describe())
    shown = str(answer.rows[0]["server_utc"])
    try:
        server = datetime.strptime(shown, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Indeterminate(f"the server shows a time in another form: {shown[:60]!a}") from None
    if after < before:
        raise Indeterminate(f"the host's clock went back by {before - after:.6f} s while it was looked at")
    return before, server, after
