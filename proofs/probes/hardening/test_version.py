"""Control supported-patched-version: the vendor still mends this server, and its mends are installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import SqlChannel
from proofs.probes.hardening.rules import compiled_version

ENGINE_VERSION = "SELECT PLUGIN_TYPE_VERSION AS version FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'InnoDB'"
Support = Callable[[str], Mapping[str, Any]]


def _versions(sql: SqlChannel, target: Target) -> list[str]:
    """What the server says it is, and what it was compiled as: MariaDB's option `version` changes only the first."""
    said = str(sql.rows("SELECT VERSION() AS version")[0]["version"])
    if ("mariadb" in said.lower()) != (target.engine == "mariadb"):
        raise Indeterminate(f"the inventory says {target.engine}, the server says {said!a}")
    built = sql.rows(ENGINE_VERSION)
    compiled = compiled_version(str(built[0]["version"])) if built else None
    if compiled is None:
        raise Indeterminate(f"the server says {said!a}, but not what it was compiled as")
    return [said, compiled]


def _in_table(support: Support, version: str) -> Mapping[str, Any]:
    row = support(version)
    if row["series"] is None:
        raise Indeterminate(f"{version!a} is not a version")
    if row["end_of_life"] is None:
        raise Indeterminate(f"the support table has no series {row['series']}, so its support can't be shown")
    return row


def _same(said: str, compiled: str) -> None:
    if not said.removeprefix("5.5.5-").startswith(compiled):
        raise Indeterminate(f"the server says {said!a} but was compiled as {compiled}")


def test_series_is_supported(
    sql: SqlChannel, support: Support, target: Target, params: dict[str, ParameterValue]
) -> None:
    """The server's release series is in vendor support on the day of the proof.

    Judged by the catalogue's dated table. That a series is out of support stays true however old the table is; that
    it still is in support does not, so an old table makes this indeterminate (SV-265876, SV-253778).
    """
    versions = _versions(sql, target)
    least = int(str(params["min_days_left"]))
    for version in versions:
        row = _in_table(support, version)
        assert row["days_left"] >= least, (
            f"{version!a}: support of series {row['series']} ends {row['end_of_life']}, {row['days_left']} days from"
            f" the proof; expected at least {least}"
        )
    _same(*versions)
    age, limit = support(versions[0])["table_age_days"], int(str(params["max_table_age_days"]))
    if not 0 <= age <= limit:
        raise Indeterminate(f"the support table was held against its sources {age} days ago, more than {limit}")


def test_release_is_patched(
    sql: SqlChannel, support: Support, target: Target, params: dict[str, ParameterValue]
) -> None:
    """The server's release is not older than the newest that the support table or the site names for its series.

    Releases of a series differ in the third number; a distribution's suffix (10.11.19-MariaDB-0+deb12u1) is not
    compared. MySQL's and MariaDB's quarterly releases carry the security fixes (SV-235194, SV-253745).
    """
    versions = _versions(sql, target)
    minimums = params["minimum_versions"]
    for version in versions:
        row = _in_table(support, version)
        key = f"{target.engine}-{row['series']}"
        minimum = (minimums.get(key) if isinstance(minimums, Mapping) else None) or row["minimum"]
        assert row["days_left"] >= 0 or minimum is not None, f"{version!a}: its series gets no fixes any more"
        if minimum is None:
            raise Indeterminate(f"no oldest accepted release is known for {key}; set minimum_versions")
        enough = row["at_least"](minimum)
        if enough is None:
            raise Indeterminate(f"{version!a} and {minimum!a} can't be compared")
        assert enough, f"{version!a} is older than {minimum}, the oldest accepted release of {key}"
    _same(*versions)
