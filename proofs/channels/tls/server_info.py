"""What sslyze's plugins want to know of a server before they look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# The suites of RFC 8446, which the OpenSSL inside sslyze knows; it refuses a list with any other name in it.
_TLS13_OF_SSLYZE = (
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
    "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"
)
_SSLYZE_VERSIONS = {"TLSv1.3": "TLS_1_3", "TLSv1.2": "TLS_1_2", "TLSv1.1": "TLS_1_1", "TLSv1": "TLS_1_0"}


@dataclass(frozen=True, slots=True)
class Highest:
    """The highest TLS version an endpoint accepts, by name, and whether it does elliptic-curve key exchange."""

    version: str
    elliptic: bool


def server_info(port: int, server_name: str, highest: Highest, seconds: float) -> Any:
    """An sslyze `ServerConnectivityInfo` for the bridge on a loopback port.

    It stands in for sslyze's own connectivity test, whose one read after the handshake lasts its whole time-out on a
    server that waits for its client to speak.
    """
    from sslyze.server_connectivity import (  # noqa: PLC0415 - late: takes 0.2 s to import
        ClientAuthRequirementEnum,
        ServerConnectivityInfo,
        ServerTlsProbingResult,
        TlsVersionEnum,
    )
    from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation  # noqa: PLC0415

    modern = highest.version == "TLSv1.3"
    return ServerConnectivityInfo(
        server_location=ServerNetworkLocation(hostname=server_name, port=port, ip_address="127.0.0.1"),
        network_configuration=ServerNetworkConfiguration(
            tls_server_name_indication=server_name,
            network_timeout=seconds,  # type: ignore[arg-type] # declared int, handed on to socket.settimeout
            network_max_retries=1,
        ),
        tls_probing_result=ServerTlsProbingResult(
            highest_tls_version_supported=TlsVersionEnum[_SSLYZE_VERSIONS[highest.version]],
            cipher_suite_supported=_TLS13_OF_SSLYZE if modern else "ALL:COMPLEMENTOFALL:-PSK:-SRP",
            # Requests for a client certificate are left unanswered, which the protocol allows (RFC 8446 4.4.2).
            client_auth_requirement=ClientAuthRequirementEnum.OPTIONAL,
            supports_ecdh_key_exchange=highest.elliptic,
        ),
    )
