"""Two trivial sinks: one performs and keeps, the other answers from what was kept."""

from __future__ import annotations

import json
from collections.abc import Callable

from proofs.errors import Indeterminate
from proofs.model import Exchange, Json, Request


class Recorder:
    """Performs every request, keeps request and answer as JSON text (so an answer that is no JSON fails here)."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.performed = 0

    def exchange(self, request: Request, perform: Callable[[], Json], *, memo: bool = False) -> Exchange:
        key = key_of(request)
        if not (memo and key in self.kept):
            self.performed += 1
            self.kept[key] = json.dumps(perform(), allow_nan=False)
        return Exchange(self.performed, request, json.loads(self.kept[key]), "", 0.0, None, None)


class Replayer:
    """Answers from a recorder and never performs."""

    def __init__(self, recorder: Recorder) -> None:
        self._kept = recorder.kept

    def exchange(self, request: Request, perform: Callable[[], Json], *, memo: bool = False) -> Exchange:
        try:
            answer = json.loads(self._kept[key_of(request)])
        except KeyError:
            raise Indeterminate("not in evidence") from None
        return Exchange(1, request, answer, "", 0.0, None, None)


def key_of(request: Request) -> str:
    return json.dumps([request.channel, request.op, dict(request.arguments), request.vantage], sort_keys=True)
