"""Control no-default-credentials: what has been published as a password opens nothing."""

from __future__ import annotations

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import Identity, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import Account, accounts, listed
from proofs.probes.logins import must_survive_one_failure

NATIVE_HASHES = (
    "097B4001B7318C5D6A54575F950BDD2C8CC78C47",
    "2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
    "27C01464AD101AED1E65AC21152499A396B4CF72",
    "4362B628A2C8D7FF8D33CA4051EF4C587E12C662",
    "4B0A6FCE70BBEC6C6F9154FEC69AB0F05DB25B19",
    "54958E764CE10E50764C2EECBB71D01F08549980",
    "6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4",
    "81F5E21E35407D884A6CD4A731AEBFB6AF209E1B",
    "B3172CFFA35FA5693261ABE315247AB93D8503C9",
    "D8ABEDA6E33CA62EB908D04180336BF70E2028FF",
    "E74858DB86EBA20BC33D0AECAE8A8108C56B17FA",
)
"""SHA1(SHA1(password)) of the published passwords, as mysql_native_password stores them after an asterisk."""


def test_published_credentials_are_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """No identity of the inventory can log in with a published password or with its own name.

    Every candidate on every account, with the account's own certificate, so that nothing but the password is wrong:
    1045. Between two guesses the channel logs in with the right password, which clears the count of failures (MySQL
    FAILED_LOGIN_ATTEMPTS, MariaDB max_password_errors); an account that is blocked by the first failure is not tried.
    Locked accounts let nobody in; accounts without any password belong to no-empty-passwords (SV-235137).
    """
    every = accounts(sql, target.engine)
    guesses = [f"candidate:{label}" for label in sql.candidates()] + ["user-name"]
    tried = 0
    for name, identity in target.identities.items():
        found = _accounts_of(every, identity)
        if found and not any(a.can_log_in and any(m.has_secret for m in a.password_methods) for a in found):
            continue
        must_survive_one_failure(sql, target, found)
        tried += 1
        with experiment(f"log in as {name} with a published password") as e:
            e.control(sql.login(name))
            for guess in guesses:
                e.attack(sql.login(name, password=guess), refused_with=1045)
    if not tried:
        raise Indeterminate("no identity of the inventory logs in with a password")


def test_stored_hashes_are_of_no_published_password(sql: SqlChannel, target: Target) -> None:
    """No account at all, inside the inventory or not, stores the hash of a published password or of its own name.

    The server compares, no hash is read. That can be done for mysql_native_password, whose hashes have no salt; the
    salted ones of other plugins can't be compared, so accounts that are not in the inventory are judged here only as
    far as they use it. Not applicable where no account does.
    """
    if target.engine == "mysql":
        stored, table = "authentication_string", "mysql.user WHERE plugin = 'mysql_native_password'"
    else:
        # The whole document: an account may have several alternatives.
        stored, table = "Priv", "mysql.global_priv WHERE Priv LIKE '%mysql_native_password%'"
    comparable = sql.rows(f"SELECT COUNT(*) AS number FROM {table} AND {stored} REGEXP '[*][0-9A-Fa-f]{{40}}'")  # noqa: S608
    if not int(comparable[0]["number"]):
        raise NotApplicable("no account stores an unsalted hash (mysql_native_password) that could be compared")
    published = " OR ".join(f"INSTR(UPPER({stored}), '*{value}') > 0" for value in NATIVE_HASHES)
    own_name = f"INSTR(UPPER({stored}), CONCAT('*', UPPER(SHA1(UNHEX(SHA1(User)))))) > 0"
    rows = sql.rows(
        f"SELECT User AS user, Host AS host, ({published} OR {own_name}) AS published FROM {table}"  # noqa: S608
    )
    bad = [f"{row['user']!a}@{row['host']!a}" for row in rows if int(row["published"])]
    assert not bad, f"accounts whose password has been published: {listed(bad)}"


def _accounts_of(every: tuple[Account, ...], identity: Identity) -> list[Account]:
    """The identity's row of the grant tables; if none has exactly its host, all that bear its name."""
    same_name = [account for account in every if account.user == identity.user]
    return [account for account in same_name if account.host.lower() == identity.host.lower()] or same_name
