"""The reference deployment as an application, an auditor and an administrator meet it, on both engines."""

import hashlib
import json
from datetime import UTC, datetime

import pymysql
import pytest
import sessions
from sessions import ask

from proofs.lab import lease

pytestmark = pytest.mark.live

ALPHA = "2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5"
BETA = "c7d94e10-3f8b-4a6d-8e21-5b6a7c8d9e0f"
REFUSED = 1644
USER = "00000000-0000-4000-8000-00000000c0de"
WRAPPED = "REPEAT('w', 60)"
SEALED = "REPEAT('c', 60), REPEAT('i', 12), 'aad', REPEAT('w', 60), NULL, 'AES-256-GCM', 'AES-256-KW', 'key'"


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def lab(request):
    with lease(f"reference-{request.param}", request.param) as state:
        yield state


@pytest.fixture
def connect(lab):
    """`connect(identity)`: a session over TLS, or the operator's over the socket; all closed, and so rolled back."""
    opened = []

    def open_one(identity):
        opened.append(sessions.connect(lab, identity))
        return opened[-1]

    yield open_one
    for session in opened:
        if session.open:
            session.close()


def refused(session, statement):
    """The number of the error."""
    with pytest.raises(pymysql.MySQLError) as caught:
        ask(session, statement)
    return caught.value.args[0]


def create_user(tenant, user=USER):
    return f"CALL securedb.app_create_user_encrypted('{tenant}', '{user}', 'member', {SEALED})"


@pytest.fixture
def app(connect):
    session = connect("app")
    ask(session, f"CALL securedb.security_set_tenant('{ALPHA}')")
    return session


def test_a_login_takes_only_the_tenant_it_is_entitled_to(connect):
    session = connect("app")
    for tenant in (BETA, "00000000-0000-4000-8000-000000000000", "junk", ""):
        assert refused(session, f"CALL securedb.security_set_tenant('{tenant}')") == REFUSED
    assert refused(session, "CALL securedb.security_set_tenant(NULL)") == REFUSED
    assert ask(session, "SELECT securedb.get_tenant()") == [(None,)]
    ask(session, f"CALL securedb.security_set_tenant('{ALPHA}')")
    assert ask(session, "SELECT HEX(securedb.get_tenant())") == [(ALPHA.replace("-", "").upper(),)]


def test_a_refused_switch_leaves_no_context(app):
    assert refused(app, f"CALL securedb.security_set_tenant('{BETA}')") == REFUSED
    assert ask(app, "SELECT securedb.get_tenant()") == [(None,)]


@pytest.mark.parametrize("ending", ["reset", "release", "rollback"])
def test_a_context_ends_with_the_session(app, ending):
    if ending == "rollback":
        app.rollback()
        assert ask(app, "SELECT securedb.get_tenant()") == [(None,)]
        return
    app.commit()
    assert ask(app, "SELECT securedb.get_tenant() IS NULL") == [(0,)]
    if ending == "reset":
        app._execute_command(0x1F, b"")
        app._read_packet()
    else:
        ask(app, "SELECT RELEASE_ALL_LOCKS()")
    assert ask(app, "SELECT securedb.get_tenant()") == [(None,)]
    assert refused(app, create_user(ALPHA)) == REFUSED


def test_a_revoked_entitlement_ends_the_context_at_once(app, connect):
    app.commit()
    operator = connect("operator")
    ask(operator, "DELETE FROM securedb.tenant_entitlements WHERE login = 'app@127.0.0.1'")
    ask(operator, "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
    assert ask(operator, "SELECT COUNT(*) FROM securedb.tenant_entitlements WHERE login = 'app@127.0.0.1'") == [(0,)]
    app.commit()
    ask(app, "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
    assert ask(app, "SELECT securedb.get_tenant()") == [(None,)]


def test_writes_stay_in_the_tenant(app):
    ask(app, create_user(ALPHA))
    assert refused(app, create_user(ALPHA)) == REFUSED
    assert refused(app, create_user(BETA)) == REFUSED
    first, second = (ask(app, f"CALL securedb.app_open_account('{ALPHA}', '{USER}', 'EUR')")[0][0] for _ in range(2))
    for source, target, amount in ((first, second, 1), (first, first, 0), (first, second, -1)):
        assert refused(app, f"CALL securedb.app_transfer('{ALPHA}', '{source}', '{target}', {amount})") == REFUSED
    assert refused(app, f"CALL securedb.app_open_account('{ALPHA}', '{BETA}', 'EUR')") == REFUSED


def test_a_transfer_moves_both_balances_and_is_audited(app, connect):
    ask(app, create_user(ALPHA))
    accounts = [ask(app, f"CALL securedb.app_open_account('{ALPHA}', '{USER}', 'EUR')")[0][0] for _ in range(2)]
    app.commit()
    operator = connect("operator")
    ask(operator, f"UPDATE securedb.accounts SET balance = 10 WHERE account_id = UNHEX('{accounts[0]}')")
    operator.commit()
    before = ask(operator, "SELECT id FROM securedb.audit_head")[0][0]
    operator.commit()
    ask(app, f"CALL securedb.app_transfer('{ALPHA}', '{accounts[0]}', '{accounts[1]}', 4)")
    app.commit()
    balances = dict(ask(app, "SELECT LOWER(HEX(account_id)), balance FROM securedb.tenant_accounts"))
    assert [int(balances[account]) for account in accounts] == [6, 4]
    events = ask(
        connect("auditor"),
        f"SELECT actor, action, table_name, before_doc, after_doc FROM securedb.audit_events WHERE id > {before}",
    )
    assert [event[:3] for event in events] == [("app@127.0.0.1", "UPDATE", "accounts")] * 2
    changes = {json.loads(event[4])["account_id"].lower(): json.loads(event[4])["balance"] for event in events}
    assert changes == {accounts[0]: "6.0000", accounts[1]: "4.0000"}


def test_the_chain_can_be_recomputed_and_the_time_not_forged(app, connect):
    ask(app, "SET time_zone = '+05:30'")
    ask(app, "SET timestamp = 1000000000")
    ask(app, create_user(ALPHA, "00000000-0000-4000-8000-0000000071e5"))
    assert ask(app, "SELECT @@session.time_zone") == [("+05:30",)]
    app.commit()
    previous = "0" * 64
    rows = ask(
        connect("auditor"),
        "SELECT id, payload, prev_hash, curr_hash, happened_at FROM securedb.audit_events ORDER BY id",
    )
    for number, (event, payload, before, current, _) in enumerate(rows, start=1):
        assert (event, before) == (number, previous)
        assert current == hashlib.sha256((before + payload).encode()).hexdigest()
        assert json.loads(payload)["id"] == event
        previous = current
    assert abs((datetime.now(UTC) - datetime.fromisoformat(rows[-1][4])).total_seconds()) < 60


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE securedb.audit_events SET id = id",
        "DELETE FROM securedb.audit_events",
        "REPLACE INTO securedb.audit_events (id, payload, prev_hash, curr_hash) VALUES (1, '{}', '', '')",
        "INSERT INTO securedb.audit_events (id, payload, prev_hash, curr_hash) VALUES (99999, '{}', '', '')",
        "UPDATE securedb.audit_head SET id = id - 1",
        "DELETE FROM securedb.audit_head",
    ],
)
def test_not_even_the_administrator_writes_the_audit_by_hand(connect, statement):
    assert refused(connect("operator"), statement) == REFUSED


@pytest.mark.parametrize("identity", ["app", "app-other", "auditor", "migration", "inspector", "scratch"])
def test_nobody_else_touches_what_is_audited(connect, identity):
    session = connect(identity)
    for table in ("users", "accounts", "tenants", "tenant_entitlements", "tenant_contexts", "audit_head"):
        assert refused(session, f"DELETE FROM securedb.{table} LIMIT 0") == 1142
        assert refused(session, f"ALTER TABLE securedb.{table} COMMENT 'x'") == 1142
    assert refused(session, "TRUNCATE securedb.audit_events") == 1142
    assert refused(session, "CALL securedb.audit_append('t', 'a', NULL, 'k', NULL, NULL)") == 1370


def test_migration_changes_staging_only(connect):
    session = connect("migration")
    ask(session, "CREATE TABLE securedb_staging.next_one (a INT)")
    ask(session, "DROP TABLE securedb_staging.next_one")
    assert refused(session, "CREATE TABLE securedb.one (a INT)") == 1142
    assert refused(session, "CREATE TABLE securedbXstaging.one (a INT)") == 1142


def test_sessions_do_not_wait_for_each_other_to_take_a_context(connect):
    sessions = [connect("app"), connect("app-other"), connect("app")]
    for session, tenant in zip(sessions, (ALPHA, BETA, ALPHA), strict=True):
        ask(session, "SET innodb_lock_wait_timeout = 1")
        session.begin()
        ask(session, f"CALL securedb.security_set_tenant('{tenant}')")


def test_contexts_that_are_dead_are_cleared_away(connect):
    for _ in range(5):
        session = connect("app")
        session.autocommit(True)
        ask(session, f"CALL securedb.security_set_tenant('{ALPHA}')")
        session.close()
        ask(session := connect("app"), f"CALL securedb.security_set_tenant('{ALPHA}')")
        session.commit()
    assert ask(connect("operator"), "SELECT COUNT(*) FROM securedb.tenant_contexts")[0][0] < 10


@pytest.mark.parametrize("setting", ["DO 0", "SET SESSION optimizer_switch = 'hypergraph_optimizer=on'"])
@pytest.mark.parametrize("context", [True, False], ids=["context", "no-context"])
def test_no_condition_is_evaluated_on_the_rows_of_another_tenant(lab, connect, context, setting):
    """An error that only a row of the other tenant can raise; the same on an own row is raised."""
    if "hypergraph" in setting and lab.engine == "mariadb":
        pytest.skip("an optimizer of MySQL")
    tenant = f"UNHEX(REPLACE('{BETA}', '-', ''))"
    (user, iv), *_ = ask(connect("operator"), f"SELECT user_id, pii_iv FROM securedb.users WHERE tenant_id = {tenant}")
    key = f"tenant_id = {tenant} AND user_id = 0x{user.hex()}"
    session = connect("app")
    ask(session, setting)
    if context:
        ask(session, f"CALL securedb.security_set_tenant('{ALPHA}')")
        own = "EXP(IF(tenant_id IS NOT NULL, 710, 0)) > 1"
        assert refused(session, f"SELECT COUNT(*) FROM securedb.tenant_users WHERE {own}") == 1690
    for condition in (key, f"tenant_id = {tenant}", f"user_id = 0x{user.hex()}", "TRUE"):
        told = f"EXP(IF(pii_iv = 0x{iv.hex()}, 710, 0)) > 1"
        assert ask(session, f"SELECT COUNT(*) FROM securedb.tenant_users WHERE {condition} AND {told}") == [(0,)]
    told = f"y.tenant_id = {tenant} AND EXP(IF(y.pii_iv = 0x{iv.hex()}, 710, 0)) > 1"
    ask(session, f"SELECT COUNT(*) FROM securedb.tenant_users AS x LEFT JOIN securedb.tenant_users AS y ON {told}")


@pytest.mark.parametrize(
    "call",
    [
        f"app_create_user_encrypted('{ALPHA}', '{USER}', 'm', 'c', REPEAT('i', 12), 'a', {WRAPPED}, NULL, '', '', '')",
        f"app_rewrap_user('{ALPHA}', '{USER}', 'w', NULL, 'a', 'a')",
    ],
)
def test_a_refusal_names_no_table(app, call):
    with pytest.raises(pymysql.MySQLError) as caught:
        ask(app, f"CALL securedb.{call}")
    assert caught.value.args == (REFUSED, "user refused")


def test_a_borrowed_connection_id_borrows_no_context(app, connect):
    app.commit()
    operator = connect("operator")
    right = "BINLOG REPLAY" if "MariaDB" in operator.server_version else "SYSTEM_VARIABLES_ADMIN"
    ask(operator, f"GRANT {right} ON *.* TO 'app'@'127.0.0.1'")
    try:
        thief = connect("app")
        ask(thief, f"SET SESSION pseudo_thread_id = {app.thread_id()}")
        assert ask(thief, "SELECT CONNECTION_ID()") == [(app.thread_id(),)]
        assert ask(thief, "SELECT securedb.get_tenant()") == [(None,)]
        assert ask(app, "SELECT securedb.get_tenant() IS NULL") == [(0,)]
    finally:
        ask(operator, f"REVOKE {right} ON *.* FROM 'app'@'127.0.0.1'")
