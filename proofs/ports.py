"""Protocols between the rooms: what probes may ask for, and what channels are given.

Channels *look and record*; they never judge. A channel builds a `Request`, hands it with a `perform` function to
the `ExchangeSink`, and wraps the stored answer in a result type. Under replay the sink never calls `perform`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from proofs.model import Exchange, Json, Request, SecretRef

Code = int | str
"""Why an attempt was refused: a server or driver error number (1045), or `"alert:unknown_ca"` for a TLS alert."""


class ExchangeSink(Protocol):
    """Records every exchange; the only way a channel may touch a target."""

    def exchange(self, request: Request, perform: Callable[[], Json], *, memo: bool = False) -> Exchange:
        """Perform and record a request, or answer it from what is recorded.

        `perform` returns a JSON-able answer (strings, ints, floats, bools, None, lists, dicts). The exchange
        returned holds the answer *as stored* (redacted), so live and replayed probes judge the same bytes.
        With `memo`, an equal request made before in this run is answered from its first exchange.

        Raises `ChannelError` if `perform` raised one (that failure is recorded too, and raised again in replay),
        `Indeterminate` in replay if the journal does not hold the request.
        """
        ...


class Secrets(Protocol):
    """Resolves secret references; every value resolved is redacted from all evidence."""

    def resolve(self, ref: SecretRef) -> str: ...


class Clock(Protocol):
    """One reading of time per run, so that a replay years later judges by the day of the run."""

    def now(self) -> datetime: ...


@runtime_checkable
class Attempt(Protocol):
    """Anything an experiment can weigh: a login, a statement, a handshake, a connect."""

    @property
    def ok(self) -> bool:
        """The target let it happen."""
        ...

    @property
    def codes(self) -> frozenset[Code]:
        """Why it was refused; empty if it was not."""
        ...

    def describe(self) -> str:
        """One line for people, escaped and bounded."""
        ...


class LoginResult(Attempt, Protocol):
    """A login that was tried. `session` has tls_version, tls_cipher, current_user, connection_id, … when ok."""

    @property
    def session(self) -> Json: ...
    @property
    def stage(self) -> str:
        """Where it ended: `connect`, `greeting`, `tls`, `login`, or `session` when it succeeded."""
        ...


class QueryResult(Attempt, Protocol):
    """A statement that was tried; `rows` are dicts by column name, bytes as `{"$hex": …}`."""

    @property
    def rows(self) -> Sequence[dict[str, Any]]: ...
    @property
    def truncated(self) -> bool: ...
    @property
    def warnings(self) -> Sequence[Json]: ...
    @property
    def message(self) -> str:
        """The server's words when it refused, as it sent them (bounded); empty if it did not."""
        ...

    @property
    def local_file_requested(self) -> bool:
        """The server asked the client for a local file (never honoured)."""
        ...


RESET_CONNECTION = "COM_RESET_CONNECTION"
CHANGE_USER = "COM_CHANGE_USER"
"""Steps of a `scenario` that are commands of the client/server protocol."""

TlsMode = Literal["on", "off"]
Transport = Literal["tcp", "socket"]
Endpoint = Literal["main", "admin"]


class SqlChannel(Protocol):
    """The database as a client sees it. Nothing here raises for a refusal: a refusal is an answer."""

    def login(
        self,
        identity: str,
        *,
        tls: TlsMode = "on",
        certificate: str = "own",
        password: str = "own",
        user: str | None = None,
        transport: Transport | None = None,
        endpoint: Endpoint = "main",
        auth_plugin: str | None = None,
        vantage: str = "here",
        lockout: bool = False,
    ) -> LoginResult:
        """Try a login and, if let in, look at the session and close it.

        `certificate`: `own`, `none`, the name of an entry of the target's `certificates`, or `identity:NAME`.
        `password`: `own`, `wrong`, `empty`, `user-name`, or `candidate:LABEL` (a published default, `candidates()`).
        `user`: another user name than the identity's (for anonymous and unknown-user attacks).
        `lockout`: guesses may follow each other without a good login between, so that the account gets blocked;
        `ChannelError` unless the target says `allow_lockout_probe`.
        """
        ...

    def candidates(self) -> Sequence[str]:
        """Labels of published default credentials, usable as `password="candidate:LABEL"`."""
        ...

    def query(self, statement: str, *, identity: str = "inspector", memo: bool = True) -> QueryResult:
        """One statement on the identity's session (kept open through the run), TLS and own certificate."""
        ...

    def rows(self, statement: str, *, identity: str = "inspector") -> Sequence[dict[str, Any]]:
        """`query` for a look that must succeed: `Indeterminate` on any error or truncated result."""
        ...

    def variable(self, name: str) -> str | None:
        """A global variable as the server spells it, or None where the server has none of that name."""
        ...

    def attempt(
        self, identity: str, statement: str, *, local_infile: bool = False, endpoint: Endpoint = "main"
    ) -> QueryResult:
        """One statement on a fresh connection, inside a transaction that is rolled back; closed afterwards."""
        ...

    def scenario(
        self, sessions: Mapping[str, str], steps: Sequence[tuple[str, str]], *, transaction: bool = True
    ) -> Sequence[QueryResult]:
        """Statements on several fresh connections, in the order given, as one exchange; a result for each step.

        `sessions`: label → identity; `steps`: (label, statement). With `transaction` each session begins one; every
        session ends with ROLLBACK and is closed. Refused steps don't end it; what follows on a connection the server
        closed is answered by the driver's error. `RESET_CONNECTION` and `CHANGE_USER` (to the same account) as a
        statement send that command of the protocol. A wait for a lock ends after a second (error 1205).
        """
        ...

    def script(self, identity: str, statements: Sequence[str], *, transaction: bool = True) -> Sequence[QueryResult]:
        """`scenario` with one session."""
        ...

    def sessions(self, identity: str, count: int) -> Sequence[LoginResult]:
        """`count` logins held open together, then all closed: for connection limits."""
        ...


class HandshakeResult(Attempt, Protocol):
    """A TLS handshake that was tried; `facts` as in `TlsChannel.handshake`."""

    @property
    def facts(self) -> Json: ...


class TlsChannel(Protocol):
    """The endpoint's TLS, from outside. Endpoints: `main`, `admin`, `x` (X Protocol)."""

    def scan(self, endpoint: str = "main") -> Json:
        """Everything sslyze sees through the STARTTLS bridge, once per run (memoised).

        Shape: {"accepted": {"TLS 1.3": [suite…], "TLS 1.2": […], …six versions}, "errors": {command: reason},
        "curves": […], "renegotiation": {"client_initiated": bool|None, "secure": bool|None}, "compression": bool|None,
        "early_data": bool|None, "resumption": {…}, "heartbleed": bool|None, "fallback_scsv": bool|None,
        "chain": [pem…], "connections": int, "aborted": int, "good_logins": int}. None = that look failed.
        """
        ...

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
    ) -> HandshakeResult:
        """One handshake by Python's ssl. Versions `TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`.

        With `verify`, chain (target's CA), name and validity are checked, at time `at` when given.
        `facts`: version, cipher, chain (list of PEM, leaf first), verify_error.
        `codes` when refused: `alert:NAME` only when the *server* sent that alert; `local:…` for this side's refusal.
        """
        ...

    def cipher_suite(self, suite: str, endpoint: str = "main") -> HandshakeResult:
        """Offer exactly one TLS 1.3 suite (IANA name) in a ClientHello made by hand; ok if ServerHello chose it."""
        ...

    def key_exchange(self, group: str, endpoint: str = "main") -> HandshakeResult:
        """Offer TLS 1.3 with exactly one group (IANA name, `x25519`); ok if ServerHello chose it."""
        ...

    def impostor(self, client: str, presents: str) -> HandshakeResult:
        """Point a client, configured by the option file `client`, at a loopback impostor of the server.

        `presents`: `wrong-name` (right CA, another name), `rogue-ca`, or `genuine` (the control experiment).
        ok if the client went on to send its login. facts: {"login_bytes": int, "client_error": str|None}.
        """
        ...


class ConnectResult(Attempt, Protocol):
    """A TCP connect: ok if open; codes `refused`, `timeout`, `unreachable`."""

    @property
    def families(self) -> Sequence[Json]:
        """{family (`IPv4`, `IPv6`), address, ok, code} of each address tried; empty where the vantage can't tell."""
        ...


class NetworkChannel(Protocol):
    """TCP reachability from a named vantage; nothing is sent but by `failed_login`."""

    def connect(self, host: str, port: int, *, vantage: str = "here") -> ConnectResult:
        """`port` is the host's own. `Indeterminate` for an unknown vantage or a port its forwarder does not map.

        Through a forwarder the silence of a service that does not speak first is a `timeout` too; `describe` says so.
        """
        ...

    def connect_until(
        self, host: str, port: int, *, opened: bool, within_s: float, vantage: str = "here"
    ) -> ConnectResult:
        """Connect until it succeeds (or fails, if not `opened`), for `within_s` seconds at most; the last connect."""
        ...

    def failed_login(self, host: str, port: int, *, vantage: str) -> ConnectResult:
        """One SSH login as `STRANGER`, without a key or a password, to the host whose key the target knows.

        Code `denied` where sshd itself refused it, else that of a connect. The host counts it against the vantage:
        `ChannelError` unless the target says `allow_ban_probe` and names the vantage as `ban_vantage`.
        """
        ...


class CommandResult(Protocol):
    """What a command of the fixed list answered."""

    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...
    @property
    def lines(self) -> list[str]:
        """Lines of the output that are not blank."""
        ...


class HostChannel(Protocol):
    """Looks at the host, all but one command read-only. `Indeterminate` where the target names no host access."""

    def command(self, name: str, **arguments: str) -> CommandResult:
        """One command of the fixed list (`channels/host/commands`), with its arguments by kind (`unit="mysql"`).

        Commands without arguments are gathered by one script at the first look. Raises `ChannelError` where the answer
        is no evidence: no such command, sudo refused, no root, no answer in time, cut off, an unexpected exit status;
        and for the one that changes something unless the target says `allow_ban_probe`.
        """
        ...

    def stat_path(self, path: str) -> Sequence[Json]:
        """The file and every directory above it, leaf first: {path, type, mode (octal str), owner, group, link}."""
        ...

    def read_text(self, path: str, *, limit: int = 65536) -> str: ...

    def search(self, directory: str, text: str) -> Sequence[str]:
        """Files below a directory that hold the text, as bytes anywhere in them; `Indeterminate` above a GiB."""
        ...

    def listening(self) -> Sequence[Json]:
        """Listening TCP sockets: {address, port}, IPv4 and IPv6."""
        ...

    def clock(self) -> Json:
        """The host's clock between two readings of the prover's, several times; never answered from an earlier look.

        {readings: [{before, host, after}] in their order, offset_s, uncertainty_s}, all in seconds (since 1970). The
        last two are of the quickest reading: how far the host is ahead of the prover, give or take half the round trip.
        """
        ...

    def login_received(self, wait_s: int) -> Json:
        """Log in anew and await, for so many seconds, the line that sshd logs of it where the host's log is received.

        {login: {user, address, port (the client's, as the host sees it), node (the host's name for itself), clock (its
        own, just after the login)}, lines (those that arrived since and name the login; the first few, cut), arrived
        (how many lines did), cut (more arrived than was read), waited_s}. `Indeterminate` where the inventory does not
        say where the log is received.
        """
        ...

    def ssh_offer(self) -> Json:
        """What the sshd that runs offers the prover's account, asked by a login of its own that proves nothing.

        {kexalgorithms, hostkeyalgorithms, ciphers, macs (names, of both directions), let_in (without any proof!),
        methods (by which one may log in; empty if let in)}. `Indeterminate` where the host is not reached over SSH.
        """
        ...

    def unban_if_gone(self, *, jail: str, address: str) -> AbstractContextManager[None]:
        """While the block runs, the host itself stands by to lift a ban, should the prover or the way to it be gone.

        Raises `ChannelError` where it does not, and unless the target says `allow_ban_probe`.
        """
        ...


class ScapChannel(Protocol):
    """A security benchmark, evaluated on the host by OpenSCAP as the target's `host.scap` says."""

    def evaluate(self) -> Json:
        """The benchmark's answer, rule by rule; once per run. It takes minutes, and changes nothing on the host.

        {datastream, profile, tailoring, benchmark, counts: {result: rules}, rules: [{id, severity, result, title}]
        (those the profile selects), score, arf (the result document), report (HTML) or None}. Results are those of
        XCCDF 1.2: pass, fail, error, unknown, notapplicable, notchecked, notselected, informational, fixed.

        Raises `Indeterminate` without `host.scap` or content for the host's system, `ChannelError` without oscap, root,
        or an answer in time.
        """
        ...


class LedgerChannel(Protocol):
    """The audit's hash chain and its anchors, as the target's `audit` section describes them."""

    def chain(self) -> Json:
        """The whole chain (or what came after a checkpoint), every row recomputed by the prover; once per run.

        {rows, first_id, last_id, head, unhashed, unlinked, misnumbered (numbers of rows), findings: [{kind, row, id,
        says}], untold (further findings), bound (the recipe hashes the previous hash too), stored_head: {id, hash} or
        None, anchors: {compared, before, wrong, first_wrong, last_id}, anchors_unread: why or None, rows_after_anchor,
        since: {id, hash, origin} or None, driver, driver_note, seconds}.
        """
        ...

    def anchors(self, window_s: int) -> Json:
        """The store of anchors, gaps counted within the last `window_s` seconds.

        {count, malformed, first_malformed, backwards, first_backwards, first, last: {line, id, hash, time}|None,
        in_window, longest_gap_s, longest_gap_line, median_gap_s, gap_99_s, read_at, place: {path, mode, owner,
        append_only}, same_machine (as the database, by its address), boot_id (of this machine)}.
        """
        ...


class LabChannel(Protocol):
    """What is done to the project's own labs, and to nothing else."""

    def restart(self) -> None:
        """Restart the server: what was set at run time is gone, connection ids begin anew.

        Raises `NotApplicable` where the target is no lab of the project's, or one that cannot be restarted now.
        """
        ...


class RecordsChannel(Protocol):
    """Encrypted records, as the target's `records` section describes them, through an application's client."""

    def canary(self, tenant: str) -> Json:
        """A record of made-up personal data for a tenant of the inventory, sealed; once per run and tenant.

        {token (letters and digits found nowhere else), text (with the token), record, tenant (ids), fields:
        {ciphertext, iv, aad, wrapped_key, wrapped_key_pq, cipher, wrap, key_name}}; bytes are `{"$hex": …}`.
        """
        ...

    def open(self, fields: Mapping[str, Any], *, tenant: str, record: str, key: str = "own") -> Attempt:
        """Try to open a record as one of a tenant; `key` `other` is a key that was made up.

        Codes when refused: `local:UnwrapRefused` (by the key service), `local:OpenRefused` (by the cipher or its AAD).
        """
        ...

    def survey(self) -> Json:
        """Every stored record in one stream, once per run.

        {rows, compared, ciphertext_bytes, chi_square or None, offenders: {what: rows}, first: {what: record ids},
        opened, tried (records opened with the key service, the first few hundred), unreachable: why or None}. What:
        ciphertext_short, ciphertext_readable, iv_length, iv_zero, wrapped_key_short, key_not_wrapped,
        aad_not_of_tenant, does_not_open, and {iv, ciphertext, wrapped_key, data_key}_repeated.
        """
        ...


class MaterialChannel(Protocol):
    """The trust material the target is judged by, read from the prover's machine and put into evidence."""

    def pem(self, what: str) -> str:
        """`ca`, `crl`, `certificate:NAME` (attack material) or `identity:NAME` (its certificate; never a key)."""
        ...

    def key_modes(self) -> Sequence[Json]:
        """Mode and owner of each private key file and its directory on the prover's machine."""
        ...

    def client_options(self) -> Sequence[Json]:
        """Each client configuration named by the target: {path, group, options}; option values of passwords dropped."""
        ...


Expected = Code | Sequence[Code] | Mapping[str, Code | Sequence[Code]]
"""Codes with which an attack must be refused; a mapping gives them by engine."""


class Experiment(Protocol):
    """An attack that must be refused, with its control experiment: the same, without the thing under test."""

    def control(self, attempt: Attempt) -> None:
        """The same attempt, different only in the thing under test: it must succeed."""
        ...

    def attack(self, attempt: Attempt, *, refused_with: Expected) -> None:
        """The attempt that must be refused, for the right reason."""
        ...

    def control_refused(self, attempt: Attempt, *, refused_with: Expected) -> None:
        """A control experiment whose known outcome is another refusal (past the check under test)."""
        ...


class Experiments(Protocol):
    """Opens an experiment: `with experiment("log in without TLS") as e:`; it concludes when the block ends.

    Concluding raises AssertionError if an attack succeeded, `Indeterminate` if there was no control experiment, if
    one did not come out as it must, or if an attack was refused for another reason than the expected ones.
    """

    def __call__(self, title: str) -> AbstractContextManager[Experiment]: ...
