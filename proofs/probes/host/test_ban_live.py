"""Control fail2ban-active, tried: failed logins from a throw-away vantage."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from proofs.errors import ChannelError, Indeterminate, ProofsError, StorageError
from proofs.model import ParameterValue, Target
from proofs.ports import ConnectResult, HostChannel, NetworkChannel, SqlChannel
from proofs.probes.host.bans import Login, Place, lift, must_be_able_to_lift, place_of, refused_logins, seen_from
from proofs.probes.host.jails import Address, banned, number_of
from proofs.probes.transport.settings import number

MOST_LOGINS = 20
"""More than a probe makes, however many a parameter allows."""
SETTLE_S = 5
"""After an interruption: for a ban that is on its way to be there, so that it can be lifted."""


def test_failed_logins_are_banned(
    *,
    machine: HostChannel,
    network: NetworkChannel,
    sql: SqlChannel,
    target: Target,
    params: Mapping[str, ParameterValue],
) -> None:
    """After few failed SSH logins the vantage is kept out within the limit, nobody else is, and the ban can be lifted.

    jail.conf(5): `maxretry` failures within `findtime` ban an address. One login more than that is made at most. Only
    from the vantage that the inventory names for it, only where the target allows it, only if the host sees it at
    another address than the prover, and only if lifting a ban is allowed, which is tried first.
    """
    place = place_of(machine, sql, target)
    within = number(params, "ban_within_s")
    tries = min(number_of(machine, "maxretry", place.jail), number(params, "most_retries")) + 1
    if tries > MOST_LOGINS:
        raise Indeterminate(f"it would take {tries} failed logins, and a probe makes no more than {MOST_LOGINS}")
    must_be_able_to_lift(machine, place)
    with ExitStack() as guard:
        attack = _Attack(machine, network, place, guard, banned(machine, place.jail), refused_logins(machine))
        try:
            attack.fail_to_log_in(tries)
            attack.wait(within)
            again = attack.let_in(within)
        except BaseException as error:  # whatever happens, Ctrl-C and the run's time limit too, nobody stays banned
            left = attack.end()
            if left and isinstance(error, KeyboardInterrupt | StorageError | AssertionError):
                raise type(error)(f"{error}; {left}") from error
            if left and isinstance(error, ChannelError | Indeterminate):
                raise Indeterminate(f"{error}; {left}") from error
            raise
        # Connects that say nothing are failures to a filter in the mode `aggressive`: they may have had it banned anew.
        left = lift(machine, place, attack.known, attack.seen)
    if left:
        raise Indeterminate(left)
    attack.judge(within)
    assert again.ok, (
        f"jail {place.jail} no longer lists {attack.seen}, and yet it is kept out after {within} s: {again.describe()} "
        "(look for rules that fail2ban left, or restart it)"
    )


@dataclass
class _Attack:
    """What was done, and what came of it."""

    machine: HostChannel
    network: NetworkChannel
    place: Place
    guard: ExitStack
    known: frozenset[Address]
    before: frozenset[Login]
    seen: Address | None = None
    made: int = 0
    shut: ConnectResult | None = None
    own: ConnectResult | None = None
    fresh: frozenset[Address] = frozenset()

    def fail_to_log_in(self, tries: int) -> None:
        """Up to so many failed logins; none after the ban. The first is the control experiment: sshd answered it."""
        place = self.place
        first = self._try()
        assert not first.ok, f"an account that does not exist was let in: {first.describe()}"
        if "denied" not in first.codes:
            raise Indeterminate(
                f"the control experiment did not succeed, sshd did not answer the vantage: {first.describe()}; if an "
                f"earlier run left it banned, on the host: fail2ban-client set {place.jail} unbanip ADDRESS"
            )
        self.seen = seen_from(self.machine, place, self.before)
        assert self.seen not in self.known, (
            f"jail {place.jail} lists {self.seen} as banned already, and yet sshd answers it: its action "
            "keeps nobody out"
        )
        # From here on the host lets the vantage in again by itself, should the prover be killed.
        self.guard.enter_context(self.machine.unban_if_gone(jail=place.jail, address=str(self.seen)))
        while self.made < tries and self.seen not in banned(self.machine, place.jail):
            if "denied" not in self._try().codes:
                break

    def wait(self, within: int) -> None:
        """Until the vantage is kept out; then what the jail lists, and whether the prover itself is still let in."""
        place = self.place
        self.shut = self.network.connect_until(
            place.address, place.port, opened=False, within_s=within, vantage=place.vantage
        )
        self.fresh = banned(self.machine, place.jail) - self.known
        self.own = self.network.connect(*place.own_way)

    def let_in(self, within: int) -> ConnectResult:
        """Lift the ban; whether the vantage gets in then. Once more where it was banned anew meanwhile."""
        place = self.place
        for _ in range(2):
            lift(self.machine, place, self.known, self.seen)
            again = self.network.connect_until(
                place.address, place.port, opened=True, within_s=within, vantage=place.vantage
            )
            if again.ok or self.seen not in banned(self.machine, place.jail):
                break
        return again

    def judge(self, within: int) -> None:
        """Whether the jail banned that address, and only that is why it is kept out."""
        jail = self.place.jail
        if self.shut is None or self.own is None:
            raise Indeterminate("it was not seen what came of the failed logins")
        others = ", ".join(sorted(map(str, self.fresh - {self.seen})))
        done = f"{self.made} failed logins from {self.seen}"
        if self.seen in self.fresh:
            assert not self.shut.ok, (
                f"jail {jail} lists {self.seen} as banned, and yet it is let in {within} s after {done}: its action "
                "keeps nobody out"
            )
        else:
            assert not others, (
                f"after {done} jail {jail} banned {others} instead; if nobody else failed there, on the host: "
                f"fail2ban-client set {jail} unbanip {others.replace(', ', ' ')}"
            )
            assert not self.shut.ok, f"{done} were not banned by jail {jail} within {within} s"
            raise Indeterminate(
                f"after {done} the vantage is kept out, but not by jail {jail}, which lists nobody new "
                "(PerSourcePenalties of sshd_config(5)?)"
            )
        if not self.own.ok:
            raise Indeterminate(f"the prover's own way is closed too, the host may be gone: {self.own.describe()}")

    def end(self) -> str:
        """Lift what may have been brought about so far; what stood in the way. Waits for a ban that is under way."""
        if not self.made:
            return ""
        place = self.place
        try:
            if self.seen is None:
                addresses = {address for address, _ in refused_logins(self.machine) - self.before}
                self.seen = addresses.pop() if len(addresses) == 1 else None
            self.network.connect_until(
                place.address, place.port, opened=False, within_s=SETTLE_S, vantage=place.vantage
            )
        except (ProofsError, Indeterminate):
            pass  # lifted all the same
        return lift(self.machine, place, self.known, self.seen)

    def _try(self) -> ConnectResult:
        self.made += 1
        return self.network.failed_login(self.place.address, self.place.port, vantage=self.place.vantage)
