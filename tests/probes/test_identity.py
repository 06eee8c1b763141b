"""The identity probes against answers that no server of the lab can be brought to give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from probes.looks import Attempt, Machine, Sql, experiments, refused, target
from probes.test_accounts import MARIADB_ROW, MYSQL_ROW

from proofs.errors import ChannelError, Indeterminate
from proofs.model import Identity, KeyPair, SecretRef
from proofs.probes import readers
from proofs.probes.identity import test_account_hosts as hosts
from proofs.probes.identity import test_auth_plugins as plugins
from proofs.probes.identity import test_connection_limits as limits
from proofs.probes.identity import test_definers as definers
from proofs.probes.identity import test_empty_passwords as empty
from proofs.probes.identity import test_foreign_ca as foreign
from proofs.probes.identity import test_password_age as age
from proofs.probes.identity import test_password_policy as policy
from proofs.probes.identity import test_throttling as throttling

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
SCRATCH = Identity("scratch", "scratch", SecretRef("env", "S"), KeyPair("s.pem", "s.key"), "10.0.0.5")
SCRATCH_ROW = MYSQL_ROW | {"user": "scratch", "attempts": "3", "lock_days": "1", "max_user_connections": 3}
TABLES = {"mysql.user ORDER": [MYSQL_ROW, SCRATCH_ROW], "CURRENT_USER": [{"account": "app@10.0.0.5"}]}


@dataclass
class Memory(Sql):
    """An `Sql` that remembers what was asked, and holds sessions up to `room`."""

    room: int = 3

    def __post_init__(self):
        self.asked = []

    def login(self, identity, **options):
        self.asked.append((identity, options.get("password", "own")))
        return super().login(identity, **options)

    def attempt(self, identity, statement, **options):
        self.asked.append((identity, statement))
        return super().attempt(identity, statement, **options)

    def sessions(self, identity, count):
        return [Attempt() if number < self.room else refused(1226) for number in range(count)]


def test_an_empty_password_that_opens_is_a_finding():
    with pytest.raises(AssertionError, match="the attack succeeded"):
        empty.test_empty_password_is_refused(Sql({}, TABLES), target(), experiments())
    closed = Sql({}, TABLES, logins=lambda identity, **options: refused(1045) if "password" in options else Attempt())
    empty.test_empty_password_is_refused(closed, target(), experiments())


@pytest.mark.parametrize(
    ("engine", "attempts", "variables"),
    [("mysql", "1", {}), ("mariadb", None, {"max_password_errors": "1"}), ("mariadb", None, {})],
)
def test_an_account_that_one_failure_blocks_is_not_guessed_at(engine, attempts, variables):
    row = MYSQL_ROW | {"attempts": attempts} if engine == "mysql" else MARIADB_ROW
    table = "mysql.user ORDER" if engine == "mysql" else "mysql.global_priv ORDER"
    sql = Memory(variables, {table: [row], "CURRENT_USER": TABLES["CURRENT_USER"]})
    with pytest.raises(Indeterminate, match="one wrong guess"):
        empty.test_empty_password_is_refused(sql, target(engine), experiments(engine))
    assert not sql.asked


@pytest.mark.parametrize(
    ("networks", "finding"),
    [(None, None), ("", None), ("localhost, 10.1.0.0/16", None), ("*", "'*'"), ("10.0.0.1,::/0", "'::/0'")],
)
def test_a_server_that_believes_every_proxy_is_open_to_every_host(networks, finding):
    sql = Sql({} if networks is None else {"proxy_protocol_networks": networks}, TABLES)
    if finding is None:
        hosts.test_no_account_is_open_to_every_host(sql, target(), {"exempt_accounts": ()})
        return
    with pytest.raises(AssertionError, match="name its own address") as caught:
        hosts.test_no_account_is_open_to_every_host(sql, target(), {"exempt_accounts": ()})
    assert finding in str(caught.value)


def test_a_rogue_certificate_refused_only_by_the_account_is_a_finding():
    sql = Sql({}, TABLES, logins=lambda identity, **_: refused(1045))
    with pytest.raises(AssertionError, match="handshake accepted"):
        foreign.test_certificate_of_a_rogue_ca_is_refused(sql, target(), experiments())
    dropped = Sql({}, TABLES, logins=lambda identity, **_: refused(2013))
    with pytest.raises(Indeterminate):
        foreign.test_certificate_of_a_rogue_ca_is_refused(dropped, target(), experiments())


PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


class Ours:
    def pem(self, what):
        return PEM.format("AAAA")


@pytest.mark.parametrize(
    ("variables", "text", "finding"),
    [
        ({"ssl_ca": "ca.pem"}, PEM.format("AA\nAA"), None),
        ({"ssl_ca": "ca.pem"}, PEM.format("AAAA") + PEM.format("BBBB"), "1 CA certificates besides"),
        ({"ssl_ca": "ca.pem"}, "nothing", "holds no certificate"),
        ({"ssl_ca": ""}, "", "ssl_ca is empty"),
        ({"ssl_ca": "ca.pem", "ssl_capath": "/etc/ssl/certs"}, PEM.format("AAAA"), "ssl_capath"),
    ],
)
def test_trusted_cas_of_a_server(variables, text, finding):
    sql = Sql({"datadir": "/data/", **variables})
    look = lambda: foreign.test_only_the_private_ca_is_trusted(  # noqa: E731
        sql, target("mariadb"), Machine(files={"/data/ca.pem": text}), Ours()
    )
    if finding is None:
        look()
    else:
        with pytest.raises(AssertionError, match=finding):
            look()


@pytest.mark.parametrize(
    ("variables", "loaded", "fine"),
    [
        ({"authentication_policy": "caching_sha2_password,,"}, [], True),
        ({"authentication_policy": "*,,"}, ["caching_sha2_password"], True),
        ({"authentication_policy": "*,,"}, ["mysql_native_password"], False),
        ({"authentication_policy": "*:sha256_password,,"}, [], False),
        ({"authentication_policy": "*:caching_sha2_password,,"}, ["mysql_native_password"], False),
        ({"authentication_policy": "*,,", "default_authentication_plugin": "mysql_native_password"}, [], False),
        ({"default_authentication_plugin": "caching_sha2_password"}, ["mysql_native_password"], True),
    ],
)
def test_what_new_accounts_get_on_mysql(variables, loaded, fine):
    sql = Sql(variables, {"information_schema.plugins": [{"plugin": name} for name in loaded]})
    look = lambda: plugins.test_server_default_is_strong(  # noqa: E731
        sql, target(), {"allowed_mysql": ("caching_sha2_password",)}
    )
    if fine:
        look()
    else:
        with pytest.raises(AssertionError):
            look()


AGES = {"max_lifetime_days": 60, "min_history": 5, "min_reuse_interval_days": 365, "exempt_accounts": ()}


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({}, None),
        ({"changed": NOW.timestamp() - 59 * 86400}, None),
        ({"changed": NOW.timestamp() - 61 * 86400}, "61 days old, of 60"),
        ({"changed": NOW.timestamp() - 11 * 86400, "password_lifetime": 10}, "11 days old, of 10"),
        ({"changed": NOW.timestamp() - 61 * 86400, "password_expired": "Y"}, None),
        ({"changed": None}, "does not know the age"),
        ({"password_lifetime": 0}, "never expires"),
        ({"password_lifetime": 61}, "lives 61 days"),
        ({"password_reuse_history": 4}, "history is 4"),
        ({"password_reuse_time": 10}, "after 10 days"),
        ({"second_password": 1}, "still valid"),
        ({"second_password": 1, "account_locked": "Y"}, None),
    ],
)
def test_ages_of_passwords(change, finding):
    reader = MYSQL_ROW | {"user": "reader", "changed": NOW.timestamp()}
    judged = MYSQL_ROW | {"changed": NOW.timestamp()} | change
    tables = {"mysql.user ORDER": [reader, judged], "CURRENT_USER": [{"account": "reader@10.0.0.5"}]}
    look = lambda: age.test_no_account_is_exempt_or_overdue(  # noqa: E731
        Sql({"default_password_lifetime": "60"}, tables), target(), AGES, NOW
    )
    if finding is None:
        look()
    else:
        with pytest.raises(AssertionError, match=finding):
            look()


def test_passwords_to_try_are_weak_in_one_way_each():
    for length in (8, 15, 40):
        strong, weak = policy._passwords(length, NOW)
        assert len(strong) >= length
        classes = (str.isupper, str.islower, str.isdigit, lambda sign: not sign.isalnum())
        assert all(any(map(each, strong)) for each in classes)
        short, *others = weak.values()
        assert len(short) == length - 1
        for missing, password in zip((0, 1, 2, 3), others, strict=True):
            assert len(password) >= length
            assert [any(map(each, password)) for each in classes] == [number != missing for number in range(4)]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((1396, 1819), None),
        ((1396, 1396), AssertionError),
        ((1819, 1819), Indeterminate),
        ((1227, 1227), Indeterminate),
        ((1396, 1290), Indeterminate),
    ],
)
def test_a_password_check_is_told_from_other_refusals(answers, outcome):
    strong, _ = policy._passwords(15, NOW)
    sql = Sql({}, TABLES, attempts=lambda _, statement: refused(answers[0] if strong in statement else answers[1]))
    look = lambda: policy.test_weak_password_is_refused(  # noqa: E731
        sql, target(), {"minimum_length": 15}, NOW, experiments()
    )
    if outcome is None:
        look()
    else:
        with pytest.raises(outcome):
            look()


def test_mariadbs_memory_of_passwords_is_not_filled_without_leave():
    sql = Sql({"password_reuse_check_interval": "365"}, TABLES)
    with pytest.raises(Indeterminate, match="allow_canary_writes"):
        policy.test_weak_password_is_refused(
            sql, target("mariadb"), {"minimum_length": 15}, NOW, experiments("mariadb")
        )


FAILURES = {"max_failures": 5}


def allowed(**changes):
    plain = target(allow_lockout_probe=True, **changes)
    return replace(plain, identities=plain.identities | {"scratch": SCRATCH})


def test_nobody_is_locked_out_without_leave():
    sql = Memory({}, TABLES)
    with pytest.raises(Indeterminate, match="allow_lockout_probe"):
        throttling.test_repeated_failures_are_blocked(sql, target(), FAILURES, experiments())
    assert not sql.asked


def test_the_throw_away_account_is_freed_before_and_after():
    blocked = []

    def login(identity, password="own", **_):
        blocked.extend([password] if password == "wrong" else [])
        return refused(3955) if len(blocked) >= 3 and identity == "scratch" else Attempt()

    def free(identity, statement):
        blocked.clear()
        return Attempt()

    sql = Memory({}, TABLES, login, free)
    throttling.test_repeated_failures_are_blocked(sql, allowed(), FAILURES, experiments())
    unlock = ("operator", "ALTER USER 'scratch'@'10.0.0.5' ACCOUNT UNLOCK")
    guesses = [("scratch", "wrong")] * 3
    assert sql.asked == [unlock, *guesses, ("scratch", "own"), ("inspector", "own"), unlock, ("scratch", "own")]


def test_an_unlimited_account_is_a_finding_and_a_stuck_one_is_said():
    with pytest.raises(AssertionError, match="the attack succeeded"):
        throttling.test_repeated_failures_are_blocked(Sql({}, TABLES), allowed(), FAILURES, experiments())
    with pytest.raises(Indeterminate, match="could not be unblocked"):
        stuck = Memory({}, TABLES, attempts=lambda *_: refused(1227))
        throttling.test_repeated_failures_are_blocked(stuck, allowed(), FAILURES, experiments())
    freed = iter([Attempt()])
    late = Memory({}, TABLES, lambda *_, **__: refused(3955), lambda *_: next(freed, refused(1227)))
    with pytest.raises(Indeterminate, match="left blocked"):
        throttling.test_repeated_failures_are_blocked(late, allowed(), FAILURES, experiments())


def test_a_connection_lost_among_the_guesses_still_frees_the_account():
    def lost(identity, **_):
        raise ChannelError("lost")

    sql = Memory({}, TABLES, lost)
    with pytest.raises(ChannelError):
        throttling.test_repeated_failures_are_blocked(sql, allowed(), FAILURES, experiments())
    assert [who for who, _ in sql.asked] == ["operator", "scratch", "operator"]


@pytest.mark.parametrize(("delayed_from", "guesses"), [(4, 4), (None, 6)])
def test_connection_control_is_judged_by_the_delays_it_counts(delayed_from, guesses):
    tables = TABLES | {"mysql.user ORDER": [MYSQL_ROW, SCRATCH_ROW | {"attempts": None}]}
    sql = Memory({"component_connection_control.failed_connections_threshold": "3"}, tables)

    def query(statement, **_):
        made = len(sql.asked)
        late = max(0, made - delayed_from + 1) if delayed_from else 0
        return Attempt(rows=({"value": str(late)},))

    sql.query = query
    if delayed_from:
        throttling.test_repeated_failures_are_blocked(sql, allowed(), FAILURES, experiments())
    else:
        with pytest.raises(AssertionError, match="were not delayed"):
            throttling.test_repeated_failures_are_blocked(sql, allowed(), FAILURES, experiments())
    assert sql.asked == [*[("scratch", "wrong")] * guesses, ("scratch", "own")]


@pytest.mark.parametrize(("limit", "room", "outcome"), [(3, 3, None), (3, 9, AssertionError), (20, 20, Indeterminate)])
def test_limits_of_sessions(limit, room, outcome):
    row = SCRATCH_ROW | {"max_user_connections": limit}
    sql = Memory({"max_user_connections": "0"}, TABLES | {"mysql.user ORDER": [MYSQL_ROW, row]}, room=room)
    look = lambda: limits.test_session_over_the_limit_is_refused(  # noqa: E731
        sql, allowed(), {"max_live_probe_sessions": 12}, experiments()
    )
    if outcome is None:
        look()
    else:
        with pytest.raises(outcome):
            look()


def test_objects_that_cannot_be_seen_are_not_taken_for_none(monkeypatch):
    tables = TABLES | {"information_schema": []}
    monkeypatch.setattr(readers, "powers_of", lambda *_: {"SHOW VIEW": "granted"})
    with pytest.raises(Indeterminate, match="no TRIGGER, EVENT, SHOW_ROUTINE"):
        definers.test_every_definer_is_locked(Sql({}, tables), target(), {"exempt_accounts": ()})
    rights = dict.fromkeys(("SHOW VIEW", "TRIGGER", "EVENT", "SELECT"), "granted")
    monkeypatch.setattr(readers, "powers_of", lambda *_: rights)
    with pytest.raises(Indeterminate, match="no stored object"):
        definers.test_every_definer_is_locked(Sql({}, tables), target(), {"exempt_accounts": ()})
    owned = TABLES | {"information_schema": [{"definer": "scratch@10.0.0.5"}]}
    with pytest.raises(AssertionError, match="1 of 1 definers"):
        definers.test_every_definer_is_locked(Sql({}, owned), target(), {"exempt_accounts": ()})
    definers.test_every_definer_is_locked(Sql({}, owned), target(), {"exempt_accounts": ("scratch@10.0.0.5",)})
