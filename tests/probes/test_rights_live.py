"""For generated sets of grants, what the engine says a session may do is what the live server lets it do."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from probes.grant_sets import USERS, Reader, Server, grant_sets, things

from proofs.lab import lease
from proofs.probes.rights import tables
from proofs.probes.rights.sessions import Session, sessions
from proofs.probes.rights.shown import read_shown
from proofs.probes.rights.vocabulary import suffices

pytestmark = pytest.mark.live
QUIET = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large)


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def server(request):
    with lease(f"rights-{request.param}", request.param) as state:
        server = Server(state, request.param)
        with closing(server.admin):
            yield server


@settings(max_examples=30, deadline=None, suppress_health_check=QUIET, database=None)
@given(data=st.data())
def test_the_engine_says_what_the_server_allows(server, data):
    compare(server, data.draw(grant_sets(server.engine)))


@settings(max_examples=10, deadline=None, suppress_health_check=QUIET, database=None)
@given(data=st.data())
def test_what_mysql_shows_is_what_its_tables_hold(server, data):
    """SHOW GRANTS on the accounts' own sessions tells of nothing less than the tables (roles of roles: of more)."""
    if server.engine != "mysql":
        pytest.skip("MariaDB's SHOW GRANTS holds verifiers of passwords and is never asked for")
    server.apply(data.draw(grant_sets(server.engine)))
    read, shown = tables.read(Reader(server), "mysql"), read_shown(Reader(server), "mysql", USERS)
    for user in USERS:
        key = (user, "localhost")
        for thing in things():
            assert held(read, key, thing) <= held(shown, key, thing)


def held(facts, key, thing):
    return {name for session in sessions(facts, key) for name in session.held(thing)} - {"USAGE"}


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=QUIET, database=None)
@given(data=st.data())
def test_the_engine_says_what_the_server_allows_at_length(server, data):
    compare(server, data.draw(grant_sets(server.engine)))


def compare(server, grants):
    """Per account, choice of roles, action and object. Both ways, except where the engine takes the wider answer."""
    server.apply(grants)
    facts = tables.read(Reader(server), server.engine)
    tried = 0
    for user in USERS:
        for session in sessions(facts, (user, "localhost")):
            for (action, thing), allowed in server.allows(user, tuple(role for role, _ in session.active)).items():
                held = session.held(thing)
                said = any(all(each in held for each in wanted) for wanted in suffices(action))
                tried += 1
                if said is not allowed and not (said and wider(session, thing)):
                    where = f"{user} with {session.active}: {action} {thing}: server {allowed}, engine {said}"
                    raise AssertionError("\n".join((where, *grants.statements, str(grants.mandatory))))
    assert tried > 100


def wider(session: Session, thing):
    """Rows for schemas that rank alike are taken together, and routine grants to PUBLIC, which 10.11 doesn't apply."""
    public = any(each.holder[0] == "PUBLIC" and each.scope.level == "routine" for each in session.facts.grants)
    if thing.kind == "PROCEDURE" and public:
        return True
    return any(
        len({grant.scope.schema for _, grant in session.first(thing.schema, group)}) > 1 for group in session.groups()
    )
