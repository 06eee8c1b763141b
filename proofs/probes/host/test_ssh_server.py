"""Control sshd-hardened."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue
from proofs.ports import HostChannel
from proofs.probes.host.missing import troubles
from proofs.probes.transport.settings import listed, texts

LOOKS = ("sshd-effective", "sshd-effective-root")
ALGORITHMS = ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms")
_SYNONYMS = {"without-password": "prohibit-password"}
_LINE = re.compile(
    r"(?P<file>/[^:]*):(?P<number>[0-9]+):[ \t]*\"?(?P<keyword>[A-Za-z]+)\"?(?:[ \t]*=[ \t]*|[ \t]+)(?P<value>.*)"
)
_COMMENT = re.compile(r"[ \t]#")
_MAIN = "/etc/ssh/sshd_config"
_DROP_INS, _ALGORITHMS_OF = "/etc/ssh/sshd_config.d", "/etc/crypto-policies/back-ends/opensshserver.config"
"""What is looked through for blocks besides the main file: what it includes on Debian and on Red Hat."""


def test_root_logs_in_as_agreed(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """PermitRootLogin, for anybody and as root from an unknown address; prohibit-password has an older name too."""
    for look in LOOKS:
        value = _value(machine, look, "permitrootlogin")
        value = _SYNONYMS.get(value, value)
        assert value in texts(params, "root_login"), f"PermitRootLogin is {value!a} ({look})"


def test_nobody_logs_in_by_password(machine: HostChannel) -> None:
    """No password, by neither of the two ways sshd can ask for one, and none that is empty: sshd_config(5)."""
    for look in LOOKS:
        for name in ("passwordauthentication", "kbdinteractiveauthentication", "permitemptypasswords"):
            value = _value(machine, look, name)
            assert value == "no", f"{name} is {value!a} ({look})"


def test_no_block_lets_more_in(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """No Match block, whoever it is for, lets passwords or root in: sshd_config(5), Match; sshd -T shows none of it.

    A block ends with the next one or its file. What is included from elsewhere, or within a block, was not read.
    """
    answer = machine.command("sshd-blocks")
    unseen = troubles(answer.stderr)
    if unseen or f"{_MAIN}: No such file" in answer.stderr:
        raise Indeterminate(f"sshd's configuration was not read: {(unseen or [answer.stderr.strip()])[0][:200]!a}")
    blocks: dict[str, str] = {}
    for line in answer.lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise Indeterminate(f"grep answered in another format: {line[:160]!a}")
        keyword, block = found["keyword"].lower(), blocks.get(found["file"])
        value = _COMMENT.split(found["value"], maxsplit=1)[0].strip().strip('"')
        if keyword == "match":
            blocks[found["file"]] = value
        elif keyword == "include":
            paths = [posixpath.join("/etc/ssh", path.strip('"')) for path in value.split()]
            elsewhere = [path for path in paths if path != _ALGORITHMS_OF and posixpath.dirname(path) != _DROP_INS]
            if block is not None or elsewhere:
                raise Indeterminate(
                    f"{found['file']} line {found['number']} includes {value[:160]!a}, which was not read"
                )
        elif block is not None:
            agreed = texts(params, "root_login") if keyword == "permitrootlogin" else ("no",)
            assert _SYNONYMS.get(value.lower(), value.lower()) in agreed, (
                f"{found['file']} line {found['number']}: for {block[:80]!a} {found['keyword']} is {value[:80]!a}"
            )


def test_only_approved_algorithms(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """Each algorithm that the configuration allows is in the parameter's list."""
    for name in ALGORITHMS:
        others = _others(listed(_value(machine, "sshd-effective", name)), params, name)
        assert not others, f"{name} has {others!a}"


def test_running_server_offers_no_more(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """What the sshd that runs offers is in the lists too, and no password among the ways to log in.

    A server works by the files that it last read (sshd(8), SIGHUP). Asked as the prover's account.
    """
    offer = machine.ssh_offer()
    assert not offer["let_in"], "the sshd that runs lets the prover's account in without any proof of who it is"
    passwords = sorted({"password", "keyboard-interactive"} & set(offer["methods"]))
    assert not passwords, f"the sshd that runs lets people log in by {', '.join(passwords)}"
    for name in ALGORITHMS:
        others = _others(offer[name], params, name)
        assert not others, f"the sshd that runs offers of {name}: {others!a}"


def _others(found: Iterable[str], params: Mapping[str, ParameterValue], name: str) -> str:
    return ", ".join(each for each in found if each not in texts(params, name))[:300]


def _value(machine: HostChannel, look: str, name: str) -> str:
    # Older sshd prints keywords in lower case, newer as in the manual.
    pairs = (line.partition(" ") for line in machine.command(look).lines)
    values = [value.strip() for key, _, value in pairs if key.lower() == name]
    if len(values) != 1 or not values[0]:
        raise Indeterminate(f"sshd -T shows {len(values)} values of {name}, not one")
    return values[0]
