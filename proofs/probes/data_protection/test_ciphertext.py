"""Control no-plaintext-pii-in-tables: what is stored looks like ciphertext under keys of its own, in every row."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import Json, Target
from proofs.ports import RecordsChannel, SqlChannel
from proofs.probes.data_protection.needles import BINARY, TEXT
from proofs.probes.data_protection.scene import records_of
from proofs.probes.sqltext import literal, quoted

CHI_SQUARE_LIMIT = 481.0
"""Ten standard deviations (22.6) above the mean (255) of chi-square with 255 degrees of freedom."""
MAIL = "[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+[.][A-Za-z]{2,}"


def test_ciphertext_looks_like_ciphertext(records: RecordsChannel) -> None:
    """Every ciphertext is longer than its tag and does not read as text, base64 or digits; its bytes are even."""
    facts = _survey(records)
    _none(facts, "ciphertext_short", "ciphertext_readable", "ciphertext_repeated")
    square = facts["chi_square"]
    assert square is None or square < CHI_SQUARE_LIMIT, f"bytes of the ciphertexts are uneven: chi-square {square}"


def test_ivs_are_never_repeated_under_one_key(records: RecordsChannel) -> None:
    """Every IV has 96 bits and occurs once under one wrapping key (NIST SP 800-38D, section 8)."""
    _none(_survey(records), "iv_length", "iv_zero", "iv_repeated")


def test_every_record_has_a_data_key_of_its_own(records: RecordsChannel) -> None:
    """Data keys are stored wrapped and each is used once: neither the wrapped keys nor the keys in them repeat.

    A stored key that opens its record by itself is not wrapped. What is in the wrapped keys is only looked at where the
    inventory names the key service, for the first few hundred.
    """
    _none(_survey(records), "wrapped_key_short", "key_not_wrapped", "wrapped_key_repeated", "data_key_repeated")


def test_every_record_is_bound_to_its_tenant(records: RecordsChannel) -> None:
    """The AAD of every record names its tenant, and those that are tried open where they stand."""
    facts = _survey(records)
    _none(facts, "aad_not_of_tenant", "does_not_open")
    if facts["unreachable"]:
        raise Indeterminate(f"the key service could not be asked: {facts['unreachable']}")


def test_no_other_column_holds_personal_data(sql: SqlChannel, target: Target) -> None:
    """Columns beside the encrypted ones are declared as clear text, and hold no mail addresses."""
    section = records_of(target)
    known = {section.tenant, section.key, section.ciphertext, section.iv, section.aad, section.wrapped_key}
    known |= {section.key_name, section.wrapped_key_pq or section.wrapped_key, *section.plaintext}
    columns = sql.rows(
        "SELECT COLUMN_NAME AS col, DATA_TYPE AS kind FROM information_schema.COLUMNS"  # noqa: S608 - literals
        f" WHERE TABLE_SCHEMA = {literal(target.schema)} AND TABLE_NAME = {literal(section.table)}",
        identity=_reader(target),
    )
    if not columns:
        raise Indeterminate(f"the table of records was not seen: {section.table!a}")
    stored = {str(row["col"]): str(row["kind"]).lower() for row in columns}
    undeclared = [name for name, kind in stored.items() if kind in (*TEXT, *BINARY) and name not in known]
    assert not undeclared, f"columns of records that are declared neither encrypted nor plaintext: {undeclared[:5]}"
    texts = [name for name in section.plaintext if stored.get(name) in TEXT]
    if texts:
        hits = " OR ".join(f"{quoted(name)} REGEXP {literal(MAIL)}" for name in texts)
        source = f"SELECT COUNT(*) AS n FROM {quoted(str(target.schema), section.table)} WHERE {hits}"  # noqa: S608
        number = int(sql.rows(source, identity=_reader(target))[0]["n"])
        assert not number, f"{number} records hold a mail address in a column declared as plaintext"


def _survey(records: RecordsChannel) -> Json:
    facts = records.survey()
    if not facts["rows"]:
        raise Indeterminate("there is not one record, so nothing was seen of how they are encrypted")
    if facts["compared"] < facts["rows"]:
        raise Indeterminate(f"only {facts['compared']} of {facts['rows']} records could be compared with each other")
    return facts


def _none(facts: Mapping[str, object], *names: str) -> None:
    offenders, first = facts["offenders"], facts["first"]
    assert isinstance(offenders, Mapping)
    assert isinstance(first, Mapping)
    found = [f"{name}: {offenders[name]} records ({first.get(name, [])!a})" for name in names if name in offenders]
    assert not found, f"of {facts['rows']} records, {'; '.join(found)}"


def _reader(target: Target) -> str:
    return "operator" if "operator" in target.identities else "inspector"
