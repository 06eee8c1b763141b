"""No spelling of a secret survives redaction, wherever it stands."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.bundle.scan import SecretScan
from proofs.errors import IntegrityError
from proofs.evidence import Redactor
from proofs.model.spellings import MINIMUM_SECRET, spellings

secrets = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=MINIMUM_SECRET, max_size=40)
around = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)

SPELL = {
    "raw": lambda secret, before, after: secret,
    "json": lambda secret, before, after: json.dumps(secret)[1:-1],
    "json in Unicode": lambda secret, before, after: json.dumps(secret, ensure_ascii=False)[1:-1],
    "url": lambda secret, before, after: quote(secret),
    "url component": lambda secret, before, after: quote(secret, safe=""),
    "url in lower case": lambda secret, before, after: "".join(
        f"%{byte:02x}" if chr(byte) not in UNRESERVED else chr(byte) for byte in secret.encode()
    ),
    "form": lambda secret, before, after: quote_plus(secret),
    "html": lambda secret, before, after: html.escape(secret),
    "hex": lambda secret, before, after: secret.encode().hex(),
    "HEX": lambda secret, before, after: secret.encode().hex().upper(),
    "base64": lambda secret, before, after: base64.b64encode((before + secret + after).encode()).decode(),
    "base64url": lambda secret, before, after: base64.urlsafe_b64encode((before + secret + after).encode()).decode(),
}
UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"


def holds(value, spelled):
    if isinstance(value, str):
        return spelled in value
    if isinstance(value, dict):
        return any(holds(key, spelled) or holds(item, spelled) for key, item in value.items())
    return isinstance(value, list) and any(holds(item, spelled) for item in value)


@pytest.mark.parametrize("how", SPELL)
@given(secret=secrets, before=around, after=around)
def test_no_spelling_survives(how, secret, before, after):
    spelled = SPELL[how](secret, before, after)
    text = before + spelled + after
    answer = {"rows": [[text, 1, None, True], {"deep": {"er": (text,)}}], text: 2.5}
    redacted = Redactor(lambda: [("file pw", secret)]).value(answer)
    for needle in spellings(secret):
        assert not holds(redacted, needle)
    assert redacted["rows"][0][1:] == [1, None, True]


@pytest.mark.parametrize("how", SPELL)
@given(secret=secrets, before=around, after=around)
def test_the_last_scan_finds_every_spelling(how, secret, before, after):
    data = f"…{SPELL[how](secret, before, after)}…".encode()
    with pytest.raises(IntegrityError, match="still holds a secret") as caught:
        for cut in range(0, len(data), 7):
            list(SecretScan([secret]).pieces("journal.jsonl", [data[:cut], data[cut:]]))
    assert str(caught.value) == "not sealed: journal.jsonl still holds a secret that should have been redacted"


@given(secret=secrets, other=secrets, text=around)
def test_what_is_redacted_passes_the_scan(secret, other, text):
    member = "j"  # shorter than any secret: a member's name is looked at too, and `journal.jsonl` spells secrets
    redactor = Redactor(lambda: [("a", secret), ("b", other)])
    shown = redactor.text(text + secret + text + other + secret)
    list(SecretScan([secret, other]).pieces(member, [shown.encode()]))


def test_secrets_resolved_later_are_redacted_from_then_on():
    known: list[tuple[str, str]] = []
    redactor = Redactor(lambda: known)
    assert redactor.text("hunter2!") == "hunter2!"
    known.append(("env PW", "hunter2!"))
    assert redactor.text("it is hunter2!") == "it is «redacted:env PW»"


def test_a_longer_secret_is_not_cut_in_two_by_a_shorter_one():
    redactor = Redactor(lambda: [("short", "hunter"), ("long", "hunter2-and-more")])
    assert "and-more" not in redactor.text("hunter2-and-more")


@pytest.mark.parametrize("secret", ["redacted", "«redacted:", "edacted:file", "file pw"])
def test_a_secret_that_the_mark_itself_spells(secret):
    shown = Redactor(lambda: [("file pw", secret)]).text(f"x {secret} y")
    assert secret not in shown


def test_an_answer_is_not_changed_in_place():
    answer = {"rows": [["hunter2!"]]}
    Redactor(lambda: [("a", "hunter2!")]).value(answer)
    assert answer == {"rows": [["hunter2!"]]}
