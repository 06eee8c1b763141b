"""The lab's certificates: what each says, and that attack material differs in one thing alone."""

import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from proofs.lab import material, pki

USERS = {"inspector": "inspector", "app": "app", "definer": "api_definer"}
ATTACKS = ("rogue-ca", "expired", "not-yet-valid", "revoked", "wrong-eku")


def make(directory, **variants):
    for each in ("pki", "server"):
        (directory / each).mkdir(parents=True)
    return material.make(USERS, harness=directory / "pki", server=directory / "server", owner=None, variants=variants)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    directory = tmp_path_factory.mktemp("material")
    return directory, make(directory)


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def extension(cert, kind):
    return cert.extensions.get_extension_for_class(kind)


def usages(cert):
    return set(extension(cert, x509.ExtendedKeyUsage).value)


def test_root(lab):
    root = certificate(lab[0] / "pki" / "ca.pem")
    basic, usage = extension(root, x509.BasicConstraints), extension(root, x509.KeyUsage)
    assert basic.critical
    assert basic.value.ca
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (True, True, False)
    assert not list((lab[0]).rglob("ca.key")), "the CA's key is never written"


def test_server_certificate(lab):
    root, leaf = certificate(lab[0] / "pki" / "ca.pem"), certificate(lab[0] / "server" / "server.pem")
    leaf.verify_directly_issued_by(root)
    names = extension(leaf, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["db.lab.internal", "localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert usages(leaf) == {ExtendedKeyUsageOID.SERVER_AUTH}
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=90)
    assert leaf.signature_hash_algorithm.name == "sha256"


@pytest.mark.parametrize(("identity", "user"), USERS.items())
def test_client_certificates(lab, identity, user):
    leaf = certificate(lab[0] / "pki" / f"{identity}.pem")
    leaf.verify_directly_issued_by(certificate(lab[0] / "pki" / "ca.pem"))
    assert usages(leaf) == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not extension(leaf, x509.BasicConstraints).value.ca
    assert lab[1].subjects[identity] == f"/O=Proof of Controls Lab/CN={user}"
    assert lab[1].issuer == "/O=Proof of Controls Lab/CN=Proof of Controls Lab Root CA"


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_material_carries_the_subject_and_issuer_of_app(lab, attack):
    attacker, app = certificate(lab[0] / "pki" / f"{attack}.pem"), certificate(lab[0] / "pki" / "app.pem")
    assert attacker.subject == app.subject
    assert attacker.issuer == app.issuer


def test_each_attack_differs_in_one_thing(lab):
    now, root = pki.now(), certificate(lab[0] / "pki" / "ca.pem")
    leaf = {attack: certificate(lab[0] / "pki" / f"{attack}.pem") for attack in ATTACKS}
    crl = x509.load_pem_x509_crl((lab[0] / "pki" / "crl.pem").read_bytes())

    def faults(cert):
        found = set()
        try:
            cert.verify_directly_issued_by(root)
        except InvalidSignature:
            found.add("issuer")
        if cert.not_valid_after_utc < now:
            found.add("expired")
        if cert.not_valid_before_utc > now:
            found.add("not yet valid")
        if crl.get_revoked_certificate_by_serial_number(cert.serial_number):
            found.add("revoked")
        if usages(cert) != {ExtendedKeyUsageOID.CLIENT_AUTH}:
            found.add("usage")
        return found

    assert {attack: faults(cert) for attack, cert in leaf.items()} == {
        "rogue-ca": {"issuer"},
        "expired": {"expired"},
        "not-yet-valid": {"not yet valid"},
        "revoked": {"revoked"},
        "wrong-eku": {"usage"},
    }
    assert faults(certificate(lab[0] / "pki" / "app.pem")) == set()


def test_impostors_of_the_server(lab):
    root = certificate(lab[0] / "pki" / "ca.pem")
    impostor, rogue = (certificate(lab[0] / "pki" / f"{n}.pem") for n in ("impostor", "rogue-server"))
    impostor.verify_directly_issued_by(root)
    assert usages(impostor) == usages(rogue) == {ExtendedKeyUsageOID.SERVER_AUTH}
    genuine = certificate(lab[0] / "server" / "server.pem")
    kind = x509.SubjectAlternativeName
    assert extension(impostor, kind).value != extension(genuine, kind).value
    assert extension(rogue, kind).value == extension(genuine, kind).value
    with pytest.raises(InvalidSignature):
        rogue.verify_directly_issued_by(root)


def test_crl_is_current_and_signed(lab):
    crl = x509.load_pem_x509_crl((lab[0] / "pki" / "crl.pem").read_bytes())
    assert crl.is_signature_valid(certificate(lab[0] / "pki" / "ca.pem").public_key())
    assert crl.last_update_utc <= pki.now()
    assert crl.next_update_utc - crl.last_update_utc == timedelta(days=30)
    assert len(crl) == 1


def test_private_keys_are_private(lab):
    keys = list(lab[0].rglob("*.key"))
    assert len(keys) == 1 + len(USERS) + len(ATTACKS) + 2
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


@pytest.mark.parametrize("variant", material.VARIANTS["server"])
def test_bad_server_certificates(tmp_path, variant):
    make(tmp_path, server=variant)
    leaf, now = certificate(tmp_path / "server" / "server.pem"), pki.now()
    left = leaf.not_valid_after_utc - now
    match variant:
        case "expired":
            assert left < timedelta(0)
        case "near-expiry":
            assert timedelta(0) < left < timedelta(days=4)
        case "long-lived":
            assert left > timedelta(days=3000)
        case "wrong-name":
            names = extension(leaf, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
            assert names == [material.OTHER_NAME]
        case "weak-key":
            key = leaf.public_key()
            assert isinstance(key, rsa.RSAPublicKey)
            assert key.key_size == 2048
        case "other-ca":
            with pytest.raises(InvalidSignature):
                leaf.verify_directly_issued_by(certificate(tmp_path / "pki" / "ca.pem"))
        case "no-eku":
            with pytest.raises(x509.ExtensionNotFound):
                usages(leaf)
        case "wildcard-name":
            names = extension(leaf, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
            assert material.WILDCARD_NAME in names
            assert material.SERVER_NAME not in names
        case "generated-name":
            assert material.GENERATED_NAME in leaf.subject.rfc4514_string()


def test_a_trusted_rogue_brings_its_own_crl(tmp_path):
    make(tmp_path, trust="and-rogue-ca")
    assert len(x509.load_pem_x509_certificates((tmp_path / "server" / "ca.pem").read_bytes())) == 2
    assert (tmp_path / "server" / "crl.pem").read_text().count("BEGIN X509 CRL") == 2
    assert len(x509.load_pem_x509_certificates((tmp_path / "pki" / "ca.pem").read_bytes())) == 1


def test_bad_crls(tmp_path):
    make(tmp_path / "old", crl="expired")
    old = x509.load_pem_x509_crl((tmp_path / "old" / "server" / "crl.pem").read_bytes())
    assert old.next_update_utc < pki.now()
    make(tmp_path / "empty", crl="without-revocations")
    empty = x509.load_pem_x509_crl((tmp_path / "empty" / "server" / "crl.pem").read_bytes())
    assert len(empty) == 0


def test_clients_without_usage(tmp_path):
    make(tmp_path, clients="no-eku")
    with pytest.raises(x509.ExtensionNotFound):
        usages(certificate(tmp_path / "pki" / "app.pem"))
    assert usages(certificate(tmp_path / "pki" / "wrong-eku.pem")) == {ExtendedKeyUsageOID.SERVER_AUTH}
