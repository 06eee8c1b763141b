"""Restarting the project's own labs: the one thing a proof does to a server that nobody may do to a stranger's."""

from __future__ import annotations

from proofs.channels.sql import Sql
from proofs.errors import ChannelError, ConfigurationError, NotApplicable
from proofs.model import Json, Request, Target
from proofs.ports import ExchangeSink


class Restarts:
    """`proofs.ports.LabChannel`."""

    def __init__(self, target: Target, sink: ExchangeSink, sql: Sql) -> None:
        self._target = target
        self._sink = sink
        self._sql = sql

    def restart(self) -> None:
        """See `proofs.ports.LabChannel.restart`."""
        if self._target.lab is None:
            raise NotApplicable("only the project's own labs are restarted")
        exchange = self._sink.exchange(Request("lab", "restart", {}), self._restart)
        if not exchange.answer["restarted"]:
            raise NotApplicable(f"the lab was not restarted: {exchange.answer['reason']}")

    def _restart(self) -> Json:
        from proofs.lab import restart  # noqa: PLC0415 - only the project's own targets need it

        self._sql.close()  # sessions that were kept open are opened again when they are next asked
        try:
            reason = restart(self._target.name)
        except ConfigurationError as error:
            raise ChannelError(str(error)) from error
        return {"restarted": reason is None, "reason": reason}
