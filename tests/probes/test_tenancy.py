"""The tenancy surface: its pure parts as tables, and verdicts that no server of the lab can be brought to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from probes.looks import Attempt, experiments, refused, target

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import Application, Identity, Tenancy, Tenant, TenantWrite
from proofs.probes.tenancy import test_binding, test_lifetime, test_metadata, test_views, test_writes
from proofs.probes.tenancy.definitions import Body
from proofs.probes.tenancy.effects import digest, engines_that_keep
from proofs.probes.tenancy.oracle import telling
from proofs.probes.tenancy.scene import View, committing, own, scene, tally
from proofs.probes.tenancy.wording import placeholders, spellings, unknown_like, user_variables

ALPHA = "2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5"
BETA = "c7d94e10-3f8b-4a6d-8e21-5b6a7c8d9e0f"
PARAMS: Mapping[str, Any] = {"refused_with": ("1644",)}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("BEGIN RETURN @tenant; END", {"tenant"}),
        ("SET @Tenant_Id = 1, @`odd name` = 2, @'other' = 3", {"Tenant_Id", "odd name", "other"}),
        ("SELECT @@session.time_zone, @@version", set()),
        ("SELECT 'mail@example.org', \"b@c\" -- @comment\n/* @another */ # @third", set()),
        ("select (`t`.`tenant_id` = (@`tenant_uuid_bin`)) AS `a`", {"tenant_uuid_bin"}),
        ("SELECT 1", set()),
    ],
)
def test_user_variables_are_found(body, names):
    assert user_variables(body) == names


@pytest.mark.parametrize(
    ("tenant", "spelled"),
    [
        (ALPHA, (f"'{ALPHA}'", "'2B1F8A526D0E4C3B9A57F0C1D2E3A4B5'", "X'2b1f8a526d0e4c3b9a57f0c1d2e3a4b5'")),
        ("17", ("17",)),
        ("o'neill", ("_utf8mb4 X'6f276e65696c6c'",)),
    ],
)
def test_spellings_of_an_id(tenant, spelled):
    assert spellings(tenant) == spelled


def test_an_unknown_id_has_the_form_of_a_known_one():
    made_up = unknown_like(ALPHA, [ALPHA, BETA])
    assert made_up not in (ALPHA, BETA)
    assert [sign == "-" for sign in made_up] == [sign == "-" for sign in ALPHA]
    assert unknown_like(ALPHA, [made_up]) != made_up
    assert int(unknown_like("1", ["1", "2"])) > 10**9
    with pytest.raises(Indeterminate):
        unknown_like("---", ["---"])


def test_placeholders():
    assert placeholders("CALL a.b({tenant}, {user_id}, '{}')") == {"tenant", "user_id"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("select `a`.`tenant_id` from x", True), ("SELECT TENANT_ID", True), ("SELECT tenant_idx, my_tenant_id", False)],
)
def test_a_definition_names_a_column_as_a_whole_word(text, found):
    assert Body("view", "v", "DEFINER", text).names("tenant_id") is found


def test_telling_statements_rest_on_a_column_that_nothing_else_fixes():
    row = {
        "tenant_id": {"$hex": "aa"},
        "id": 7,
        "secret": {"$hex": "0102"},
        "empty": {"$hex": ""},
        "text": "x",
        "n": None,
    }
    statements = telling("`s`.`v`", "tenant_id", row)
    for statement in statements:
        told = statement.partition("EXP(")[2]
        assert "`secret` = X'0102'" in told
        assert "secret" not in statement.replace(told, "")
        assert "tenant_id` = X'aa'" in told
    assert any("`v`.`tenant_id` = X'aa' AND `v`.`id` = 7 AND EXP" in statement for statement in statements)
    assert "LEFT JOIN" in statements[-1]
    assert telling("v", "tenant_id", {"tenant_id": {"$hex": "aa"}, "text": "x"}) == []
    assert telling("v", "tenant_id", {"id": 7, "secret": {"$hex": "01"}}) == []


def test_a_digest_covers_every_column():
    assert digest("s", "v", ["a", "b`c"]).count("HEX(") == 2


@dataclass
class Sql:
    """`answer(identity, statement)` for every statement of scripts, scenarios and looks at tables."""

    answer: Callable[[str, str], Any]
    seen: list[tuple[str, str]] = field(default_factory=list)
    connect: Callable[[], None] = lambda: None

    def _one(self, identity: str, statement: str) -> Any:
        self.seen.append((identity, statement))
        return self.answer(identity, statement)

    def rows(self, statement: str, *, identity: str = "inspector") -> Any:
        return self._one(identity, statement).rows

    def query(self, statement: str, *, identity: str = "inspector") -> Any:
        return self._one(identity, statement)

    def script(self, identity: str, statements: Sequence[str], *, transaction: bool = True) -> Any:
        self.connect()
        return [self._one(identity, each) for each in statements]

    def scenario(self, sessions: Mapping[str, str], steps: Any, *, transaction: bool = True) -> Any:
        self.connect()
        return [self._one(sessions[label], statement) for label, statement in steps]


def tenants(**changes: Any) -> Any:
    known: dict[str, Any] = {
        "column": "tenant_id",
        "set_context": "CALL s.take({tenant})",
        "clear_context": "CALL s.drop()",
        "tenants": {"alpha": Tenant(ALPHA, "app"), "beta": Tenant(BETA, "app-other")},
        "writes": (TenantWrite("open", "CALL s.open({tenant})"),),
    }
    application = Application(("app", "app-other"), ("take", "drop"), ("v",))
    return target(
        schema="s",
        application=application,
        tenancy=Tenancy(**(known | changes.pop("tenancy", {}))),
        **({"allow_canary_writes": True} | changes),
    )


def rows(*found: Mapping[str, Any]) -> Attempt:
    return Attempt(rows=found)


COLUMNS = rows({"name": "v", "column_name": "tenant_id"}, {"name": "v", "column_name": "id"})


def of(identity: str, count: int = 1) -> Attempt:
    return rows({"tenant": {"$hex": "aa" if identity == "app" else "bb"}, "n": count})


@pytest.mark.parametrize("missing", ["schema", "application", "tenancy"])
def test_a_missing_section_is_named(missing):
    with pytest.raises(Indeterminate, match=missing):
        scene(target(**({"schema": "s", "application": Application((), (), ("v",))} | {missing: None})))


def test_two_tenants_need_an_identity_each():
    one = {"tenants": {"alpha": Tenant(ALPHA, "app")}}
    shared = {"tenants": {"alpha": Tenant(ALPHA, "app"), "beta": Tenant(BETA, "app")}}
    for tenancy in (one, shared):
        with pytest.raises(Indeterminate, match=r"tenancy\.tenants"):
            scene(tenants(tenancy=tenancy))


def test_contexts_are_committed_only_where_writes_are_allowed():
    with pytest.raises(Indeterminate, match="allow_canary_writes"):
        committing(tenants(allow_canary_writes=False))
    assert committing(tenants()).schema == "s"


def test_tally():
    assert tally(of("app", 3)) == {"X'aa'": 3}
    assert tally(refused(1644), frozenset({1644})) == {}
    with pytest.raises(Indeterminate):
        tally(refused(1146), frozenset({1644}))
    with pytest.raises(Indeterminate, match="no row is shown to the tenant itself"):
        own(rows())
    assert "HAVING" in View("v", "`s`.`v`", None).tally


def views_of(shown: Callable[[str, str | None], Attempt]) -> Sql:
    """A server that keeps track of each identity's context; `shown(identity, tenant)` answers a tally."""
    state: dict[str, str | None] = {}

    def answer(identity: str, statement: str) -> Attempt:
        if "information_schema" in statement:
            return COLUMNS
        if statement.startswith("CALL s.take"):
            state[identity] = next((name for name in (ALPHA, BETA) if name in statement), None)
            return Attempt() if state[identity] else refused(1644)
        if statement.startswith("CALL s.drop"):
            state[identity] = None
            return Attempt()
        if "*" in statement.split("FROM", maxsplit=1)[0] and "COUNT" not in statement:
            return rows({"tenant_id": {"$hex": "aa" if identity == "app" else "bb"}, "id": 1})
        if "WHERE" in statement:
            return of(identity) if ("X'aa'" in statement) == (identity == "app") else rows()
        return shown(identity, state.get(identity))

    return Sql(answer, connect=state.clear)


def test_views_that_hold_are_satisfied():
    sql: Any = views_of(lambda identity, tenant: of(identity) if tenant else rows())
    test_views.test_own_context_shows_own_rows_only(sql, tenants())
    test_views.test_without_a_context_nothing_is_shown(sql, tenants(), PARAMS)


def test_rows_that_stay_after_the_context_was_dropped_are_found():
    sql: Any = views_of(lambda identity, tenant: of(identity))
    with pytest.raises(AssertionError, match="before it took a context"):
        test_views.test_without_a_context_nothing_is_shown(sql, tenants(), PARAMS)


def test_views_without_rows_prove_nothing():
    sql: Any = views_of(lambda identity, tenant: rows())
    with pytest.raises(Indeterminate):
        test_views.test_own_context_shows_own_rows_only(sql, tenants())
    with pytest.raises(Indeterminate):
        test_views.test_without_a_context_nothing_is_shown(sql, tenants(), PARAMS)


def test_one_tenant_shown_to_both_is_found():
    sql: Any = views_of(lambda identity, tenant: of("app") if tenant else rows())
    with pytest.raises(AssertionError, match="rows of the same tenant"):
        test_views.test_own_context_shows_own_rows_only(sql, tenants())


def test_not_knowing_how_to_drop_a_context_is_a_doubt():
    sql: Any = views_of(lambda identity, tenant: of(identity) if tenant else rows())
    with pytest.raises(Indeterminate, match="clear_context"):
        test_views.test_without_a_context_nothing_is_shown(sql, tenants(tenancy={"clear_context": None}), PARAMS)


def test_queries_without_rows_prove_nothing():
    sql: Any = Sql(lambda identity, statement: rows())
    with pytest.raises(Indeterminate, match=r"tenancy\.queries"):
        test_views.test_queries_of_two_tenants_are_disjoint(sql, tenants())
    with pytest.raises(Indeterminate, match="no row is shown"):
        test_views.test_queries_of_two_tenants_are_disjoint(sql, tenants(tenancy={"queries": ("SELECT 1",)}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"allow_canary_writes": False}, "allow_canary_writes"), ({"tenancy": {"writes": ()}}, r"tenancy\.writes")],
)
def test_writes_are_not_made_unless_allowed(changes, named):
    sql: Any = Sql(lambda identity, statement: rows({"name": "t", "engine": "InnoDB"}))
    with pytest.raises(Indeterminate, match=named):
        test_writes.test_writes_need_a_context(sql, tenants(**changes), PARAMS, experiments())
    assert not any("s.open" in statement for _, statement in sql.seen)


def test_writes_are_not_made_where_no_rollback_undoes_them():
    sql: Any = Sql(lambda identity, statement: rows({"name": "t", "engine": "MyISAM"}))
    assert engines_that_keep(sql, "s") == ["t (MyISAM)"]
    with pytest.raises(Indeterminate, match="cannot be rolled back"):
        test_writes.test_writes_reach_no_other_tenant(sql, tenants(), PARAMS, experiments())
    assert not any("s.open" in statement for _, statement in sql.seen)


def test_a_write_let_through_without_an_effect_is_a_doubt():
    def answer(identity: str, statement: str) -> Attempt:
        if "engine" in statement:
            return rows({"name": "t", "engine": "InnoDB"})
        if "USER_PRIVILEGES" in statement or "CURRENT_USER" in statement or "information_schema" in statement:
            return rows()
        return rows({"n": 1, "sum": 1})

    sql: Any = Sql(answer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_writes, "table_columns", lambda *_: {"v": ["id"]})
        with pytest.raises(Indeterminate, match="let through, but no row was seen to change"):
            test_writes.test_writes_need_a_context(sql, tenants(), PARAMS, experiments())


@dataclass(frozen=True)
class Answer(Attempt):
    """With the server's words."""

    message: str = ""


@pytest.mark.parametrize(
    ("theirs", "nobodys", "found"),
    [
        ("refused", "refused", None),
        (f"{BETA} refused", "{unknown} refused", None),
        ("not yours", "no such tenant", "can tell a tenant that exists"),
        (f"you are {ALPHA}", f"you are {ALPHA}", "names the tenant"),
    ],
)
def test_answers_that_tell_tenants_apart(theirs, nobodys, found):
    unknown = unknown_like(ALPHA, [ALPHA, BETA])

    def answer(identity: str, statement: str) -> Attempt:
        mine, other = (ALPHA, BETA) if identity == "app" else (BETA, ALPHA)
        if mine in statement:
            return Answer()
        text = theirs if other in statement else nobodys
        return Answer(False, frozenset({1644}), message=text.replace("{unknown}", unknown).replace(BETA, other))

    sql: Any = Sql(answer)
    if found is None:
        test_binding.test_refusals_do_not_tell_which_tenants_exist(sql, tenants())
    else:
        with pytest.raises(AssertionError, match=found):
            test_binding.test_refusals_do_not_tell_which_tenants_exist(sql, tenants())


class Lab:
    """Restarts, counted; `ids` are the connection ids that follow."""

    def __init__(self, possible: bool = True) -> None:
        self.restarts = 0
        self.possible = possible

    def restart(self) -> None:
        if not self.possible:
            raise NotApplicable("not a lab")
        self.restarts += 1


@pytest.mark.parametrize(
    ("after", "kept", "verdict"),
    [
        ([3, 4, 31], False, None),
        ([3, 4, 31], True, AssertionError),
        ([3, 4, 32], False, Indeterminate),
    ],
)
def test_a_restart_is_judged_when_the_id_comes_again(after, kept, verdict):
    # Ids that a start of the server may have taken are counted past first.
    lab, ids, state = Lab(), iter([9, 30, 31, *after]), {"id": 0, "bound": False}

    def answer(identity: str, statement: str) -> Attempt:
        if "information_schema" in statement:
            return COLUMNS
        if "CONNECTION_ID" in statement:
            state["id"], state["bound"] = next(ids), False
            return rows({"id": state["id"]})
        if "take" in statement:
            state["bound"] = True
            return Attempt()
        return of(identity) if state["bound"] or (kept and state["id"] == 31) else rows()

    sql: Any = Sql(answer)
    if verdict is None:
        test_lifetime.test_a_restart_leaves_no_context(sql, tenants(), lab, PARAMS)
    else:
        with pytest.raises(verdict):
            test_lifetime.test_a_restart_leaves_no_context(sql, tenants(), lab, PARAMS)
    assert lab.restarts == 2


def test_nothing_is_restarted_that_is_not_the_projects():
    sql: Any = Sql(lambda identity, statement: COLUMNS)
    with pytest.raises(NotApplicable):
        test_lifetime.test_a_restart_leaves_no_context(sql, tenants(), Lab(possible=False), PARAMS)


def test_sessions_of_others_are_found():
    def answer(identity: str, statement: str) -> Attempt:
        if "CONNECTION_ID" in statement:
            return rows({"id": 5})
        if "performance_schema" in statement:
            return refused(1142)
        return rows({"id": 5, "user": "app_other"}, {"id": 4, "user": "app"})

    users = {"app": "app", "app-other": "app_other"}
    identities = {name: Identity(name, user, None, None, "10.0.0.5") for name, user in users.items()}
    sql: Any = Sql(answer)
    with pytest.raises(AssertionError, match="app is shown sessions of app_other"):
        test_metadata.test_other_sessions_are_hidden(sql, tenants(identities=identities))
