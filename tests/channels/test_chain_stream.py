"""The audit table as a stream, from real servers: every row as it is stored, whatever it holds, with either driver."""

from __future__ import annotations

from collections.abc import Iterator

import pymysql
import pytest

from proofs.catalogue.secretstore import SecretStore
from proofs.channels.chain import fast, grouped, streamed
from proofs.channels.chain.plan import unique_alone
from proofs.channels.chain.session import make_plan
from proofs.channels.chain.source import opened
from proofs.channels.sql.connect import Connector, Wish
from proofs.errors import ChannelError
from proofs.lab import LabState, lease
from proofs.lab.anchoring import lab_target
from proofs.ledger import Wanted
from proofs.model import Target

pytestmark = pytest.mark.live

COLUMNS = (Wanted("prev", True), Wanted("curr", True), Wanted("prev", True), Wanted("doc", True), Wanted("raw", False))
ROWS = [
    (1, "a", "b", "plain", b"\x00\xff"),
    (2, "b", "c", "a\0nul in it", b""),
    (3, "c", "d", None, None),
    (4, "d", "e", "", b"="),
    (5, "e", "f", "=umlaut ä, € and 🔑  ", b"\0\0"),
    (700, "f", "g", "after a gap", b"'\\\""),
    (2**40, "g", "h", "far away", bytes(range(256))),
]
EXPECTED = [(i, *(v.encode() for v in (p, c, p)), None if d is None else d.encode(), r) for i, p, c, d, r in ROWS]


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def lab(request: pytest.FixtureRequest) -> Iterator[LabState]:
    with lease(f"chain-{request.param}", request.param) as state:
        run(
            state,
            "CREATE TABLE securedb.odd (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, "
            "prev CHAR(64) CHARACTER SET ascii NOT NULL, curr CHAR(64) CHARACTER SET latin1 NOT NULL, "
            "doc TEXT CHARACTER SET utf8mb4 NULL, raw BLOB NULL)",
            "CREATE TABLE securedb.loose (id BIGINT NOT NULL, prev CHAR(64) NOT NULL, curr CHAR(64) NOT NULL, "
            "doc TEXT, raw BLOB)",
            "CREATE TABLE securedb.many (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, prev CHAR(64) NOT NULL, "
            "curr CHAR(64) NOT NULL, doc TEXT CHARACTER SET latin1 NOT NULL, raw BLOB NOT NULL)",
            "GRANT SELECT ON securedb.odd TO 'auditor'@'127.0.0.1'",
            "GRANT SELECT ON securedb.loose TO 'auditor'@'127.0.0.1'",
            "GRANT SELECT ON securedb.many TO 'auditor'@'127.0.0.1'",
        )
        for table in ("odd", "loose"):
            run(state, *((f"INSERT INTO securedb.{table} VALUES (%s, %s, %s, %s, %s)", row) for row in ROWS))
        run(
            state,
            *(
                ("INSERT INTO securedb.many VALUES (%s, 'p', 'c', %s, %s)", (i, "é" * (i % 50), b"x" * (i % 7)))
                for i in range(1, 2001)
            ),
        )
        yield state


def run(lab: LabState, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    connection = pymysql.connect(
        unix_socket=str(lab.socket),
        user="root",
        password=(lab.directory / "secrets" / "operator").read_text(),
        ssl_disabled=True,
        autocommit=True,
        charset="utf8mb4",
    )
    with connection, connection.cursor() as cursor:
        for each in statements:
            statement, values = (each, ()) if isinstance(each, str) else each
            cursor.execute(statement, values or None)


@pytest.fixture
def target(lab: LabState) -> Target:
    return lab_target(lab.directory, lab.engine)


def rows(target: Target, table: str, *, quick: bool = False, first: int | None = None) -> list[tuple[object, ...]]:
    with opened(target, Connector(target, SecretStore()), "auditor", use_fast=quick) as source:
        if quick and source.note is not None:
            pytest.skip(source.note)
        plan = make_plan(source.ask, schema="securedb", table=table, id_column="id", columns=COLUMNS, first=first)
        return [
            row
            for block in source.read(plan)
            for row in zip(block.ids, block.previous, block.current, *block.parts, strict=True)
        ]


@pytest.mark.parametrize("quick", [False, True], ids=["pymysql", "mysqlclient"])
@pytest.mark.parametrize("table", ["odd", "loose"])
def test_every_row_comes_as_it_is_stored(target: Target, table: str, quick: bool) -> None:
    assert rows(target, table, quick=quick) == EXPECTED
    assert rows(target, table, quick=quick, first=5) == EXPECTED[4:]
    assert rows(target, table, quick=quick, first=6) == EXPECTED[5:]


@pytest.mark.parametrize("quick", [False, True], ids=["pymysql", "mysqlclient"])
def test_statements_join_without_loss(target: Target, quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "STATEMENT_ROWS", 500)  # 2000 rows: the last full statement has nothing after it
    monkeypatch.setattr(streamed, "BATCH", 130)
    monkeypatch.setattr(grouped, "FIRST_ROWS", 7)
    found = rows(target, "many", quick=quick)
    assert [row[0] for row in found] == list(range(1, 2001))
    assert all(row[4] == ("é" * (row[0] % 50)).encode() and row[5] == b"x" * (row[0] % 7) for row in found)


def test_a_block_that_was_cut_off_is_asked_for_in_pieces(target: Target) -> None:
    with opened(target, Connector(target, SecretStore()), "auditor", use_fast=False) as source:
        source.ask("SET SESSION group_concat_max_len = 1024")
        plan = make_plan(source.ask, schema="securedb", table="many", id_column="id", columns=COLUMNS)
        assert [i for block in source.read(plan) for i in block.ids] == list(range(1, 2001))
        odd = make_plan(source.ask, schema="securedb", table="odd", id_column="id", columns=COLUMNS)
        source.ask("SET SESSION group_concat_max_len = 100")
        with pytest.raises(ChannelError, match="is longer than the 100 bytes that are read"):
            list(source.read(odd))


def test_the_stream_is_of_one_moment(lab: LabState, target: Target) -> None:
    with opened(target, Connector(target, SecretStore()), "auditor", use_fast=False) as source:
        plan = make_plan(source.ask, schema="securedb", table="loose", id_column="id", columns=COLUMNS)
        run(lab, "INSERT INTO securedb.loose VALUES (3000000000000, 'x', 'y', NULL, NULL)")
        try:
            assert [i for block in source.read(plan) for i in block.ids] == [row[0] for row in ROWS]
        finally:
            run(lab, "DELETE FROM securedb.loose WHERE id = 3000000000000")


def test_what_is_not_there_is_told(target: Target) -> None:
    with opened(target, Connector(target, SecretStore()), "auditor", use_fast=False) as source:
        ask = source.ask
        for table, id_column, columns, why in (
            ("nothing", "id", COLUMNS, "no such table"),
            ("odd", "number", COLUMNS, "no column 'number'"),
            ("odd", "id", (*COLUMNS, Wanted("gone", True)), "no column 'gone'"),
            ("odd", "doc", COLUMNS, "expected whole numbers"),
        ):
            with pytest.raises(ChannelError, match=why):
                make_plan(ask, schema="securedb", table=table, id_column=id_column, columns=columns)
        assert not make_plan(ask, schema="securedb", table="loose", id_column="id", columns=COLUMNS).unique
        assert make_plan(ask, schema="securedb", table="odd", id_column="id", columns=COLUMNS).unique


def test_mysqlclient_talks_to_no_other_server_than_the_verified_one(lab: LabState, target: Target) -> None:
    pytest.importorskip("MySQLdb")
    connector, wish = Connector(target, SecretStore()), Wish("auditor")
    with pytest.raises(fast.NotFast, match=r"[Ff]ingerprint|TLS/SSL|2026|can't pin"):
        fast.connect(
            target.database,
            connector.keypair(wish),
            connector.identity("auditor").user,
            connector.password(wish),
            leaf=b"another certificate",
            limit_s=5,
        )


def test_only_a_key_of_the_id_alone_makes_it_unique() -> None:
    assert unique_alone([("PRIMARY", "ID", 1, None)], "id")
    assert not unique_alone([("PRIMARY", "id", 1, None), ("PRIMARY", "tenant", 2, None)], "id")
    assert not unique_alone([("PRIMARY", "id", 1, 4)], "id")
    assert not unique_alone([], "id")
