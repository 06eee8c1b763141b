"""Everything sslyze can see of an endpoint.

sslyze's plugins do the looking; its scheduler and connectivity test are not used, for two reasons. The test waits out
its whole network time-out on a server that, like MySQL, stays silent after a handshake; and the scheduler turns
time-outs into "rejected". Here the highest version is found with hello.py, each job's time is taken, and each command
has its own bridge, so that a time-out or a lost connection makes that one command unknown, never a pass.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from proofs.channels.budget import AbortBudget
from proofs.channels.tls.endpoints import Endpoint
from proofs.channels.tls.facts import NOTHING_SEEN, SSLYZE_VERSIONS, LookFailedError
from proofs.channels.tls.hello import NotTlsError, ServerChoice, answer_to, client_hello
from proofs.channels.tls.looks import Scene, all_looks
from proofs.channels.tls.server_info import Highest
from proofs.channels.tls.starttls import open_tls_ready
from proofs.channels.tls.suites import OLD_SUITES, TLS13_SUITES, VERSIONS
from proofs.errors import ChannelError

_WORKERS = 5
"""Connections at a time: sslyze's own default, gentle on a server."""


def scan(endpoint: Endpoint, server_name: str, budget: AbortBudget, seconds: float) -> dict[str, Any]:
    """The facts of `TlsChannel.scan`, and `deployments`: every different certificate chain seen.

    Raises `ChannelError` if the endpoint cannot be looked at, or refuses every handshake.
    """
    aborted, renewals = budget.aborted, budget.renewals
    scene = Scene(endpoint, server_name, highest_version(endpoint, server_name, budget, seconds), budget, seconds)
    facts: dict[str, Any] = {"accepted": dict.fromkeys(SSLYZE_VERSIONS), "errors": {}, **NOTHING_SEEN}
    looks = all_looks(scene)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="tls-scan") as pool:
        try:
            for look in looks:
                look.start(pool)
            for look in looks:
                try:
                    seen = look.finish()
                except LookFailedError as e:
                    facts["errors"][look.command] = str(e)
                else:
                    facts["accepted"].update(seen.pop("accepted", {}))
                    facts.update(seen)
        finally:
            for look in looks:
                look.close()
    if not any(facts["accepted"].values()):
        raise ChannelError(
            f"{endpoint}: {scene.highest.version} was accepted at first, but no handshake of the scan was: "
            + "; ".join(f"{command}: {reason}" for command, reason in list(facts["errors"].items())[:3])
        )
    facts["connections"] = facts["aborted"] = budget.aborted - aborted
    facts["good_logins"] = budget.renewals - renewals
    return facts


def highest_version(endpoint: Endpoint, server_name: str, budget: AbortBudget, seconds: float) -> Highest:
    """Find the highest version by one ClientHello each, from TLS 1.3 down.

    Raises `ChannelError` if none is accepted.
    """
    refused = []
    for name, number in reversed(VERSIONS.items()):
        suites = TLS13_SUITES if name == "TLSv1.3" else OLD_SUITES
        budget.spend()
        with open_tls_ready(endpoint, seconds) as sock:
            try:
                answer = answer_to(sock, client_hello([number], list(suites.values()), server_name), seconds)
            except (NotTlsError, OSError) as e:
                raise ChannelError(f"{endpoint}: no TLS answer to a {name} ClientHello: {e or 'time-out'}") from None
        if isinstance(answer, ServerChoice) and answer.version == number:
            chosen = next((suite for suite, code in suites.items() if code == answer.suite), "")
            return Highest(name, elliptic=name == "TLSv1.3" or "_ECDHE_" in chosen)
        refused.append(f"{name}: {'another version' if isinstance(answer, ServerChoice) else answer.code}")
    raise ChannelError(f"{endpoint}: no TLS version is accepted ({', '.join(refused)})")
