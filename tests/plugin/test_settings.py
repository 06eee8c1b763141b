"""`--set` and references on the command line."""

from __future__ import annotations

import pytest

from proofs.catalogue.controls import load_catalogue
from proofs.catalogue.parameters import fits
from proofs.errors import ConfigurationError
from proofs.export.words import tailored
from proofs.plugin.settings import apply_settings, parse_settings, passphrase_of, recorded_settings
from proofs.resources import CONTROLS


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(CONTROLS)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("sql-mode-strict.required_modes", "CONTROL.PARAMETER=VALUE"),
        ("no-such.x=1", "no such control"),
        ("=", "no such control"),
        ("sql-mode-strict.no-such=1", "it has: required_modes"),
        ("sql-mode-strict=1", "it has: required_modes"),
        ("sql-mode-strict.required_modes=3", "string-list"),
        ("sql-mode-strict.required_modes=[", "string-list"),
        ("sql-mode-strict.required_modes=[1, 2]", "string-list"),
    ],
)
def test_wrong_settings_name_what_is_known(catalogue, text, part):
    with pytest.raises(ConfigurationError, match="--set") as caught:
        parse_settings([text], catalogue)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_setting_is_put_over_the_tailored_value_and_on_record(catalogue):
    settings = parse_settings(["sql-mode-strict.required_modes=[ANSI_QUOTES]"], catalogue)
    effective, records = {"sql-mode-strict": {"required_modes": ("X",)}}, []
    apply_settings(settings, catalogue, effective, records)
    assert effective == {"sql-mode-strict": {"required_modes": ("ANSI_QUOTES",)}}
    assert records[0]["value"] == ["ANSI_QUOTES"]
    assert records[0]["by"] == "command line"
    said = tailored(records[0])
    assert said.startswith("sql-mode-strict.required_modes is ['ANSI_QUOTES'], not [")
    assert said.endswith(", by command line")


def test_a_setting_back_to_the_default_says_so(catalogue):
    settings = parse_settings(["fips-module-active.level=provider"], catalogue)
    records = []
    apply_settings(settings, catalogue, {"fips-module-active": {"level": "off-stated"}}, records)
    assert tailored(records[0]) == "fips-module-active.level is at its default again, 'provider', by command line"


def test_settings_of_a_recorded_run_are_those_of_its_command_line(catalogue):
    settings = parse_settings(["sql-mode-strict.required_modes=[A, B]", "fips-module-active.level=kernel"], catalogue)
    records = [{"control": "fips-module-active", "parameter": "level", "value": "off-stated", "by": "target"}]
    apply_settings(settings, catalogue, {"sql-mode-strict": {}, "fips-module-active": {}}, records)
    assert recorded_settings(records, catalogue) == settings
    gone = [{**records[-1], "control": "gone"}, {**records[-1], "parameter": "gone"}, {**records[-1], "value": [1]}]
    assert recorded_settings(gone, catalogue) == []


def test_passphrases_come_by_reference(tmp_path, monkeypatch):
    (tmp_path / "p").write_text("a long passphrase\n")
    monkeypatch.setenv("PASSPHRASE", "another passphrase")
    assert passphrase_of(f"file:{tmp_path}/p")() == "a long passphrase"
    assert passphrase_of("env:PASSPHRASE")() == "another passphrase"
    assert passphrase_of("command:echo a long passphrase")() == "a long passphrase"
    for text in ("in-the-open", "other:in-the-open", ""):
        with pytest.raises(ConfigurationError, match="expected env:NAME") as caught:
            passphrase_of(text)
        assert "in-the-open" not in str(caught.value)


@pytest.mark.parametrize(("value", "good"), [(1, True), (0.5, True), (float("nan"), False), (float("inf"), False)])
def test_numbers_are_numbers(value, good):
    assert fits("number", value) is good
