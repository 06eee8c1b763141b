"""The channel `scap`: one evaluation on the host, its result document and report brought back."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
import zlib
from collections.abc import Callable

from proofs.channels.host import Machine
from proofs.channels.host.commands import Command, known
from proofs.channels.host.output import CommandOutput
from proofs.channels.host.script import NEEDS_ROOT, SUDO_REFUSED
from proofs.channels.scap.content import datastream_for
from proofs.channels.scap.results import parse
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Benchmark, Host, Json, Request, Target
from proofs.ports import ExchangeSink

MOST_BYTES = 64 << 20
REPORT_S = 300
_PROGRESS = re.compile(rb"^[A-Za-z0-9._-]{1,300}:[a-z]{1,20}$", re.MULTILINE)

# Frames `s STATUS`, and `e`, `o`, `r` with gzip in base64: errors, standard output, report. Files lie in a directory of
# the login's own and are removed however the script ends. The lines `RULE:RESULT` go to stderr as they come.
_SCRIPT = r"""
export LC_ALL=C TZ=UTC PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
exec </dev/null
if [ "$(id -u)" = 0 ]; then root=; elif [ SUDO = 1 ]; then root='sudo -n --'; else echo 's NEEDED'; exit 0; fi
d=$(mktemp -d) || exit 1
trap 'rm -rf "$d"' EXIT
trap 'exit 1' HUP INT PIPE TERM
{ $root SCAN 2>"$d/err"; echo $? >"$d/status"; } | tee "$d/out" | sed -u -n '1,/^<?xml /p' >&2
sed -n '/^<?xml /,$p' "$d/out" >"$d/arf.xml"
frame() { printf '%s ' "$1"; gzip -c | base64 | tr -d '\n'; echo; }
printf 's %s\n' "$(cat "$d/status")"
head -c 4096 "$d/err" | frame e
frame o <"$d/arf.xml"
timeout -k 5 REPORT oscap xccdf generate report "$d/arf.xml" 2>/dev/null | frame r
"""


class Scap:
    """The channel `scap` of one target; see `ScapChannel`. `tell` is given how far the evaluation is, for people."""

    def __init__(self, target: Target, sink: ExchangeSink, machine: Machine, tell: Callable[[str], None]) -> None:
        self._target = target
        self._sink = sink
        self._machine = machine
        self._tell = tell

    def evaluate(self) -> Json:
        """See `ScapChannel.evaluate`."""
        host = self._target.host
        if host is None or host.scap is None:
            raise Indeterminate("the inventory names no benchmark to evaluate (host.scap)")
        benchmark = host.scap
        self._machine.command("oscap-version")
        datastream = benchmark.datastream or datastream_for(
            self._machine.command("os-release").stdout, self._machine.command("scap-content").lines
        )
        asked = {"profile": benchmark.profile, "datastream": datastream, "tailoring": benchmark.tailoring}
        request = Request("scap", "evaluate", asked)
        perform = lambda: {**asked, **self._perform(host, benchmark, datastream)}  # noqa: E731
        return self._sink.exchange(request, perform, memo=True).answer

    def _perform(self, host: Host, benchmark: Benchmark, datastream: str) -> Json:
        words = {"profile": benchmark.profile, "datastream": datastream}
        scan = known()["scap-scan"]
        if benchmark.tailoring is not None:
            scan, words["tailoring"] = known()["scap-scan-tailored"], benchmark.tailoring
        argv = scan.filled(words)
        text = _SCRIPT.replace("SUDO", "1" if host.sudo else "0").replace("NEEDED", str(NEEDS_ROOT))
        text = text.replace("REPORT", str(REPORT_S)).replace("SCAN", " ".join(shlex.quote(word) for word in argv))
        done = 0

        def heard(chunk: bytes) -> None:
            nonlocal done
            done += len(_PROGRESS.findall(chunk))
            self._tell(f"oscap on {self._target.name}: {done} rules evaluated")

        longest = float(scan.seconds + REPORT_S + 60)
        result = self._machine.access().run("/bin/sh -c %s", text.strip(), seconds=longest, heard=heard)
        self._machine.same_boot()
        frames = dict(line.partition(b" ")[::2] for line in result.stdout_bytes.splitlines())
        document = _document(frames, scan, argv)
        report = _unpacked(frames.get(b"r", b""))
        return {
            **parse(document, benchmark.profile),
            "arf": document.decode("utf-8", "replace"),
            "report": report.decode("utf-8", "replace") or None,
        }


def _document(frames: dict[bytes, bytes], scan: Command, argv: tuple[str, ...]) -> bytes:
    """The result document, if the command ended well; otherwise `ChannelError` with the reason."""
    try:
        status = int(frames[b"s"])
    except (KeyError, ValueError):
        raise ChannelError("the host's answer ended before the evaluation did") from None
    errors = _unpacked(frames.get(b"e", b"")).decode("utf-8", "replace")
    if status == 1 and errors.startswith("sudo: "):
        status = SUDO_REFUSED
    shown = Command(scan.name, argv, exits=scan.exits, seconds=scan.seconds)
    CommandOutput.of(shown, {"status": status, "stdout": "", "stderr": errors, "truncated": False})
    document = _unpacked(frames.get(b"o", b""))
    if not document:
        raise ChannelError("oscap ended without a result document")
    return document


def _unpacked(frame: bytes) -> bytes:
    """Contents of a gzip in base64, never more than `MOST_BYTES`; nothing for an empty frame."""
    if not frame:
        return b""
    try:
        inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        found = inflater.decompress(base64.b64decode(frame, validate=True), MOST_BYTES)
    except (binascii.Error, zlib.error):
        raise ChannelError("the host's answer is not in the form it was asked for") from None
    if not inflater.eof:
        raise ChannelError(f"the host's answer is cut off, or holds more than {MOST_BYTES >> 20} MiB")
    return found
