"""Control foreign-ca-client-refused."""

from __future__ import annotations

import posixpath
import re

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import Experiments, HostChannel, MaterialChannel, SqlChannel
from proofs.probes.logins import standing, tcp_identities
from proofs.probes.transport.settings import has_admin_interface, in_force, setting

CERTIFICATE = re.compile(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END", re.DOTALL)


def test_only_the_private_ca_is_trusted(
    sql: SqlChannel, target: Target, machine: HostChannel, material: MaterialChannel
) -> None:
    """The files of CAs that the server takes for client certificates hold the CA of the inventory and nothing else.

    `ssl_ca`, on MySQL also the one in force (it changes only with ALTER INSTANCE RELOAD TLS) and `admin_ssl_ca`.
    """
    ours = _certificates(material.pem("ca"))
    if not ours:
        raise Indeterminate("the inventory's CA file holds no certificate to compare with")
    for name in ("ssl_capath", "admin_ssl_capath"):
        capath = sql.variable(name)
        assert not capath, f"{name} is {capath!a}: a directory that anybody's CA may be put into, expected none"
    for path in sorted(_trust_files(sql, target)):
        trusted = _certificates(machine.read_text(path, limit=1 << 20))
        assert trusted, f"the server's CA file {path!a} holds no certificate"
        foreign = len(trusted - ours)
        assert not foreign, f"the server trusts {foreign} CA certificates besides the inventory's, in {path!a}"


def test_certificate_of_a_rogue_ca_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """A certificate of a CA that is not ours does not get through the TLS handshake, with any identity's password.

    The server sends the alert unknown_ca (RFC 8446, section 6.2). An answer 1045 would mean that the handshake was
    completed and the CA accepted: only the account's own REQUIRE then stood in the way.
    """
    with experiment("log in with a certificate of a rogue CA") as e:
        for identity in tcp_identities(sql, target):
            e.control(standing(sql, identity.name))
            attempt = sql.login(identity.name, certificate="rogue-ca")
            assert 1045 not in attempt.codes, (
                f"the TLS handshake accepted the rogue CA's certificate: {attempt.describe()}"
            )
            e.attack(attempt, refused_with="alert:unknown_ca")


def _trust_files(sql: SqlChannel, target: Target) -> set[str]:
    named = [setting(sql, "ssl_ca")]
    if target.engine == "mysql":
        named += [value for channel in in_force(sql).values() if (value := channel.get("Current_tls_ca"))]
        if has_admin_interface(sql, target):
            named += [value for value in (sql.variable("admin_ssl_ca"),) if value]
    assert named[0], "ssl_ca is empty: the server has no CA to check client certificates with"
    return {posixpath.join(setting(sql, "datadir"), path) for path in named}


def _certificates(pem: str) -> set[str]:
    return {"".join(body.split()) for body in CERTIFICATE.findall(pem)}
