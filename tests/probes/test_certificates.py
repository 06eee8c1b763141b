"""The certificate probes against material and answers that the lab's servers cannot be brought to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from probes.looks import Attempt, Machine, Sql, Tls, experiments, refused, target

from proofs.errors import Indeterminate
from proofs.lab import pki
from proofs.probes.certificates import constraints, test_key_files, test_profile, test_revocation
from proofs.probes.certificates import test_server_certificate as served
from proofs.probes.certificates import x509 as parsed

NOW = pki.now()
CA = pki.Authority("Unit CA", NOW)
SERVER = CA.issue("db", usages=(pki.SERVER_AUTH,), names=("db.example.org",))
CLIENT = CA.issue("app", usages=(pki.CLIENT_AUTH,))
EXPIRED = CA.issue("app", usages=(pki.CLIENT_AUTH,), start=timedelta(days=-2), lifetime=timedelta(days=1))
FUTURE = CA.issue("app", usages=(pki.CLIENT_AUTH,), start=timedelta(days=1))


@dataclass(frozen=True)
class Material:
    certificates: dict

    def pem(self, what):
        return self.certificates[what]


ATTACKS = Material(
    {
        "certificate:expired": EXPIRED.certificate_pem.decode(),
        "certificate:not-yet-valid": FUTURE.certificate_pem.decode(),
        "certificate:wrong-eku": SERVER.certificate_pem.decode(),
    }
)
PRESENTED = {"chain": [SERVER.certificate_pem.decode()]}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(refused("local:certificate_verify_failed"), AssertionError), (refused("closed"), Indeterminate)],
)
def test_a_chain_that_does_not_verify_is_a_finding(answer, outcome):
    with pytest.raises(outcome):
        served.test_chain_name_and_validity_hold(object(), Tls(handshakes=lambda *_, **__: answer), target())


def test_a_certificate_good_for_its_neighbours_is_a_finding():
    with pytest.raises(AssertionError, match="the attack succeeded"):
        served.test_another_name_does_not_match(Sql(), Tls(), target(), experiments())
    assert served._other_names("10.0.0.1") == (served.ELSEWHERE,)
    assert served._other_names("db.example.org")[0] == "not-the-server.example.org"


@pytest.mark.parametrize(("margin", "total", "fine"), [(14, 398, True), (91, 398, False), (14, 30, False)])
def test_margin_and_lifetime(margin, total, fine):
    def shake(endpoint, *, at=None, **_):
        return Attempt(facts=PRESENTED) if at is None else refused("local:certificate_verify_failed")

    def prove():
        served.test_certificate_outlives_the_margin(
            sql=Sql(),
            tls=Tls(handshakes=shake),
            material=Material({"ca": CA.pem.decode()}),
            target=target(),
            now=NOW,
            params={"min_days_left": margin, "max_total_days": total},
            experiment=experiments(),
        )

    if fine:
        prove()
        return
    with pytest.raises(AssertionError):
        prove()


@pytest.mark.parametrize("label", ["expired", "not-yet-valid"])
def test_a_server_that_looks_at_no_date_is_found(label):
    def login(identity, certificate="own", **_):
        return Attempt() if certificate in ("own", label) else refused(*test_revocation.REFUSED[certificate]["mysql"])

    def prove(material):
        test_revocation.test_expired_and_future_certificates_are_refused(
            sql=Sql(logins=login), tls=Tls(), material=material, target=target(), now=NOW, experiment=experiments()
        )

    with pytest.raises(AssertionError, match="the attack succeeded"):
        prove(ATTACKS)
    swapped = Material(ATTACKS.certificates | {f"certificate:{label}": CLIENT.certificate_pem.decode()})
    with pytest.raises(Indeterminate, match="not what they are called"):
        prove(swapped)


def test_a_server_that_looks_at_no_usage_is_found():
    with pytest.raises(AssertionError, match="the attack succeeded"):
        test_profile.test_server_certificate_is_refused_as_a_client(Sql(), ATTACKS, target(), experiments())
    swapped = Material({"certificate:wrong-eku": CLIENT.certificate_pem.decode()})
    with pytest.raises(Indeterminate, match="one that clients may use"):
        test_profile.test_server_certificate_is_refused_as_a_client(Sql(), swapped, target(), experiments())


def test_what_a_leaf_may_do():
    assert constraints.ca_fault(CA.certificate) is None
    assert constraints.leaf_fault(SERVER.certificate, parsed.SERVER_AUTH, parsed.CLIENT_AUTH) is None
    faults = {
        "is not marked as a CA": constraints.ca_fault(SERVER.certificate),
        "is a CA": constraints.leaf_fault(CA.certificate, parsed.SERVER_AUTH, parsed.CLIENT_AUTH),
        "lacks the extended": constraints.leaf_fault(CLIENT.certificate, parsed.SERVER_AUTH, parsed.CLIENT_AUTH),
        "of another role": constraints.leaf_fault(
            CA.issue("both", usages=(pki.SERVER_AUTH, pki.CLIENT_AUTH)).certificate,
            parsed.SERVER_AUTH,
            parsed.CLIENT_AUTH,
        ),
        "good for every role": constraints.leaf_fault(
            CA.issue("any", usages=()).certificate, parsed.SERVER_AUTH, parsed.CLIENT_AUTH
        ),
    }
    for words, fault in faults.items():
        assert words in str(fault)


def test_weak_keys_hashes_and_serials():
    curves = ("secp256r1",)
    assert parsed.key_weakness(SERVER.certificate, 3072, curves) is None
    assert "curve secp256r1" in str(parsed.key_weakness(SERVER.certificate, 3072, ("secp384r1",)))
    rsa = CA.issue("weak", usages=(), key="rsa2048").certificate
    assert "2048 bits" in str(parsed.key_weakness(rsa, 3072, curves))
    assert parsed.signature_weakness(rsa, ("sha256",)) is None
    assert "sha256" in str(parsed.signature_weakness(rsa, ("sha384",)))
    assert parsed.serial_weakness(rsa, 64) is None
    counted = (
        x509.CertificateBuilder()
        .subject_name(pki.name("counted"))
        .issuer_name(CA.subject)
        .public_key(CLIENT.key.public_key())
        .serial_number(4711)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(CA.key, hashes.SHA256())
    )
    assert "13 bits" in str(parsed.serial_weakness(counted, 64))


def test_a_list_of_a_rogue_ca_of_the_same_name_is_not_the_cas():
    rogue = pki.Authority("Unit CA", NOW)
    own, foreign = (parsed.revocation_lists(a.revocations([]).decode(), "x")[0] for a in (CA, rogue))
    assert parsed.issued_by(own, CA.certificate)
    assert not parsed.issued_by(foreign, CA.certificate)


def test_what_cannot_be_parsed_is_in_doubt():
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for text in ("", "no PEM at all", broken):
        with pytest.raises(Indeterminate):
            parsed.certificates(text, "x")
        with pytest.raises(Indeterminate):
            parsed.revocation_lists(text.replace("CERTIFICATE", "X509 CRL"), "x")


def test_a_generated_or_self_signed_certificate_is_told():
    assert parsed.is_self_signed(CA.certificate)
    assert not parsed.is_self_signed(SERVER.certificate)
    assert test_profile.GENERATED.search("MySQL_Server_8.0.46_Auto_Generated_Server_Certificate")


def entry(path, mode, owner="root", kind="directory"):
    return {"path": path, "type": kind, "mode": mode, "owner": owner}


LIMITS = {
    "max_mode": "0600",
    "max_public_mode": "0644",
    "max_directory_mode": "0755",
    "server_key_owners": ("mysql", "root"),
}


@pytest.mark.parametrize(
    ("key", "directory", "above", "outcome"),
    [
        (("0600", "mysql"), ("0700", "mysql"), ("0755", "root"), None),
        (("0400", "root"), ("0755", "root"), ("1777", "root"), None),
        (("0600", "svc"), ("0755", "root"), ("0755", "root"), None),  # the server runs as svc
        (("0640", "mysql"), ("0700", "mysql"), ("0755", "root"), AssertionError),
        (("0600", "mallory"), ("0700", "mysql"), ("0755", "root"), AssertionError),
        (("0600", "mysql"), ("1777", "root"), ("0755", "root"), AssertionError),
        (("0600", "mysql"), ("0755", "mallory"), ("0755", "root"), AssertionError),
        (("0600", "mysql"), ("0755", "mysql"), ("0775", "root"), AssertionError),
    ],
)
def test_who_may_touch_the_servers_key(key, directory, above, outcome):
    machine = Machine(
        {
            "/d/tls/key.pem": [
                entry("/d/tls/key.pem", *key, kind="regular file"),
                entry("/d/tls", *directory),
                entry("/d", *above),
            ],
            "/d": [entry("/d", "0750", "svc")],
        }
    )
    sql = Sql({"ssl_key": "tls/key.pem", "datadir": "/d/"})
    if outcome is None:
        test_key_files.test_server_key_is_private(sql, machine, LIMITS)
        return
    with pytest.raises(outcome):
        test_key_files.test_server_key_is_private(sql, machine, LIMITS)


@pytest.mark.parametrize(
    ("path", "mode", "owner", "foreign", "says"),
    [
        ("/d/cas", "0755", "root", "/d/cas/x.pem\n", "1 files in '/d/cas/' are not root's alone"),
        ("/d/tls/ca.pem", "0644", "root", "", ""),
        ("/d/tls/ca.pem", "0664", "root", "", "ca.pem has mode 0664"),
        ("/d/tls/ca.pem", "0644", "mallory", "", "ssl_ca '/d/tls/ca.pem' belongs to 'mallory'"),
        ("/d/tls/crl.pem", "0666", "root", "", "crl.pem has mode 0666"),
        ("/d/tls/server.pem", "0646", "root", "", "server.pem has mode 0646"),
        ("/d/cas", "0775", "root", "", "/d/cas has mode 0775"),
        ("/d/tls", "0775", "root", "", "/d/tls has mode 0775"),
    ],
)
def test_who_may_change_whom_the_server_trusts(path, mode, owner, foreign, says):
    facts = dict.fromkeys(("/d/tls/ca.pem", "/d/tls/crl.pem", "/d/tls/server.pem"), ("0644", "root"))
    facts |= dict.fromkeys(("/d", "/d/tls", "/d/cas"), ("0755", "root"))
    facts[path] = (mode, owner)
    files = {name: entry(name, *of, kind="regular file" if "." in name else "directory") for name, of in facts.items()}
    machine = Machine(
        {
            **{name: [files[name], files["/d/tls"], files["/d"]] for name in files if name.endswith(".pem")},
            "/d/cas": [files["/d/cas"], files["/d"]],
            "/d": [files["/d"]],
        },
        commands={"foreign-files": foreign},
    )
    names = {"ssl_ca": "tls/ca.pem", "ssl_cert": "tls/server.pem", "ssl_crl": "/d/tls/crl.pem", "ssl_capath": "/d/cas/"}
    sql = Sql({**names, "ssl_crlpath": "", "datadir": "/d/"})
    if not says:
        test_key_files.test_trust_material_cannot_be_changed(sql, machine, LIMITS)
        return
    with pytest.raises(AssertionError, match=says):
        test_key_files.test_trust_material_cannot_be_changed(sql, machine, LIMITS)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Attempt(rows=({"length": None, "named": 20},)), None),
        (refused(1227), None),
        (Attempt(rows=({"length": 1704, "named": 20},)), AssertionError),
        (Attempt(rows=({"length": None, "named": None},)), Indeterminate),
        (Attempt(rows=()), Indeterminate),
        (refused(1064), Indeterminate),
    ],
)
def test_what_reading_the_key_through_sql_may_answer(answer, outcome):
    sql = Sql(attempts=lambda *_, **__: answer)
    if outcome is None:
        test_key_files.test_server_key_is_unreadable_through_sql(sql, target())
        return
    with pytest.raises(outcome):
        test_key_files.test_server_key_is_unreadable_through_sql(sql, target())
