"""Control bind-address-restricted: the Unix socket, which is a door without TLS."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, HostChannel, SqlChannel
from proofs.probes.accounts import listed, login_accounts, without
from proofs.probes.transport.paths import place
from proofs.probes.transport.settings import setting

STICKY, WRITE = 0o1000, 0o022


def test_unix_socket_is_in_a_private_place(sql: SqlChannel, machine: HostChannel) -> None:
    """The Unix socket lies where only the server and root can put one.

    In a directory that others may write to, anybody can put up a socket of that name while the server is down and
    collect what clients send it, sticky bit or not. The socket itself is open to all (0777) by the server's own doing.
    """
    path = setting(sql, "socket")
    assert not path.startswith("@"), f"the socket {path!a} is an abstract one, which has no permissions (unix(7))"
    if not path.startswith("/"):
        raise Indeterminate(f"the variable socket is {path!a}, not an absolute path")
    socket, (directory, *above) = place(machine, path)
    if socket["type"] != "socket":
        raise Indeterminate(f"{path!a} is a {socket['type']}, not a socket")
    mode = int(directory["mode"], 8)
    assert not mode & WRITE, f"{directory['path']} has mode {directory['mode']}: others may write"
    for each in above:
        mode = int(each["mode"], 8)
        assert mode & STICKY or not mode & WRITE, f"{each['path']} has mode {each['mode']}: others may write"


def test_only_named_accounts_use_the_socket(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Nobody but the named local accounts can log in over the Unix socket.

    A client of the socket comes from `localhost` to the server, also to a pattern like `%`. An account that REQUIREs
    TLS cannot use it (MySQL and MariaDB manuals, CREATE USER, REQUIRE); locked accounts and roles cannot log in.
    """
    usable = [
        account for account in login_accounts(sql, target.engine) if not account.ssl_type and _is_local(account.host)
    ]
    stray = without(usable, params["socket_accounts"])
    assert not stray, f"these accounts can log in over the socket, without TLS: {listed(stray)}"


def test_network_identities_are_refused_at_the_socket(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Identities of the network are refused at the Unix socket, with the password that lets them in over TLS.

    1045 on both engines; 1698 on MariaDB where the account at localhost asks the operating system.
    """
    if target.database.socket is None:
        raise NotApplicable("the server's socket cannot be reached from the prover's machine")
    names = [n for n, each in target.identities.items() if each.via == "tcp" and each.password is not None]
    tried = 0
    with experiment("log in over the Unix socket") as e:
        for name in names:
            good = sql.login(name)
            if not good.ok:
                continue  # locked, or otherwise kept out: nothing can be shown with it
            tried += 1
            e.control(good)
            e.attack(sql.login(name, transport="socket"), refused_with={"mysql": 1045, "mariadb": (1045, 1698)})
        if not tried:
            raise Indeterminate("no identity of the inventory could log in over TCP")


def _is_local(host: str) -> bool:
    """Whether a host pattern of an account matches `localhost` (`%` any text, `_` one character, `\\` escapes).

    MySQL: an empty host is `%`. A netmask or an address never matches a socket.
    """
    parts = re.findall(r"\\.|.", host.lower(), re.DOTALL)
    translated = {"%": ".*", "_": "."}
    pattern = "".join(translated.get(part, re.escape(part[-1])) for part in parts)
    return not host or re.fullmatch(pattern, "localhost", re.DOTALL) is not None
