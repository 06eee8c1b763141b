"""The channel `tls` against real servers of both engines."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
import pytest
from fakes import Recorder, Replayer
from scenery import carry_both, good_login, never, roomy, server, slow_link, target_of

from proofs.channels.budget import AbortBudget
from proofs.channels.tls import Tls
from proofs.errors import ChannelError, Indeterminate
from proofs.lab import LabState
from proofs.model import Json
from proofs.ports import HandshakeResult

pytestmark = pytest.mark.live
OLD = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2")


def tls_of(lab: LabState, sink: Any = None) -> Tls:
    return Tls(target_of(lab), sink or Recorder(), roomy())


def without_counts(facts: Json) -> Json:
    return {k: v for k, v in facts.items() if k not in ("connections", "aborted", "good_logins")}


def test_scan_of_a_good_server(lab: LabState) -> None:
    target, recorder = target_of(lab), Recorder()
    budget = AbortBudget(good_login(target))
    began = time.monotonic()
    facts = Tls(target, recorder, budget).scan()
    took = time.monotonic() - began
    assert facts["errors"] == {}
    assert all(facts["accepted"][version] == [] for version in OLD)
    assert "TLS_AES_256_GCM_SHA384" in facts["accepted"]["TLS 1.3"]
    assert facts["chain"][0].startswith("-----BEGIN CERTIFICATE-----")
    assert facts["curves"]
    assert facts["compression"] is False
    assert facts["early_data"] is False
    assert facts["renegotiation"]["client_initiated"] is False
    assert facts["heartbleed"] is False
    assert facts["connections"] == facts["aborted"] == budget.aborted > 100
    assert facts["good_logins"] == budget.renewals >= facts["aborted"] // 40 - 1
    assert took < 4, f"{took:.1f} s (under 2 s on an idle machine)"
    assert Tls(target, recorder, AbortBudget(never)).scan() == facts  # once per run
    assert Tls(target, Replayer(recorder), AbortBudget(never)).scan() == facts


def test_scan_stops_when_the_inspector_cannot_log_in(lab: LabState) -> None:
    budget = AbortBudget(lambda: False)
    with pytest.raises(ChannelError, match="cannot log in"):
        Tls(target_of(lab), Recorder(), budget).scan()
    assert budget.aborted <= 40


def test_a_single_group_is_offered(lab: LabState) -> None:
    recorder = Recorder()
    for tls in (tls_of(lab, recorder), tls_of(lab, Replayer(recorder))):
        chosen = tls.key_exchange("secp256r1")
        assert chosen.ok, chosen.describe()
        assert chosen.facts["group"] == 0x17
        other = tls.key_exchange("ffdhe3072")
        # MySQL has a list of curves of its own, MariaDB leaves it to OpenSSL.
        assert other.ok if lab.engine == "mariadb" else other.codes == {"alert:handshake_failure"}
    with pytest.raises(Indeterminate, match="IANA name of a group"):
        tls_of(lab).key_exchange("p-256")


def test_handshakes(lab: LabState) -> None:
    recorder = Recorder()
    tls = tls_of(lab, recorder)
    later = datetime(2060, 1, 1, tzinfo=UTC)
    questions: dict[str, Any] = {
        "plain": lambda t: t.handshake(),
        "verified": lambda t: t.handshake(verify=True),
        "other name": lambda t: t.handshake(verify=True, server_name="other.example"),
        "later": lambda t: t.handshake(verify=True, at=later),
        "1.2": lambda t: t.handshake(minimum="TLSv1.2", maximum="TLSv1.2"),
        "1.0-1.2": lambda t: t.handshake(minimum="TLSv1", maximum="TLSv1.2"),
        "1.1 with certificate": lambda t: t.handshake(
            minimum="TLSv1.1", maximum="TLSv1.1", certificate="identity:inspector"
        ),
        "own": lambda t: t.handshake(certificate="identity:inspector"),
        "rogue": lambda t: t.handshake(certificate="rogue-ca"),
        "expired": lambda t: t.handshake(certificate="expired"),
        "revoked": lambda t: t.handshake(certificate="revoked"),
        "suite": lambda t: t.cipher_suite("TLS_AES_256_GCM_SHA384"),
        "no suite": lambda t: t.cipher_suite("TLS_AES_128_CCM_8_SHA256"),
    }
    live: dict[str, HandshakeResult] = {name: ask(tls) for name, ask in questions.items()}
    codes = {name: set(result.codes) for name, result in live.items()}
    verify_failed = {"local:certificate_verify_failed"}
    assert codes == {
        "plain": set(),
        "verified": set(),
        "other name": verify_failed,
        "later": verify_failed,
        "1.2": {"alert:protocol_version"},
        "1.0-1.2": {"alert:protocol_version"},
        "1.1 with certificate": {"alert:protocol_version"},
        "own": set(),
        "rogue": {"alert:unknown_ca"},
        "expired": {"alert:certificate_expired"},
        "revoked": {"alert:certificate_revoked"},
        "suite": set(),
        "no suite": {"alert:handshake_failure"},
    }
    assert all(result.ok == (not result.codes) for result in live.values())
    assert live["verified"].facts["version"] == "TLSv1.3"
    assert "mismatch" in live["other name"].facts["verify_error"]
    assert len(live["other name"].facts["chain"]) >= 1
    assert "expired" in live["later"].facts["verify_error"]
    assert live["own"].facts["after"] == "answered"
    assert live["suite"].facts["cipher"] == "TLS_AES_256_GCM_SHA384"
    replay = tls_of(lab, Replayer(recorder))
    for name, ask in questions.items():
        again = ask(replay)
        assert (again, again.describe()) == (live[name], live[name].describe())


def test_impostors(lab: LabState) -> None:
    target = target_of(lab)
    tls = Tls(target, Recorder(), roomy())
    client = target.clients[0].path
    assert tls.impostor(client, "genuine").ok
    for presents in ("wrong-name", "rogue-ca"):
        result = tls.impostor(client, presents)
        assert not result.ok, presents
        assert result.codes == {"local:certificate_verify_failed"}
        assert result.facts["login_bytes"] == 0


def test_a_careless_client_is_fooled(lab: LabState, tmp_path: Path) -> None:
    target = target_of(lab)
    ca = target.database.ca
    mode = {"mysql": "ssl-mode=VERIFY_CA\n", "mariadb": ""}[lab.engine]
    careless = {
        f"[client]\n{mode}ssl-ca={ca}\n": {"wrong-name": True, "rogue-ca": False},
        "[client]\nssl\n": {"wrong-name": True, "rogue-ca": True},
        "[client]\n" + {"mysql": "ssl-mode=DISABLED", "mariadb": "skip-ssl"}[lab.engine]: {"rogue-ca": True},
    }
    for number, (text, fooled) in enumerate(careless.items()):
        file = tmp_path / f"{number}.cnf"
        file.write_text(text)
        tls = Tls(replace(target, clients=(replace(target.clients[0], path=str(file)),)), Recorder(), roomy())
        for presents, expected in fooled.items():
            result = tls.impostor(str(file), presents)
            assert result.ok is expected, (text, presents, result.describe())
            assert (result.facts["login_bytes"] > 0) is expected


@contextmanager
def changed(lab: LabState, **settings: str) -> Iterator[None]:
    password = (lab.directory / "secrets" / "operator").read_text().strip()
    with pymysql.connect(unix_socket=str(lab.socket), user="root", password=password) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT " + ", ".join(f"@@GLOBAL.{name}" for name in settings))
        before = dict(zip(settings, cursor.fetchone(), strict=True))
        for values in (settings, before):
            for name, value in values.items():
                cursor.execute(f"SET GLOBAL {name} = %s", (value,))
            cursor.execute("ALTER INSTANCE RELOAD TLS")
            if values is settings:
                yield


def test_tls12_is_seen(loose_mysql: LabState) -> None:
    with changed(loose_mysql, tls_version="TLSv1.2,TLSv1.3"):
        tls = tls_of(loose_mysql)
        facts = tls.scan()
        assert facts["errors"] == {}
        assert "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" in facts["accepted"]["TLS 1.2"] or any(
            "ECDHE_ECDSA" in suite for suite in facts["accepted"]["TLS 1.2"]
        )
        assert tls.handshake(minimum="TLSv1.2", maximum="TLSv1.2").facts["version"] == "TLSv1.2"
    with changed(loose_mysql, tls_version="TLSv1.2"):
        facts = tls_of(loose_mysql).scan()
        assert facts["accepted"]["TLS 1.3"] == []
        assert facts["accepted"]["TLS 1.2"]
        assert facts["errors"] == {}


def test_narrowed_suites_are_seen(loose_mysql: LabState) -> None:
    with changed(loose_mysql, tls_ciphersuites="TLS_AES_128_GCM_SHA256"):
        tls = tls_of(loose_mysql)
        assert tls.scan()["accepted"]["TLS 1.3"] == ["TLS_AES_128_GCM_SHA256"]
        assert tls.cipher_suite("TLS_AES_128_GCM_SHA256").ok
        assert tls.cipher_suite("TLS_AES_256_GCM_SHA384").codes == {"alert:handshake_failure"}


def test_administrative_endpoint(loose_mysql: LabState) -> None:
    tls = tls_of(loose_mysql)
    assert tls.handshake("admin", verify=True).ok
    assert tls.handshake("admin", minimum="TLSv1.2", maximum="TLSv1.2").codes == {"alert:protocol_version"}


def test_a_lossy_link_makes_looks_unknown_and_never_a_pass(loose_mysql: LabState) -> None:
    """Every 40th connection is cut after the ClientHello: a scanner alone would call that a refusal."""
    count = itertools.count(1)

    def lossy(client: socket.socket) -> None:
        cut = next(count) % 40 == 0
        with socket.create_connection(("127.0.0.1", loose_mysql.port)) as upstream:
            client.sendall(upstream.recv(4096))
            upstream.sendall(client.recv(36))
            hello = client.recv(65536)
            if not cut:
                upstream.sendall(hello)
                carry_both(client, upstream)

    with server(lossy) as port:
        target = target_of(loose_mysql)
        far = replace(target, database=replace(target.database, port=port))
        facts = Tls(far, Recorder(), roomy()).scan()
    assert facts["errors"]
    unknown = {f"tls_1_{n}_cipher_suites": f"TLS 1.{n}" for n in range(4)} | {"ssl_3_0_cipher_suites": "SSL 3.0"}
    assert set(facts["errors"]) & set(unknown)
    for command, reason in facts["errors"].items():
        assert "without one byte of answer" in reason
        if command in unknown:
            assert facts["accepted"][unknown[command]] is None


@pytest.mark.slow
def test_a_slow_link_changes_nothing_but_the_time(loose_mysql: LabState) -> None:
    target = target_of(loose_mysql)
    direct = Tls(target, Recorder(), AbortBudget(good_login(target))).scan()
    with slow_link(loose_mysql.port, 0.15) as port:
        far = replace(target, database=replace(target.database, port=port))
        slow = Tls(far, Recorder(), AbortBudget(good_login(far))).scan()
    assert without_counts(slow) == without_counts(direct)
