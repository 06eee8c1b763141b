"""TLS 1.3 early data (0-RTT): does the server hand out tickets that allow it, and does it take it?

RFC 8446 sections 2.3, 4.2.10 and 4.6.1: only a NewSessionTicket with `early_data` permits it.
"""

from __future__ import annotations

import re
from typing import Any

from proofs.channels.tls.facts import LookFailedError


def early_data_supported(server: Any, poke: bytes) -> bool:
    """Whether early data is accepted by `server` (an sslyze `ServerConnectivityInfo`), False without TLS 1.3.

    `poke` is sent after the first handshake to make the server speak.

    Raises `LookFailedError` if the server never sent anything after the handshake.
    """
    from nassl._nassl import OpenSSLError  # noqa: PLC0415 - late: only needed for a scan
    from nassl.ssl_client import OpenSslEarlyDataStatusEnum  # noqa: PLC0415
    from sslyze.server_connectivity import TlsVersionEnum  # noqa: PLC0415

    if server.tls_probing_result.highest_tls_version_supported != TlsVersionEnum.TLS_1_3:
        return False
    first = server.get_preconfigured_tls_connection(override_tls_version=TlsVersionEnum.TLS_1_3)
    try:
        first.connect()
        first.ssl_client.write(poke)  # tickets come with the server's answer
        first.ssl_client.read(1)
        session = first.ssl_client.get_session()
    except TimeoutError:
        raise LookFailedError("no answer after the handshake, so no session ticket to try") from None
    finally:
        first.close()
    allowed = re.search(r"Max Early Data:\s*(\d+)", session.as_text())
    if allowed is None or int(allowed[1]) == 0:
        return False
    second = server.get_preconfigured_tls_connection(override_tls_version=TlsVersionEnum.TLS_1_3)
    second.ssl_client.set_session(session)
    try:
        second._do_pre_handshake()
        second.ssl_client.write_early_data(b"\x00")
        second.ssl_client.do_handshake()
        return bool(second.ssl_client.get_early_data_status() == OpenSslEarlyDataStatusEnum.ACCEPTED)
    except OpenSSLError as e:
        if "function you should not call" in str(e):  # OpenSSL: this session does not allow early data
            return False
        raise
    finally:
        second.close()
