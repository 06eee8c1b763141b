"""Control fail2ban-active, tried: a host that counts, bans and lifts, or does one of it otherwise."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from probes.looks import Attempt, Sql, refused, target

from proofs.channels.host.commands import known
from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.model import STRANGER, Host, Vantage
from proofs.probes.host.test_ban_live import test_failed_logins_are_banned as probe

PARAMS = {"most_retries": 5, "ban_within_s": 60}
SSH = Host("ssh://prover@127.0.0.1:2222", jails={"ssh": "sshd", "database": "mysqld-auth"})
PLACES = {
    "here": Vantage("here"),
    "outside": Vantage("outside", forwards={"22": "127.0.0.1:2200"}, address="10.20.2.10"),
    "alias": Vantage("alias", source_address="10.20.1.2"),
    "bastion": Vantage("bastion", through="ssh://bastion"),
}
TWO = "Invalid user {name} from 10.20.2.2 port {port}\nInvalid user {name} from 10.20.2.3 port {port}\n"
GOOD = {"host": SSH, "vantages": PLACES, "allow_ban_probe": True, "ban_vantage": "outside"}
BY_HAND = "by hand, on the host as root: fail2ban-client set sshd unbanip 10.20.2.2"


@dataclass
class House:
    """A host with fail2ban, and the way to it from the vantage: both channels in one."""

    outside: str = "10.20.2.2"
    bans: str | None = "outside"  # whom: the vantage, an address, or nobody
    after: int = 5
    keeps_out: bool = True
    closes_by_itself: bool = False
    unban: str = "works"
    stays_closed: bool = False
    journal: str = "Invalid user {name} from {address} port {port}\n"
    session: str = "10.20.1.2 41000 10.20.1.10 22\n"
    interrupt_at: int = 0
    maxretry: str = "5\n"
    listed: set[str] = field(default_factory=lambda: {"198.51.100.7"})
    shut: bool = False
    logins: int = 0
    changed: list[str] = field(default_factory=list)
    guard: str = "none yet"

    def command(self, name, **arguments):
        known()[name].filled(arguments)
        answers = {
            "ssh-connection": lambda: self.session,
            "fail2ban-maxretry": lambda: self.maxretry,
            "fail2ban-banned": lambda: " ".join(sorted(self.listed)) + "\n",
            "ssh-strangers": self._journal,
            "fail2ban-unban": lambda: self._unban(arguments["address"]),
        }
        answer = answers[name]()
        return answer if isinstance(answer, CommandOutput) else CommandOutput(0, answer, "")

    def _journal(self):
        lines = (self.journal.format(name=STRANGER, address=self.outside, port=50000 + n) for n in range(self.logins))
        return f"Invalid user {STRANGER} from 203.0.113.9 port 7\nnoise\n" + "".join(lines)

    def _unban(self, address):
        if self.unban == "refused":
            raise ChannelError("sudo does not allow it")
        if address == "192.0.2.1":
            return "0\n"
        self.changed.append(address)
        if self.unban == "fails":
            return CommandOutput(255, "", "NOK: something\n")
        self.listed.discard(address)
        self.shut = self.shut and self.stays_closed
        return "1\n"

    @contextmanager
    def unban_if_gone(self, *, jail, address):
        assert (jail, address, self.logins) == ("sshd", self.outside, 1)
        if self.guard == "refused":
            raise ChannelError("the host has no shell")
        self.guard = "stands"
        yield
        assert not self.shut or self.unban == "fails" or self.stays_closed  # nobody is banned when it goes
        self.guard = "gone"

    def failed_login(self, host, port, *, vantage):
        assert (host, port, vantage) == ("10.20.2.10", 22, "outside")
        if self.shut:
            return refused("refused")
        self.logins += 1
        if self.logins == self.interrupt_at:
            raise KeyboardInterrupt
        if self.logins >= self.after:
            self.shut = self.closes_by_itself or (bool(self.bans) and self.keeps_out and self.bans == "outside")
            if self.bans:
                self.listed.add(self.outside if self.bans == "outside" else self.bans)
        return refused("denied")

    def connect(self, host, port, *, vantage="here"):
        assert (host, port, vantage) == ("127.0.0.1", 2222, "here")
        return Attempt()

    def connect_until(self, host, port, *, opened, within_s, vantage):
        return refused("refused") if self.shut else Attempt()


def run(house, seen="10.20.1.2", **changes):
    sql = Sql(tables={"USER()": ({"address": seen},)})
    probe(machine=house, network=house, sql=sql, target=target(**GOOD | changes), params=PARAMS)


@pytest.mark.parametrize("changes", [{}, {"after": 3}, {"after": 6}, {"maxretry": "3\n", "after": 3}])
def test_banned_and_lifted(changes):
    house = House(**changes)
    run(house)
    assert house.listed == {"198.51.100.7"}
    assert house.changed == ["10.20.2.2", "10.20.2.2"]  # before it is seen to be let in, and after
    assert not house.shut
    assert house.logins <= 6
    assert house.guard == "gone"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bans": None}, "6 failed logins from 10.20.2.2 were not banned by jail sshd within 60 s"),
        ({"after": 7}, "were not banned"),
        ({"keeps_out": False}, "lists 10.20.2.2 as banned, and yet it is let in .* keeps nobody out"),
        ({"bans": "203.0.113.80"}, "banned 203.0.113.80 instead.*set sshd unbanip 203.0.113.80"),
        ({"stays_closed": True}, "no longer lists 10.20.2.2, and yet it is kept out"),
    ],
)
def test_what_does_not_hold(changes, message):
    house = House(**changes)
    with pytest.raises(AssertionError, match=message):
        run(house)
    assert house.logins <= 6
    assert "10.20.2.2" not in house.listed


def test_connects_that_are_counted_too():
    class Aggressive(House):
        def connect_until(self, host, port, *, opened, within_s, vantage):
            found = super().connect_until(host, port, opened=opened, within_s=within_s, vantage=vantage)
            if opened:
                self.listed.add(self.outside)
                self.shut = True
            return found

    house = Aggressive()
    run(house)
    assert house.listed == {"198.51.100.7"}
    assert not house.shut


@pytest.mark.parametrize("late", [1, 3])
def test_fail2ban_is_behind_with_what_it_reads(late):
    class Slow(House):
        """Bans anew some time after a ban was lifted, of what was logged before."""

        backlog: int = late

        def command(self, name, **arguments):
            if name == "fail2ban-banned" and self.changed and self.outside not in self.listed and self.backlog:
                self.backlog -= 1
                self.listed.add(self.outside)
                self.shut = True
            return super().command(name, **arguments)

    house = Slow()
    run(house)
    assert (house.listed, house.shut, house.backlog) == ({"198.51.100.7"}, False, 0)


def test_banned_anew_before_it_is_let_in():
    class Slow(House):
        backlog: int = 1

        def connect_until(self, host, port, *, opened, within_s, vantage):
            if opened and self.backlog:
                self.backlog -= 1
                self.listed.add(self.outside)
                self.shut = True
            return super().connect_until(host, port, opened=opened, within_s=within_s, vantage=vantage)

    house = Slow()
    run(house)
    assert (house.listed, house.shut, house.backlog) == ({"198.51.100.7"}, False, 0)


def test_listed_from_the_start_and_yet_answered():
    house = House(listed={"10.20.2.2"})
    with pytest.raises(AssertionError, match=r"lists 10\.20\.2\.2 as banned already"):
        run(house)
    assert (house.logins, house.listed) == (1, set())


def test_lifting_that_fails_is_said_with_the_command():
    with pytest.raises(Indeterminate, match=f"left banned .*something.*{BY_HAND}"):
        run(House(unban="fails"))


@pytest.mark.parametrize("bans", ["outside", None])
def test_ctrl_c(bans):
    house = House(interrupt_at=5, bans=bans)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(house)
    assert not str(caught.value)
    assert house.changed == ["10.20.2.2"]


def test_ctrl_c_where_lifting_fails():
    class Late(House):
        def connect_until(self, host, port, **options):
            self.listed.add(self.outside)  # the ban was under way
            return super().connect_until(host, port, **options)

    with pytest.raises(KeyboardInterrupt, match=BY_HAND):
        run(Late(interrupt_at=1, unban="fails"))


def test_another_address_of_the_prover_s_is_let_in_again():
    house = House(bans="10.20.1.2")
    with pytest.raises(AssertionError, match=r"banned 10\.20\.1\.2 instead"):
        run(house)
    assert house.listed == {"198.51.100.7"}


@pytest.mark.parametrize(
    ("house", "changes", "message"),
    [
        ({}, {"allow_ban_probe": False}, "allow_ban_probe"),
        ({}, {"ban_vantage": None}, "names no vantage that may be banned"),
        ({}, {"ban_vantage": "moon"}, "names no vantage that may be banned"),
        ({}, {"ban_vantage": "here"}, "names no vantage that may be banned"),
        ({}, {"ban_vantage": "bastion"}, "source_address or forwards"),
        ({}, {"ban_vantage": "alias"}, "prover's own connections come from the vantage alias"),
        ({}, {"host": Host("local://", jails={"ssh": "sshd"})}, "not reached over SSH"),
        ({}, {"host": Host("ssh://h")}, r"host\.jails\.ssh"),
        ({}, {"seen": "nameless.example"}, "no address"),
        ({"session": ""}, {}, "SSH_CONNECTION"),
        ({"unban": "refused"}, {}, "none is tried.*--bans"),
        ({"maxretry": "many\n"}, {}, "no number"),
        ({"shut": True}, {}, "control experiment did not succeed"),
    ],
)
def test_nobody_fails_to_log_in(house, changes, message):
    made = House(**house)
    with pytest.raises(Indeterminate, match=message):
        run(made, **changes)
    assert made.logins == 0


@pytest.mark.parametrize(
    ("house", "changes", "message"),
    [
        ({"outside": "10.20.1.2"}, {}, "where the prover's own connections come from"),
        ({"outside": "::ffff:10.20.1.2"}, {}, "where the prover's own connections come from"),
        ({"outside": "10.20.1.77"}, {"seen": "10.20.1.77"}, "where the prover's own connections come from"),
        ({"journal": "Failed\n"}, {}, "from nowhere"),
        ({"journal": "Invalid user {name} from \x1b[31m port {port}\n"}, {}, "from nowhere"),
        ({"journal": TWO}, {}, "2 addresses"),
    ],
)  # fmt: skip
def test_after_the_first_failed_login_nothing_is_clear(house, changes, message):
    made = House(**house)
    with pytest.raises(Indeterminate, match=message):
        run(made, **changes)
    assert made.logins == 1


def test_nobody_stands_guard():
    made = House(guard="refused")
    with pytest.raises(ChannelError, match="the host has no shell"):
        run(made)
    assert (made.logins, made.listed) == (1, {"198.51.100.7"})


def test_kept_out_by_something_else():
    with pytest.raises(Indeterminate, match=r"not by jail sshd.*PerSourcePenalties"):
        run(House(bans=None, closes_by_itself=True))


def test_a_parameter_that_allows_too_much():
    many = {"most_retries": 1000, "ban_within_s": 60}
    sql = Sql(tables={"USER()": ({"address": "localhost"},)})
    house = House(maxretry="999\n")
    with pytest.raises(Indeterminate, match="1000 failed logins"):
        probe(machine=house, network=house, sql=sql, target=target(**GOOD), params=many)
