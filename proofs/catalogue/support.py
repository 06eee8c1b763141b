"""The dated table of supported server series: pure look-ups."""

from __future__ import annotations

import re
from datetime import date

from proofs.model import Catalogue, Engine, SupportedSeries

_RELEASE = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")


def engine_of(version: str) -> Engine:
    """Which engine spells its `VERSION()` like this: MariaDB says its name, MySQL does not."""
    return "mariadb" if "mariadb" in version.lower() else "mysql"


def release_of(version: str, engine: Engine) -> tuple[int, ...] | None:
    """The numbers of a version string: `(10, 11, 19)` of `10.11.19-MariaDB-0+deb12u1`; None if it has none.

    MariaDB puts `5.5.5-` before its version in the handshake, for old replicas (MariaDB manual, Connection
    packet); that prefix is dropped.
    """
    text = version.strip()
    if engine == "mariadb" and text.startswith("5.5.5-"):
        text = text.removeprefix("5.5.5-")
    found = _RELEASE.match(text)
    return tuple(int(part) for part in found.groups() if part is not None) if found else None


def series_of(version: str, engine: Engine) -> str | None:
    """The release series of a version string: `8.4` of `8.4.9-0ubuntu1`; None if it is not a version."""
    release = release_of(version, engine)
    return f"{release[0]}.{release[1]}" if release else None


def find_series(catalogue: Catalogue, version: str, engine: Engine) -> SupportedSeries | None:
    """The row of the support table for a version string, or None if the table has none."""
    series = series_of(version, engine)
    rows = (row for row in catalogue.support if row.engine == engine and row.series == series)
    return next(rows, None)


def days_left(row: SupportedSeries, on: date) -> int:
    """Whole days of vendor support left on a day; 0 on the last day, negative afterwards."""
    return (row.end_of_life - on).days


def at_least(version: str, minimum: str, engine: Engine) -> bool | None:
    """Whether a version is the minimum or newer; None if either is not a version."""
    have, need = release_of(version, engine), release_of(minimum, engine)
    if have is None or need is None:
        return None
    width = max(len(have), len(need))
    return have + (0,) * (width - len(have)) >= need + (0,) * (width - len(need))


def table_age_days(catalogue: Catalogue, on: date) -> int:
    """Days since the table was last held against its sources; negative if it claims to be from the future."""
    return (on - catalogue.support_as_of).days
