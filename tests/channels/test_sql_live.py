"""The sql channel against both engines."""

from __future__ import annotations

import pytest
from channels.fakes import Recorder

from proofs.catalogue.controls import load_catalogue
from proofs.catalogue.inventory import load_inventory
from proofs.catalogue.secretstore import SecretStore
from proofs.channels.budget import AbortBudget
from proofs.channels.sql import Sql
from proofs.ports import CHANGE_USER, RESET_CONNECTION
from proofs.resources import CONTROLS, TARGETS

pytestmark = pytest.mark.live


@pytest.fixture
def sql(lab):
    name = "lab" if lab.engine == "mysql" else "lab-mariadb"
    target = load_inventory(TARGETS).resolve(name, {"lab": str(lab.directory)}, load_catalogue(CONTROLS))
    channel = Sql(target, Recorder(), SecretStore(), AbortBudget(lambda: True))
    yield channel
    channel.close()


def test_a_good_login_shows_its_session(sql):
    result = sql.login("inspector")
    assert result.ok, result.describe()
    assert result.session["ssl_version"] == "TLSv1.3"
    assert result.session["current_user"] == "inspector@127.0.0.1"


def test_refusals_tell_where_they_happened(sql):
    # The account requires a certificate: that is looked at before the switch `require_secure_transport`.
    plain = sql.login("inspector", tls="off")
    assert (plain.ok, plain.codes) == (False, {1045})
    assert 1045 in sql.login("inspector", password="wrong").codes
    rogue = sql.login("inspector", certificate="rogue-ca")
    assert not rogue.ok
    assert rogue.stage in ("tls", "login")


def test_certificates_that_must_not_work(sql):
    for name in ("expired", "revoked", "wrong-eku", "not-yet-valid", "none", "identity:app"):
        assert not sql.login("inspector", certificate=name).ok, name


def test_a_kept_session_is_read_only(sql):
    assert sql.rows("SELECT 1 AS one") == [{"one": 1}]
    result = sql.query("SELECT @@session.transaction_read_only AS ro, 1 AS x")
    assert not result.ok or result.rows[0]["ro"] in (1, "1")


def test_variables_are_told_from_their_absence(sql):
    assert sql.variable("version")
    assert sql.variable("no_such_variable") is None


def test_local_infile_is_never_honoured(sql, tmp_path):
    (tmp_path / "bait").write_text("1\n")
    result = sql.attempt("app", f"LOAD DATA LOCAL INFILE '{tmp_path}/bait' INTO TABLE securedb.t", local_infile=True)
    assert not result.ok


def test_binary_and_long_values(sql):
    row = sql.rows("SELECT UNHEX('00FF') AS raw, REPEAT('x', 20000) AS wide, NULL AS nothing, 1.50 AS number")[0]
    assert row["raw"] == {"$hex": "00ff"}
    assert len(row["wide"]) == 20000
    assert row["nothing"] is None
    assert str(row["number"]) == "1.50"


def test_a_long_answer_is_cut(sql):
    many = " UNION ALL ".join(["SELECT REPEAT('x', 100000) AS v"] * 100)
    result = sql.query(many)
    assert result.truncated
    assert sql.rows("SELECT 2 AS two") == [{"two": 2}]


ALPHA = "2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5"
SET_TENANT = f"CALL securedb.security_set_tenant('{ALPHA}')"
HAS_TENANT = "SELECT securedb.get_tenant() IS NOT NULL AS has_tenant"


@pytest.mark.parametrize("command", [RESET_CONNECTION, CHANGE_USER])
def test_a_session_is_reset_and_lives_on(sql, command):
    steps = [SET_TENANT, "SET @mark = 1", HAS_TENANT, command, HAS_TENANT, "SELECT @mark IS NULL AS gone", SET_TENANT]
    results = sql.script("app", steps, transaction=False)
    assert [result.ok for result in results] == [True] * len(steps), [result.describe() for result in results]
    assert [results[at].rows[0] for at in (2, 4, 5)] == [{"has_tenant": 1}, {"has_tenant": 0}, {"gone": 1}]


def test_a_scenario_is_rolled_back_and_goes_on_after_refusals(sql):
    create = (
        f"CALL securedb.app_create_user_encrypted('{ALPHA}', '00000000-0000-4000-8000-00000000c0de', 'member', "
        "REPEAT('c', 60), REPEAT('i', 12), 'aad', REPEAT('w', 60), NULL, 'AES-256-GCM', 'AES-256-KW', 'key')"
    )
    count = "SELECT COUNT(*) AS n FROM securedb.audit_events"
    steps = [
        ("reader", "ROLLBACK"),
        ("reader", "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"),
        ("reader", count),
        ("writer", "SELECT * FROM securedb.users"),
        ("writer", SET_TENANT),
        ("writer", create),
        ("reader", count),
        ("second", SET_TENANT),
        ("second", create.replace("c0de", "c0df")),
    ]
    sessions = {"reader": "auditor", "writer": "app", "second": "app"}
    results = sql.scenario(sessions, steps)
    assert results[3].codes == {1142}
    assert results[6].rows[0]["n"] == results[2].rows[0]["n"] + 1
    assert results[8].codes == {1205}, "two writers at a time"
    assert sql.scenario({"reader": "auditor"}, [("reader", count)])[0].rows == results[2].rows
