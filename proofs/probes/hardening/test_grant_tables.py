"""Control grant-tables-enforced: who may do what is asked of the grant tables, always."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, HostChannel, SqlChannel
from proofs.probes.accounts import accounts, listed, unlisted
from proofs.probes.hardening.option_files import on_disk
from proofs.probes.hardening.rules import names, on
from proofs.probes.logins import account_of, must_survive_one_failure

NOBODY = "proof_of_controls_nobody"


def test_grant_tables_are_in_use(
    sql: SqlChannel, machine: HostChannel, target: Target, params: dict[str, ParameterValue]
) -> None:
    """The server goes by its grant tables as they are now, and no init_file runs at its start.

    MySQL has no such variable; there SHOW GRANTS answers 1290 while the grant tables are not in use. MariaDB has the
    variable. Where the host can be read, the option files are looked at too: they decide about the next start.
    An account that is in force but in no table was hidden by deleting its row. init_file runs with all rights
    (SV-235141).
    """
    # The operator first: on MySQL skip_grant_tables closes the network, and only the Unix socket still answers.
    local = "operator" in target.identities
    grants = sql.query("SHOW GRANTS", identity="operator" if local else "inspector")
    assert 1290 not in grants.codes, "SHOW GRANTS answers 1290: the server runs with skip_grant_tables"
    if not grants.ok or not grants.rows:
        raise Indeterminate(f"whether the grant tables are in use was not seen: {grants.describe()}")
    if target.engine == "mariadb":
        skipped = sql.variable("skip_grant_tables")
        if on(skipped) is None:
            raise Indeterminate(f"the variable skip_grant_tables is {skipped!a}, neither ON nor OFF")
        assert not on(skipped), f"skip_grant_tables is {skipped!a}, expected OFF"

    hidden = unlisted(sql, target.engine)
    assert not hidden, f"accounts are in force that the grant tables do not hold: {listed(hidden)}"

    init_file = sql.variable("init_file")
    if init_file is None:
        raise Indeterminate("the server shows no variable init_file")
    allowed = names(params["allowed_init_files"])
    assert not init_file or init_file in allowed, f"init_file is {init_file!a}, expected {list(allowed) or 'none'}"

    options = on_disk(sql, machine, target) or {}
    assert on(options.get("skip_grant_tables", "OFF")) is False, "skip_grant_tables stands in an option file"
    planned = options.get("init_file", init_file)
    assert not planned or planned in allowed, f"an option file sets init_file to {planned!a}"


def test_unknown_user_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Nobody gets in under a name or with a password that the grant tables do not know.

    Without grant checks every name and every password is accepted; with them the answer is 1045. The password of
    the unknown name is a wrong one rather than none, so that an anonymous account is not mistaken for this. Control
    experiments: the identities' real logins, over the Unix socket (where the inventory names it; with
    skip_grant_tables MySQL closes the network) and over TLS. Where one failure is enough to block the inspector's
    account, none is tried.
    """
    if target.database.socket is not None and "operator" in target.identities:
        with experiment("log in over the Unix socket, unknown to the grant tables") as e:
            e.control(sql.login("operator", transport="socket"))
            attempt = sql.login("operator", user=NOBODY, password="wrong", transport="socket")  # noqa: S106
            e.attack(attempt, refused_with=1045)
    inspector = target.identities.get("inspector")
    account = account_of(inspector, accounts(sql, target.engine)) if inspector is not None else None
    must_survive_one_failure(sql, target, [account] if account is not None else [])
    with experiment("log in over TLS, unknown to the grant tables") as e:
        e.control(sql.login("inspector"))
        e.attack(sql.login("inspector", password="wrong"), refused_with=1045)  # noqa: S106
        e.attack(sql.login("inspector", user=NOBODY, password="wrong"), refused_with=1045)  # noqa: S106
