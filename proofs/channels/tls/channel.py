"""The channel `tls`: it asks, records and hands back; what is done on the wire is in the modules beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from proofs.channels.budget import AbortBudget
from proofs.channels.option_files import read_group
from proofs.channels.tls.client_settings import settings_of
from proofs.channels.tls.endpoints import Endpoint, endpoint_of
from proofs.channels.tls.handshake import Offer, shake_hands
from proofs.channels.tls.hello import NotTlsError, ServerChoice, answer_to, client_hello
from proofs.channels.tls.impostor import meet_genuine, meet_impostor
from proofs.channels.tls.result import TlsAttempt
from proofs.channels.tls.scan import scan
from proofs.channels.tls.starttls import TlsNotOfferedError, open_tls_ready
from proofs.channels.tls.suites import (
    GROUPS,
    KEY_EXCHANGES,
    OLD_SUITES,
    TLS13_SUITES,
    VERSIONS,
    suite_name,
    version_name,
)
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Json, KeyPair, Request, Target
from proofs.ports import ExchangeSink

_IMPOSTORS = {"wrong-name": "impostor", "rogue-ca": "rogue-server"}
"""Which entry of the target's `certificates` each impostor presents."""


_COMMON_SUITES = ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "CHACHA20_POLY1305_SHA256")


class Tls:
    """The endpoint's TLS, from outside; see `TlsChannel`."""

    def __init__(self, target: Target, sink: ExchangeSink, budget: AbortBudget) -> None:
        self._target = target
        self._sink = sink
        self._budget = budget

    def scan(self, endpoint: str = "main") -> Json:
        """Everything sslyze sees, as `TlsChannel.scan` says, and `deployments` (every different chain seen).

        Raises `ChannelError` if the endpoint cannot be looked at, offers no TLS or refuses every handshake.
        """
        where = endpoint_of(self._target, endpoint)
        name, seconds = self._target.database.server_name, self._target.connect_timeout_s
        request = Request("tls", "scan", {"endpoint": endpoint})
        return self._sink.exchange(request, lambda: scan(where, name, self._budget, seconds), memo=True).answer

    def handshake(
        self,
        endpoint: str = "main",
        *,
        minimum: str = "TLSv1.3",
        maximum: str = "TLSv1.3",
        certificate: str | None = None,
        server_name: str | None = None,
        verify: bool = False,
        at: datetime | None = None,
    ) -> TlsAttempt:
        """One handshake as `TlsChannel.handshake` says.

        Versions below 1.3 without certificate or verification are offered by a ClientHello made by hand (`method` of
        the facts is then `hello`), which no local OpenSSL policy can keep from being sent. Raises `ChannelError` if
        no handshake was possible.
        """
        where = endpoint_of(self._target, endpoint)
        keypair = self._keypair(certificate) if certificate is not None else None
        name = server_name or self._target.database.server_name
        ca = self._target.database.ca if verify else None
        arguments = {
            "endpoint": endpoint, "minimum": minimum, "maximum": maximum, "certificate": certificate,
            "server_name": name, "verify": verify, "at": at.isoformat() if at is not None else None,
        }  # fmt: skip

        def perform() -> Json:
            names = list(VERSIONS)
            offered = names[names.index(minimum) : names.index(maximum) + 1]
            if maximum != "TLSv1.3" and keypair is None and not verify:
                return self._hello(where, [VERSIONS[v] for v in offered], list(OLD_SUITES.values()), name)
            return self._by_ssl(where, Offer(minimum, maximum, keypair, name, ca, at))

        return TlsAttempt(self._sink.exchange(Request("tls", "handshake", arguments), perform).answer)

    def cipher_suite(self, suite: str, endpoint: str = "main") -> TlsAttempt:
        """Offer exactly one TLS 1.3 suite by its IANA name; ok if the server chose it.

        Raises `Indeterminate` for a name that is no TLS 1.3 suite, `ChannelError` if there was no answer.
        """
        where = endpoint_of(self._target, endpoint)
        if suite not in TLS13_SUITES:
            raise Indeterminate(f"{suite!r} is not the IANA name of a TLS 1.3 suite known here")
        name, code = self._target.database.server_name, TLS13_SUITES[suite]
        request = Request("tls", "cipher_suite", {"endpoint": endpoint, "suite": suite})
        perform = lambda: self._hello(where, [VERSIONS["TLSv1.3"]], [code], name)  # noqa: E731
        return TlsAttempt(self._sink.exchange(request, perform).answer)

    def key_exchange(self, group: str, endpoint: str = "main") -> TlsAttempt:
        """Offer TLS 1.3 with exactly one group of the key exchange by its IANA name; ok if the server chose it.

        Raises `Indeterminate` for a name that is no group known here, `ChannelError` if there was no answer.
        """
        where = endpoint_of(self._target, endpoint)
        if group not in KEY_EXCHANGES:
            raise Indeterminate(f"{group!r} is not the IANA name of a group known here")
        name, code = self._target.database.server_name, KEY_EXCHANGES[group]
        request = Request("tls", "key_exchange", {"endpoint": endpoint, "group": group})
        suites = [TLS13_SUITES[f"TLS_{each}"] for each in _COMMON_SUITES]
        perform = lambda: self._hello(where, [VERSIONS["TLSv1.3"]], suites, name, (code,))  # noqa: E731
        return TlsAttempt(self._sink.exchange(request, perform).answer)

    def impostor(self, client: str, presents: str) -> TlsAttempt:
        """Let the client with option file `client` meet `wrong-name`, `rogue-ca` or `genuine`; ok if it would log in.

        Raises `Indeterminate` if the target names no such client or certificate.
        """
        configuration = next((c for c in self._target.clients if c.path == client), None)
        if configuration is None:
            raise Indeterminate(f"the target names no client with the option file {client!r}")
        if presents != "genuine" and presents not in _IMPOSTORS:
            raise Indeterminate(f"an impostor presents wrong-name or rogue-ca, not {presents!r}")
        keypair = self._keypair(_IMPOSTORS[presents]) if presents in _IMPOSTORS else None
        database, seconds = self._target.database, self._target.connect_timeout_s

        def perform() -> Json:
            options = read_group(configuration.path, configuration.group).options
            settings = settings_of(self._target.engine, options)
            if keypair is not None:
                return meet_impostor(settings, database.server_name, keypair, seconds)
            self._budget.spend()
            return meet_genuine(settings, database.server_name, endpoint_of(self._target, "main"), seconds)

        request = Request("tls", "impostor", {"client": client, "presents": presents})
        return TlsAttempt(self._sink.exchange(request, perform).answer)

    def _keypair(self, name: str) -> KeyPair:
        kind, _, identity = name.partition(":")
        if kind == "identity" and identity in self._target.identities:
            pair = self._target.identities[identity].keypair
        else:
            pair = self._target.certificates.get(name)
        if pair is None:
            raise Indeterminate(f"the target names no certificate {name!r}")
        return pair

    def _by_ssl(self, where: Endpoint, offer: Offer) -> dict[str, Any]:
        self._budget.spend()
        try:
            answer = shake_hands(where, offer, self._target.connect_timeout_s)
        except TlsNotOfferedError as e:
            return _no_tls(e)
        if offer.ca is not None and answer["facts"]["verify_error"] and not answer["facts"]["chain"]:
            # OpenSSL gave up before the chain could be kept: fetch it for the evidence.
            self._budget.spend()
            unverified = Offer(offer.minimum, offer.maximum, offer.keypair, offer.server_name, None, None)
            seen = shake_hands(where, unverified, self._target.connect_timeout_s)["facts"]
            answer["facts"].update(chain=seen["chain"], version=seen["version"], cipher=seen["cipher"])
        return answer

    def _hello(
        self,
        where: Endpoint,
        versions: list[int],
        suites: list[int],
        server_name: str,
        groups: tuple[int, ...] = GROUPS,
    ) -> dict[str, Any]:
        seconds = self._target.connect_timeout_s
        self._budget.spend()
        try:
            with open_tls_ready(where, seconds) as sock:
                answer = answer_to(sock, client_hello(versions, suites, server_name, groups), seconds)
        except TlsNotOfferedError as e:
            return _no_tls(e)
        except (NotTlsError, OSError) as e:
            raise ChannelError(f"{where}: no TLS answer to a ClientHello: {e or 'time-out'}") from None
        facts: dict[str, Any] = {"version": None, "cipher": None, "chain": [], "verify_error": None, "method": "hello"}
        if not isinstance(answer, ServerChoice):
            return {"ok": False, "codes": [answer.code], "detail": f"{where.name}: {answer.code}", "facts": facts}
        facts |= {"version": version_name(answer.version), "cipher": suite_name(answer.suite)}
        facts |= {"group": answer.group, "compression": answer.compression, "retry": answer.retry}
        # Below TLS 1.3 a ServerHello names no group.
        ok = answer.version in versions and answer.suite in suites and answer.group in (None, *groups)
        detail = f"{where.name}: the server chose {facts['version']}, {facts['cipher']}"
        return {"ok": ok, "codes": [] if ok else ["other-choice"], "detail": detail, "facts": facts}


def _no_tls(error: TlsNotOfferedError) -> dict[str, Any]:
    facts: dict[str, Any] = {"version": None, "cipher": None, "chain": [], "verify_error": None}
    return {"ok": False, "codes": ["no-tls"], "detail": str(error), "facts": facts}
