"""Control audit-anchor-timer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel
from proofs.probes.host.units import properties, runs_now_and_at_boot
from proofs.probes.transport.settings import number


def test_timer_runs_now_and_at_boot(machine: HostChannel, target: Target) -> None:
    """The timer is active and enabled."""
    runs_now_and_at_boot(machine, _timer(target))


def test_last_run_was_recent(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """LastTriggerUSec of the timer is no older than agreed, and not of the future."""
    timer = _timer(target)
    shown = properties(machine, timer).get("LastTriggerUSec", "")
    assert shown not in ("", "n/a"), f"{timer} has not run since the boot"
    # The host's own clock, read just after: that it is right is for another control.
    age = float(machine.command("clock").stdout) - _moment(shown).timestamp()
    oldest = number(params, "max_age_s")
    assert age <= oldest, f"{timer} ran {age:.0f} s ago, at most {oldest} s are agreed"
    assert age >= -oldest, f"{timer} ran in the future: {shown!a}"


def test_last_run_succeeded(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """What the timer starts ended its last run with Result=success and exit status 0: systemd.service(5).

    A run that is skipped for a condition of the unit (systemd.unit(5), Condition…=) leaves the marks of the one before.
    """
    timer = _timer(target)
    of_timer = properties(machine, timer)
    service = of_timer.get("Unit", "")
    if not service:
        raise Indeterminate(f"systemctl does not show what {timer} starts")
    shown = properties(machine, service)
    result, status = shown.get("Result"), shown.get("ExecMainStatus")
    assert shown["LoadState"] == "loaded", f"{service}: {shown['LoadState']!a}"
    assert (result, status) == ("success", "0"), f"{service} ended with {result!a}, exit status {status!a}"
    began = shown.get("ExecMainStartTimestamp")
    assert began, f"{service} has not run since the boot"
    assert shown.get("ConditionResult") != "no", f"{service} is skipped: a condition of its unit does not hold"
    late = (_moment(of_timer.get("LastTriggerUSec", "")) - _moment(began)).total_seconds()
    oldest = number(params, "max_age_s")
    assert late <= oldest, (
        f"{service} last ran {late:.0f} s before {timer} last started it, at most {oldest} s are agreed"
    )


def _timer(target: Target) -> str:
    if target.host is None or target.host.anchor_timer is None:
        raise Indeterminate("the inventory does not name the timer that anchors (host.anchor_timer)")
    return target.host.anchor_timer


def _moment(shown: str) -> datetime:
    """`Mon 2026-11-23 05:42:00 UTC`, as systemctl(1) shows it in the time zone UTC."""
    try:
        return datetime.strptime(shown, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError:
        raise Indeterminate(f"systemctl shows a time in another form: {shown[:60]!a}") from None
