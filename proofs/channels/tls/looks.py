"""One look of a scan: a command of sslyze behind a bridge of its own, so that its troubles are its own as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from proofs.channels.budget import AbortBudget
from proofs.channels.tls.bridge import Bridge
from proofs.channels.tls.early_data import early_data_supported
from proofs.channels.tls.endpoints import Endpoint
from proofs.channels.tls.facts import FACTS, Facts, LookFailedError, chain_facts
from proofs.channels.tls.server_info import Highest, server_info
from proofs.channels.tls.starttls import POKE

Job = tuple[Callable[..., Any], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Scene:
    """What all looks of a scan share."""

    endpoint: Endpoint
    server_name: str
    highest: Highest
    budget: AbortBudget
    seconds: float

    @property
    def patience(self) -> float:
        """Seconds sslyze waits for an answer: a good login made in between may take one time limit of its own."""
        return 2 * self.seconds


class Look:
    """A command of sslyze: its bridge, its jobs, and what becomes of them."""

    def __init__(self, command: str, scene: Scene) -> None:
        self.command = command
        self._scene = scene
        self._bridge = Bridge(scene.endpoint, scene.budget, scene.seconds)
        self._late = 0
        self._futures: list[Future[Any]] = []
        self._server: Any = None

    def start(self, pool: ThreadPoolExecutor) -> None:
        """Open the bridge and queue the jobs."""
        self._bridge.open()
        self._server = server_info(
            self._bridge.port, self._scene.server_name, self._scene.highest, self._scene.patience
        )
        self._futures = [pool.submit(self._timed, *job) for job in self.jobs(self._server)]

    def finish(self) -> Facts:
        """Wait for the jobs; the facts seen. Raises `LookFailedError` with the reason if they cannot be relied upon."""
        results = [future.result() for future in self._futures]
        self.close()
        if self._bridge.failures:
            raise LookFailedError(self._bridge.failures[0])
        if self._late:
            raise LookFailedError(
                f"{self._late} of {len(results)} looks took {self._scene.patience:g} s or more: time-out"
            )
        if self._bridge.unanswered:
            raise LookFailedError(
                f"the server ended {self._bridge.unanswered} of {len(results)} without one byte of answer"
            )
        try:
            return self.conclude(results)
        except LookFailedError:
            raise
        except Exception as e:  # whatever sslyze raises: this one look is unknown, with its reason
            raise LookFailedError(f"{type(e).__name__}: {e}") from e

    def close(self) -> None:
        """Take the bridge down; queued jobs that have not begun are dropped."""
        for future in self._futures:
            future.cancel()
        self._bridge.close()

    def jobs(self, server: Any) -> list[Job]:
        """What to call, one connection at a time each."""
        jobs = _implementation(self.command).scan_jobs_for_scan_command(server)
        return [(job.function_to_call, job.function_arguments) for job in jobs]

    def conclude(self, results: list[Any]) -> Facts:
        """From the results of all jobs to facts."""
        return FACTS[self.command](_implementation(self.command).result_for_completed_scan_jobs(self._server, results))

    def _timed(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Run one job. sslyze counts some of its time-outs as refusals; none of them is shorter than `patience`."""
        from sslyze.plugins.plugin_base import ScanJobResult  # noqa: PLC0415 - late, as all of sslyze

        began = time.monotonic()
        try:
            result = ScanJobResult(_return_value=function(*arguments), _exception=None)
        except Exception as e:  # the plugin knows what its own exceptions mean
            result = ScanJobResult(_return_value=None, _exception=e)
        if time.monotonic() - began >= self._scene.patience:
            self._late += 1
        return result


class CertificateLook(Look):
    """The chains sent to four kinds of client. sslyze's verdicts on public trust stores are not asked for."""

    def conclude(self, results: list[Any]) -> Facts:
        """A client kind that the server refused has no chain; every other failure makes the look unknown."""
        from sslyze.errors import TlsHandshakeFailed  # noqa: PLC0415 - late, as all of sslyze

        chains = []
        for result in results:
            try:
                chains.append(list(result.get_result()[0]))
            except TlsHandshakeFailed:
                continue
        return chain_facts(chains)


class EarlyDataLook(Look):
    """Early data, by this project's own look: sslyze's would speak HTTP to get a session ticket."""

    def jobs(self, server: Any) -> list[Job]:
        """One job of two connections."""
        return [(early_data_supported, [server, POKE[self._scene.endpoint.protocol]])]

    def conclude(self, results: list[Any]) -> Facts:
        """The job's answer as it is."""
        return {"early_data": results[0].get_result()}


def all_looks(scene: Scene) -> list[Look]:
    """Every look of a scan."""
    looks = [Look(command, scene) for command in FACTS]
    return [*looks, CertificateLook("certificate_info", scene), EarlyDataLook("early_data", scene)]


def _implementation(command: str) -> Any:
    from sslyze.plugins.scan_commands import ScanCommand, ScanCommandsRepository  # noqa: PLC0415 - late

    return ScanCommandsRepository.get_implementation_cls(ScanCommand(command))
