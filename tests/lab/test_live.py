"""Real servers: up, used, attacked, down; and nothing left, however it ends."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest
from waiting import awaited

from proofs import lab
from proofs.errors import ChannelError, ConfigurationError
from proofs.lab import labs, sabotages
from proofs.lab.state import home, process_birth

pytestmark = pytest.mark.live

ENGINES = ("mysql", "mariadb")
PERSONS = ("inspector", "app", "auditor", "migration", "scratch")
HOLDER = """
import sys, time
from proofs import lab
with lab.lease(sys.argv[1], sys.argv[2]) as state:
    print(state.pid, flush=True)
    time.sleep(600)
"""


def name_of(engine, purpose="t"):
    return f"{purpose}-{engine}-{os.getpid()}"


def command_lines():
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield int(entry.parent.name), entry.read_bytes()


def remains(name):
    """Everything on disk and every process that bears this lab's name."""
    found = [p.name for p in home().iterdir() if p.name in (name, f".{name}.change", f".{name}.lease")]
    for _, words in command_lines():
        if f"/{name}/".encode() in words or f"\0{name}\0".encode() in words:
            found.append(words.decode().replace("\0", " "))
    return found


def watchdogs_of(name, pid):
    ending = f"proofs.lab.watchdog\0{name}\0{pid}\0".encode()
    return [process for process, words in command_lines() if words.endswith(ending)]


def await_no_remains(name):
    return [] if awaited(lambda: not remains(name)) else remains(name)


@pytest.fixture(scope="module", params=ENGINES)
def running(request):
    name = name_of(request.param, "m")
    with lab.lease(name, request.param) as state:
        yield state
    assert await_no_remains(name) == []


@pytest.fixture(params=ENGINES)
def engine(request):
    name = name_of(request.param)
    yield request.param
    lab.down(name)


def login(state, identity, *, certificate="own", tls=True, source="127.0.0.1", over_socket=False):
    """Log in and say as whom; raises the driver's error."""
    password = (state.directory / "secrets" / identity).read_text()
    if over_socket:
        way = {"unix_socket": str(state.socket), "user": "root"}
    else:
        user = "api_definer" if identity == "definer" else identity
        way = {"host": "127.0.0.1", "port": state.port, "user": user, "bind_address": source}
    if tls and not over_socket:
        context = ssl.create_default_context(cafile=str(state.directory / "pki" / "ca.pem"))
        pair = identity if certificate == "own" else certificate
        if pair:
            pki = state.directory / "pki"
            context.load_cert_chain(pki / f"{pair}.pem", pki / f"{pair}.key")
        way["ssl"] = context
    else:
        way["ssl_disabled"] = True
    with pymysql.connect(password=password, connect_timeout=10, read_timeout=10, **way) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT CURRENT_USER()")
        return cursor.fetchone()[0]


def refusal(state, identity, **how):
    with pytest.raises(pymysql.MySQLError) as caught:
        login(state, identity, **how)
    return caught.value.args


@pytest.mark.parametrize("identity", PERSONS)
def test_identities_log_in_with_their_own_certificate(running, identity):
    assert login(running, identity) == f"{identity}@127.0.0.1"


def test_the_operator_logs_in_over_the_socket_only(running):
    assert login(running, "operator", over_socket=True) == "root@localhost"
    with pytest.raises(pymysql.MySQLError):
        login(running, "operator", certificate="app")


@pytest.mark.parametrize(
    ("certificate", "alert"),
    [
        ("rogue-ca", "UNKNOWN_CA"),
        ("expired", "CERTIFICATE_EXPIRED"),
        ("not-yet-valid", "BAD_CERTIFICATE"),
        ("revoked", "CERTIFICATE_REVOKED"),
        ("wrong-eku", "UNSUPPORTED_CERTIFICATE"),
        ("impostor", "UNSUPPORTED_CERTIFICATE"),
        ("rogue-server", "UNKNOWN_CA"),
    ],
)
def test_attack_certificates_are_refused_in_the_handshake(running, certificate, alert):
    """Under TLS 1.3 the refusal comes after the client thought it was done.

    The driver then either reads the server's alert (2013), or fails to write before it looked for one (2006).
    """
    assert login(running, "app") == "app@127.0.0.1"
    code, message = refusal(running, "app", certificate=certificate)
    assert code == 2006 or (code == 2013 and alert in message)


def test_refusals_of_the_server(running):
    assert refusal(running, "app", certificate=None)[0] == 1045
    assert refusal(running, "app", certificate="auditor")[0] == 1045
    assert refusal(running, "app", tls=False)[0] == 1045
    assert refusal(running, "app", source="127.0.0.2")[0] == 1130
    assert refusal(running, "definer")[0] == {"mysql": 3118, "mariadb": 4151}[running.engine]


def test_the_definer_s_routine_runs_for_the_application(running):
    pki, secrets = running.directory / "pki", running.directory / "secrets"
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    context.load_cert_chain(pki / "app.pem", pki / "app.key")
    password = (secrets / "app").read_text()
    with pymysql.connect(host="127.0.0.1", port=running.port, user="app", password=password, ssl=context) as app:
        cursor = app.cursor()
        cursor.execute("CALL securedb.get_status()")
        assert cursor.fetchone() == ("ok", 0)
        with pytest.raises(pymysql.MySQLError):
            cursor.execute("SELECT * FROM securedb.users")


def test_who_can_read_what(running):
    private = [*(running.directory / "secrets").iterdir(), *running.directory.rglob("*.key")]
    assert len(private) > 15
    assert {oct(p.stat().st_mode & 0o777) for p in private} == {"0o600"}
    server_key = running.directory / "server" / "server.key"
    uid = int(Path(f"/proc/{running.pid}/status").read_text().split("Uid:")[1].split()[0])
    assert server_key.stat().st_uid == uid
    if os.geteuid() == 0:
        assert uid != 0
        assert (running.directory / "pki" / "app.key").stat().st_uid == 0
    command = Path(f"/proc/{running.pid}/cmdline").read_text()
    secrets = [p.read_text() for p in (running.directory / "secrets").iterdir()]
    assert not [s for s in secrets if s in command]
    config = next((running.directory / "server").glob("*.cnf")).read_text()
    assert not [s for s in secrets if s in config]


def test_nothing_listens_beyond_loopback(running):
    with socket.create_connection(("127.0.0.1", running.port), 5):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", running.port), 5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int((running.directory / "x_port").read_text())), 5)


def test_up_twice_is_one_lab_and_down_leaves_nothing(engine):
    name = name_of(engine)
    first = lab.up(name, engine)
    assert lab.up(name, engine) == first
    assert first in lab.status()
    assert lab.down(name) is True
    assert remains(name) == []
    assert process_birth(first.pid) is None
    assert lab.down(name) is False
    assert remains(name) == []


def test_up_is_quick_once_the_cache_is_warm(engine):
    name = name_of(engine)
    lab.up(name, engine)
    lab.down(name)
    started = time.monotonic()
    lab.up(name, engine)
    assert time.monotonic() - started < 10, "about 1 s on an idle machine"


def test_two_labs_of_one_engine_at_once(engine):
    names = [name_of(engine), name_of(engine, "u")]
    found = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: lab.up(n, engine)})) for n in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    try:
        assert len({state.port for state in found.values()}) == 2
        assert [login(found[n], "app") for n in names] == ["app@127.0.0.1"] * 2
    finally:
        for n in names:
            lab.down(n)


def test_a_lab_that_is_up_as_something_else_is_not_replaced(engine):
    name = name_of(engine)
    lab.up(name, engine)
    with pytest.raises(ConfigurationError, match=f"is up with {engine}, .*take it down first: proofs lab down {name}"):
        lab.up(name, engine, sabotage="bind-any")
    with pytest.raises(ConfigurationError, match="deployment"):
        lab.up(name_of(engine, "v"), engine, deployment="mariadb" if engine == "mysql" else "mysql")
    assert remains(name_of(engine, "v")) == []


def test_a_lease_takes_down_only_what_it_brought_up(engine):
    name = name_of(engine)
    kept = lab.up(name, engine)
    with lab.lease(name, engine) as state:
        assert state == kept
    assert login(kept, "app") == "app@127.0.0.1"
    lab.down(name)
    with lab.lease(name, engine) as state, lab.lease(name, engine) as again:
        assert again == state
    assert await_no_remains(name) == []


def test_a_leased_lab_can_be_kept(engine):
    name = name_of(engine)
    with lab.lease(name, engine):
        lab.up(name, engine)
    assert [state.name for state in lab.status() if state.name == name] == [name]


@pytest.fixture
def holder(engine):
    """Start a process that holds a lease on the lab of this name; it is gone after the test, however that ends."""
    started = []

    def start(name, engine):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, name, engine],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_whatever_ends_the_owner_ends_the_lab(engine, end, holder):
    name = name_of(engine)
    process, pid = holder(name, engine)
    os.killpg(process.pid, end)  # as a terminal does: the whole process group
    process.wait(20)
    assert await_no_remains(name) == []
    assert process_birth(pid) is None


def test_a_shared_lab_outlives_the_owner_s_death_until_the_last_user_ends(engine, holder):
    name = name_of(engine)
    owner, pid = holder(name, engine)
    with lab.lease(name, engine) as state:
        assert state.pid == pid
        owner.kill()
        owner.wait(20)
        assert login(state, "app") == "app@127.0.0.1"
    assert await_no_remains(name) == []


def test_a_lease_right_after_a_killed_one_gets_a_lab_that_lives(engine, holder):
    name = name_of(engine)
    owner, pid = holder(name, engine)
    owner.kill()
    owner.wait(20)
    with lab.lease(name, engine) as state:
        assert state.pid != pid or process_birth(pid) is not None
        assert login(state, "app") == "app@127.0.0.1"
    assert await_no_remains(name) == []


def test_a_lab_whose_owner_and_watchdog_were_killed_is_reaped(engine, holder):
    name = name_of(engine)
    owner, pid = holder(name, engine)
    # A process that was just started has no command line to read for a moment.
    watchdogs = awaited(lambda: watchdogs_of(name, pid))
    assert len(watchdogs) == 1
    os.kill(watchdogs[0], signal.SIGKILL)
    owner.kill()
    owner.wait(20)
    assert process_birth(pid) is not None
    assert name not in [state.name for state in lab.status()]
    assert remains(name) == []


def test_a_dead_server_s_remains_are_cleared_away(engine):
    name = name_of(engine)
    state = lab.up(name, engine)
    os.kill(state.pid, signal.SIGKILL)
    assert awaited(lambda: not state.alive)
    fresh = lab.up(name, engine)
    assert (fresh.pid, fresh.born) != (state.pid, state.born)
    assert login(fresh, "app") == "app@127.0.0.1"


def test_a_server_that_does_not_start_says_why_in_one_line(engine, monkeypatch):
    change = replace(sabotages.NO_CHANGE, options={"no_such_option": "1"})
    broken = sabotages.Sabotage("broken", "Broken", ("x",), {engine: change}, "here")
    monkeypatch.setattr(sabotages, "find", lambda name, engine: broken)
    with pytest.raises(ChannelError) as caught:
        lab.up(name_of(engine), engine, sabotage="broken")
    assert "ended while starting" in str(caught.value)
    assert "no_such_option" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert remains(name_of(engine)) == []


def test_sql_that_fails_names_no_secret(engine, monkeypatch):
    change = replace(sabotages.NO_CHANGE, sql=("ALTER USER nobody@nowhere IDENTIFIED BY '${password:app}'",))
    broken = sabotages.Sabotage("broken", "Broken", ("x",), {engine: change}, "here")
    monkeypatch.setattr(sabotages, "find", lambda name, engine: broken)
    monkeypatch.setattr("proofs.lab.build.new_password", lambda: "Sentinel-Pass.word+0123456789")
    with pytest.raises(ConfigurationError, match="SQL script 1, statement 1") as caught:
        lab.up(name_of(engine), engine, sabotage="broken")
    assert "Sentinel" not in str(caught.value)
    assert remains(name_of(engine)) == []


def test_a_restarted_lab_keeps_its_data_and_goes_with_its_last_lease(engine):
    name = name_of(engine)
    with lab.lease(name, engine) as state:
        secret = (state.directory / "secrets" / "app").read_text()
        assert lab.restart(name) is None
        (again,) = [each for each in lab.status() if each.name == name]
        assert (again.port, again.started) == (state.port, state.started)
        assert again.pid != state.pid
        assert process_birth(state.pid) is None
        assert login(again, "app") == "app@127.0.0.1"
        assert (again.directory / "secrets" / "app").read_text() == secret
    assert await_no_remains(name) == []


def test_a_lab_is_not_restarted_under_others(engine, monkeypatch):
    monkeypatch.setattr(labs, "CLOSING_LIMIT_S", 0.1)
    name = name_of(engine)
    with lab.lease(name, engine) as state:
        with socket.create_connection(("127.0.0.1", state.port), 5) as other:
            other.recv(1)
            assert lab.restart(name) == "others are connected to it"
        assert state.alive
    with pytest.raises(ConfigurationError, match="is not up"):
        lab.restart(name)


def test_a_lab_kept_with_a_sabotage_is_not_restarted(engine):
    name = name_of(engine)
    lab.up(name, engine, sabotage="password-alone-enough")
    assert "password-alone-enough might not outlive a restart" in str(lab.restart(name))
