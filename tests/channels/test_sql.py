"""The sql channel against a server that lies, and its results rebuilt from evidence."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
from channels.fakes import Recorder, Replayer
from hostile.server import HostileServer, error, greeting, liar, packet, says

from proofs.catalogue.secretstore import SecretStore
from proofs.channels.budget import AbortBudget
from proofs.channels.sql import Sql
from proofs.channels.sql.answers import alert_of, cell, error_answer
from proofs.channels.sql.credentials import PUBLISHED, WRONG
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Database, Identity, KeyPair, SecretRef, Target

FINE = b"\x00\x00\x00\x02\x00\x00\x00"


@pytest.fixture
def target(material):
    def at(port: int, **more) -> Target:
        identities = {
            name: Identity(
                name,
                name,
                SecretRef("file", str(material["password"])),
                KeyPair(str(material[f"{name}.pem"]), str(material[f"{name}.key"])),
                "127.0.0.1",
            )
            for name in ("inspector", "app")
        }
        plain = Target(
            "fake", "A fake", "mysql", "p",
            Database("127.0.0.1", port, "db.lab.internal", str(material["ca.pem"])),
            identities,
            connect_timeout_s=1.0,
            statement_timeout_s=1.0,
        )  # fmt: skip
        return replace(plain, **more)

    return at


def channel(target, sink=None, aborted=None):
    budget = AbortBudget(lambda: True)
    return Sql(target, sink or Recorder(), SecretStore(), budget)


def lying(material, answer=lambda session, _: session.send(FINE), **more):
    return HostileServer(liar(answer, material["server.pem"], material["server.key"], **more))


def rows_of(columns, rows):
    def answer(session, statement):
        if statement.startswith("SET"):
            session.send(FINE)
        else:
            session.rows(columns, rows)

    return answer


def test_rows_come_back_by_column_in_lower_case(target, material):
    with lying(material, rows_of(["Variable_name", "VALUE"], [[b"sql_mode", None], [b"version", b"8.4.0"]])) as server:
        sql = channel(target(server.port))
        assert sql.rows("SHOW GLOBAL VARIABLES") == [
            {"variable_name": "sql_mode", "value": None},
            {"variable_name": "version", "value": "8.4.0"},
        ]
        assert sql.variable("VERSION") == "8.4.0"
        assert sql.variable("no_such") is None
        sql.close()
    assert server.connections == 1


def test_replay_gives_equal_results_without_a_server(target, material):
    recorder = Recorder()
    with lying(material, rows_of(["v"], [[b"1"]])) as server:
        at = target(server.port)
        live = channel(at, recorder)
        seen = (live.login("inspector"), live.query("SELECT 1"), live.attempt("app", "SELECT 2"))
        live.close()
    replay = channel(at, Replayer(recorder))
    again = (replay.login("inspector"), replay.query("SELECT 1"), replay.attempt("app", "SELECT 2"))
    for before, after in zip(seen, again, strict=True):
        assert before.answer == after.answer
        assert before.ok is after.ok
    with pytest.raises(Indeterminate):
        replay.query("SELECT 3")


def test_too_many_rows_are_cut_and_never_judged(target, material, monkeypatch):
    monkeypatch.setattr("proofs.channels.sql.statements.MAX_ROWS", 900)
    with lying(material, rows_of(["v"], [[b"1"]] * 2000)) as server:
        sql = channel(target(server.port))
        result = sql.query("SELECT v")
        assert result.ok
        assert result.truncated
        assert len(result.rows) == 500
        with pytest.raises(Indeterminate, match="longer than is kept"):
            sql.rows("SELECT v")
        # The next statement opens a new session.
        assert sql.query("SELECT w").truncated
    assert server.connections == 2


def test_an_answer_beyond_every_bound_is_no_answer(target, material, monkeypatch):
    monkeypatch.setattr("proofs.channels.sql.client.MAX_ANSWER_BYTES", 50_000)
    with lying(material, rows_of(["v"], [[b"x" * 60_000]])) as server:
        result = channel(target(server.port)).query("SELECT v")
    assert not result.ok
    assert result.codes == {"local:AnswerTooLong"}


def test_a_greeting_beyond_every_bound(target, monkeypatch):
    with HostileServer(says(b"\xff\xff\xff\x00" + b"\x0a" * 100, then_wait=True)) as server:
        result = channel(target(server.port)).login("inspector")
    assert (result.ok, result.stage, result.codes) == (False, "greeting", {"local:AnswerTooLong"})


@pytest.mark.parametrize(
    ("script", "stage", "code"),
    [
        (says(packet(error(1129, b"Host is blocked", greeted=False))), "greeting", 1129),
        (says(packet(error(1130, b"Host is not allowed", greeted=False))), "greeting", 1130),
        (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "greeting", None),
        (says(b""), "greeting", 2013),
        (says(packet(greeting()), then_wait=True), "tls", None),
        (says(packet(greeting(tls=True)) + b"plaintext after that", then_wait=True), "tls", None),
    ],
)
def test_how_far_a_login_got(target, script, stage, code):
    with HostileServer(script) as server:
        result = channel(target(server.port)).login("inspector")
    assert not result.ok
    assert result.stage == stage
    if code is not None:
        assert code in result.codes
    assert result.describe().isprintable()


def test_a_refused_connect_is_an_answer(target):
    with HostileServer(says(b"")) as server:
        at = target(server.port)
    result = channel(at).login("inspector")
    assert (result.ok, result.stage) == (False, "connect")
    with pytest.raises(ChannelError, match="cannot log in as inspector"):
        channel(at).query("SELECT 1")


def test_an_untrusted_server_gets_no_login(target, material):
    seen = []
    script = liar(lambda *_: seen.append(1), material["rogue-server.pem"], material["rogue-server.key"])
    with HostileServer(script) as server:
        result = channel(target(server.port)).login("inspector")
    assert (result.ok, result.stage) == (False, "tls")
    assert any(str(code).startswith("local:") for code in result.codes)
    assert not seen


def test_a_server_of_another_name_gets_no_login(target, material):
    with lying(material) as server:
        at = target(server.port)
        result = channel(replace(at, database=replace(at.database, server_name="other.internal"))).login("inspector")
    assert (result.ok, result.stage) == (False, "tls")


def test_a_server_without_tls_gets_no_plaintext_login(target):
    """PyMySQL upgrades by itself and must not downgrade by itself."""
    got = []

    def script(stream):
        stream.sendall(packet(greeting()))
        got.append(stream.recv(4096))

    with HostileServer(script) as server:
        result = channel(target(server.port)).login("inspector")
    assert not result.ok
    assert got in ([], [b""])


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_wanted_file_is_answered_with_nothing(target, material, tmp_path, repeats):
    (tmp_path / "bait").write_text("content")
    got = []

    def answer(session, statement):
        if statement.startswith("SET"):
            return session.send(FINE)
        for _ in range(repeats):
            session.send(b"\xfb" + str(tmp_path / "bait").encode())
            got.append(session.read())
        return session.send(FINE)

    with lying(material, answer) as server:
        sql = channel(target(server.port))
        result = sql.attempt("app", "LOAD DATA LOCAL INFILE '/x' INTO TABLE t", local_infile=True)
    assert got[0] == b""
    assert b"content" not in b"".join(got)
    assert result.local_file_requested or not result.ok


def test_a_file_wanted_in_a_row_is_only_a_null(target, material):
    with lying(material, rows_of(["v"], [[None]])) as server:
        result = channel(target(server.port)).query("SELECT NULL")
    assert result.rows == [{"v": None}]
    assert not result.local_file_requested


def test_guesses_have_a_good_login_between_them(target, material):
    with lying(material) as server:
        sql = channel(target(server.port))
        first = sql.login("inspector", password="wrong")
        second = sql.login("inspector", password="empty")
    assert "good_login_before" not in first.answer
    assert second.answer["good_login_before"] is True
    assert server.connections == 3


def test_no_second_guess_where_the_own_login_fails(target, material):
    with lying(material, login=error(1045, b"Access denied", b"28000")) as server:
        sql = channel(target(server.port))
        sql.login("inspector", password="wrong")
        with pytest.raises(ChannelError, match="no further guess"):
            sql.login("inspector", password="empty")


def test_a_lockout_needs_leave(target, material):
    with lying(material) as server:
        with pytest.raises(ChannelError, match="allow_lockout_probe"):
            channel(target(server.port)).login("inspector", password="wrong", lockout=True)
        assert not server.connections
        allowed = channel(target(server.port, allow_lockout_probe=True))
        for _ in range(3):
            assert allowed.login("inspector", password="wrong", lockout=True).ok
    assert server.connections == 3


@pytest.mark.parametrize(
    "wish",
    [
        {"identity": "nobody"},
        {"identity": "inspector", "certificate": "no-such"},
        {"identity": "inspector", "certificate": "identity:nobody"},
        {"identity": "inspector", "transport": "socket"},
        {"identity": "inspector", "endpoint": "admin"},
        {"identity": "inspector", "vantage": "the moon"},
    ],
)
def test_what_the_inventory_lacks_is_indeterminate_before_contact(target, material, wish):
    with lying(material) as server:
        with pytest.raises(Indeterminate, match="the inventory"):
            channel(target(server.port)).login(**wish)
        assert not server.connections


def test_an_attempt_is_rolled_back(target, material):
    said = []

    def answer(session, statement):
        said.append(statement)
        session.send(FINE)

    with lying(material, answer) as server:
        result = channel(target(server.port)).attempt("app", "DELETE FROM t")
    assert result.answer["rolled_back"] is True
    assert [one for one in said if not one.startswith(("SET", "SHOW"))] == [
        "START TRANSACTION",
        "DELETE FROM t",
        "ROLLBACK",
    ]


def test_sessions_are_held_open_together(target, material):
    with lying(material) as server:
        results = channel(target(server.port)).sessions("inspector", 3)
    assert [result.ok for result in results] == [True] * 3
    assert server.connections == 3


def test_labels_stand_for_passwords():
    assert set(channel_candidates()) == set(PUBLISHED)
    assert WRONG not in PUBLISHED.values()


def channel_candidates():
    return Sql.candidates(None)  # type: ignore[arg-type]


def test_cells():
    assert cell(b"\x00\xff", 252) == {"$hex": "00ff"}
    assert cell("7", 3) == 7
    assert cell("7", 253) == "7"
    assert cell(None, 3) is None


def test_alerts_are_named_as_in_the_standard():
    refused = ssl.SSLError()
    refused.reason = "TLSV1_ALERT_UNKNOWN_CA"
    assert alert_of(refused) == "unknown_ca"
    refused.reason = "WRONG_VERSION_NUMBER"
    assert alert_of(refused) is None
    outer = ConnectionError("lost")
    outer.__cause__ = refused
    assert error_answer(outer)["local"] == "wrong_version_number"


def test_messages_are_bounded():
    assert len(error_answer(OSError("x" * 10_000))["message"]) == 500
