"""Control client-verifies-server-identity."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import Engine, Target
from proofs.ports import Experiments, MaterialChannel, TlsChannel

OFF = frozenset({"0", "OFF", "FALSE", "NO"})
REFUSED = "local:certificate_verify_failed"


def test_client_options_verify_identity(material: MaterialChannel, target: Target) -> None:
    """Every client option file in use has the client check the chain against a named CA, and the server's name.

    MySQL: `ssl-mode=VERIFY_IDENTITY` and `ssl-ca` or `ssl-capath`; MariaDB: `ssl-verify-server-cert` and the same.
    An option file that pulls in others says only part of what the client does. STIG MYS8-00-007000.
    """
    clients = material.client_options()
    if not clients:
        raise Indeterminate("the inventory names no client configuration")
    for client in clients:
        what = _weakness(client["options"], target.engine)
        assert what is None, f"{client['path']} [{client['group']}]: {what}"
    unread = [f"{client['path']} includes {', '.join(client['includes'])}" for client in clients if client["includes"]]
    if unread:
        raise Indeterminate(f"option files were pulled in and not read: {'; '.join(unread)[:300]}")


def test_impostor_with_another_name_is_refused(tls: TlsChannel, target: Target, experiment: Experiments) -> None:
    """Each client turns away from a server with a certificate of the right CA in another name, before its login.

    A loopback impostor with the inventory's certificate `impostor`; the control experiment is the genuine server.
    RFC 9525 section 6.
    """
    _attack_clients(tls, target, experiment, "wrong-name")


def test_impostor_of_a_rogue_ca_is_refused(tls: TlsChannel, target: Target, experiment: Experiments) -> None:
    """Each client turns away from a server with a certificate of a foreign CA in the right name, before its login.

    A loopback impostor with the inventory's certificate `rogue-server`; the control experiment is the genuine server.
    RFC 5280 section 6.
    """
    _attack_clients(tls, target, experiment, "rogue-ca")


def _attack_clients(tls: TlsChannel, target: Target, experiment: Experiments, presents: str) -> None:
    if not target.clients:
        raise Indeterminate("the inventory names no client configuration")
    for client in target.clients:
        with experiment(f"{client.path}: meet an impostor ({presents})") as e:
            e.control(tls.impostor(client.path, "genuine"))
            e.attack(tls.impostor(client.path, presents), refused_with=REFUSED)


def _weakness(options: Mapping[str, str | None], engine: Engine) -> str | None:
    """Why a client with these options does not verify the server, or None."""
    if not options.get("ssl-ca") and not options.get("ssl-capath"):
        return "no CA is named (ssl-ca)"
    if engine == "mysql":
        mode = (options.get("ssl-mode") or "PREFERRED").upper()
        return None if mode == "VERIFY_IDENTITY" else f"ssl-mode is {mode[:40]!a}, expected VERIFY_IDENTITY"
    negated = [name for name in ("skip-ssl", "disable-ssl", "skip-ssl-verify-server-cert") if name in options]
    if negated:
        return f"{negated[0]} is set"
    if "ssl" in options and (options["ssl"] or "1").upper() in OFF:
        return "ssl is off"
    if "ssl-verify-server-cert" not in options:
        return "ssl-verify-server-cert is not set"
    value = options["ssl-verify-server-cert"]
    return f"ssl-verify-server-cert is {value[:40]!a}" if value is not None and value.upper() in OFF else None
