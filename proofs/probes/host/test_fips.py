"""Control fips-module-active."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, HostChannel, SqlChannel, TlsChannel
from proofs.probes.host.openssl import unapproved_in_use
from proofs.probes.host.server import server_pid
from proofs.probes.transport.settings import endpoints

Params = Mapping[str, ParameterValue]
OFF, PROVIDER, KERNEL = "off-stated", "provider", "kernel"
_NO_KERNEL_MODE = "this kernel has no FIPS mode (no /proc/sys/crypto/fips_enabled)"
_REFUSAL = "alert:handshake_failure"
_FIPS_ON = ("ON", "STRICT", "1", "2")
_DIRECTORY = re.compile(r'OPENSSLDIR: "(/[^"\n]*)"')


def test_the_kernel_is_in_fips_mode(machine: HostChannel, params: Params) -> None:
    """At level kernel: the kernel's flag is 1, and a system with crypto policies is on policy FIPS.

    Kernels built without CONFIG_CRYPTO_FIPS, Debian's among them, have no flag; crypto-policies(7).
    """
    flag = machine.command("kernel-fips").stdout.strip()
    if flag not in ("", "0", "1"):
        raise Indeterminate(f"the kernel's FIPS flag is shown as {flag[:40]!a}")
    seen = f"the kernel's FIPS flag is {flag}" if flag else _NO_KERNEL_MODE
    if _level(params) != KERNEL:
        raise NotApplicable(f"level {_level(params)} does not ask for it; {seen}")
    assert flag == "1", seen
    policy = machine.command("crypto-policy").stdout.strip()
    assert not policy or policy.split(":")[0] == "FIPS", f"the system's crypto policy is {policy[:80]!a}, not FIPS"


def test_the_server_uses_the_fips_provider(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """The FIPS provider is mapped into the server's process, and MySQL is told to use nothing else (`ssl_fips_mode`).

    That the provider is installed, or active for other programs, says nothing of the server. MYS8-00-006200, CIS 2.19.
    """
    _wanted(params)
    names = [line.rpartition("/")[2] for line in machine.command("process-crypto", pid=_pid(machine, sql)).lines]
    if not names:
        raise Indeterminate("neither libcrypto nor a provider was seen in the server's process")
    assert any(name.startswith("fips") for name in names), "no FIPS provider is loaded in the server's process"
    mode = sql.variable("ssl_fips_mode")
    assert mode is None or mode in _FIPS_ON, f"the server is told not to use FIPS: ssl_fips_mode is {mode!a}"


def test_the_default_provider_is_not_asked(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """Nothing but the FIPS provider computes for the server: the default one, which is part of libcrypto, may be there.

    MySQL's `ssl_fips_mode` sees to it (EVP_default_properties_enable_fips(3)); elsewhere the OpenSSL configuration that
    the process was started with does, as it is now, or Red Hat's OpenSSL under a kernel in FIPS mode.
    """
    _wanted(params)
    if sql.variable("ssl_fips_mode") in _FIPS_ON or machine.command("kernel-fips").stdout.strip() == "1":
        return
    pid = _pid(machine, sql)
    told = machine.command("process-openssl", pid=pid).stdout.strip("\0\n").removeprefix("OPENSSL_CONF=")
    if not told:
        directory = _DIRECTORY.search(machine.command("openssl-directory").stdout)
        if directory is None:
            raise Indeterminate("neither the server's process nor openssl version says which configuration is used")
        told = f"{directory[1]}/openssl.cnf"
    reason = unapproved_in_use(machine, told)
    assert not reason, reason


def test_unapproved_suites_are_refused(
    sql: SqlChannel, tls: TlsChannel, target: Target, params: Params, experiment: Experiments
) -> None:
    """A client that offers ChaCha20-Poly1305 alone is turned away; the same hello with AES-256-GCM works.

    NIST SP 800-52 Rev. 2, section 3.3.1: approved ciphers alone; ChaCha20-Poly1305 is none.
    """
    _wanted(params)
    for endpoint in endpoints(sql, target):
        with experiment(f"offer ChaCha20-Poly1305 alone to the {endpoint} interface") as e:
            e.control(tls.cipher_suite("TLS_AES_256_GCM_SHA384", endpoint))
            e.attack(tls.cipher_suite("TLS_CHACHA20_POLY1305_SHA256", endpoint), refused_with=_REFUSAL)


def test_unapproved_key_exchanges_are_refused(
    sql: SqlChannel, tls: TlsChannel, target: Target, params: Params, experiment: Experiments
) -> None:
    """A client that offers X25519 or X448 alone is turned away; the same hello with P-256 works.

    NIST SP 800-56A Rev. 3, appendix D, lists the approved curves for key agreement; these two are not among them.
    """
    _wanted(params)
    for endpoint in endpoints(sql, target):
        with experiment(f"offer an unapproved key exchange alone to the {endpoint} interface") as e:
            e.control(tls.key_exchange("secp256r1", endpoint))
            for group in ("x25519", "x448"):
                e.attack(tls.key_exchange(group, endpoint), refused_with=_REFUSAL)


def _level(params: Params) -> str:
    level = params["level"]
    if level not in (OFF, PROVIDER, KERNEL):
        raise Indeterminate(f"parameter level is {level!r}, expected {KERNEL}, {PROVIDER} or {OFF}")
    return str(level)


def _wanted(params: Params) -> None:
    if _level(params) == OFF:
        raise NotApplicable("the site states that no FIPS module is used (level off-stated)")


def _pid(machine: HostChannel, sql: SqlChannel) -> str:
    return str(server_pid(machine, sql))
