"""The inventories that the documents show are ones that load."""

from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from proofs.catalogue.controls import load_catalogue
from proofs.catalogue.inventory import load_inventory
from proofs.errors import ConfigurationError
from proofs.resources import CONTROLS


def test_the_inventory_of_the_readme_loads(tmp_path):
    text = (Path(__file__).parents[2] / "README.md").read_text()
    example = text[text.index("```yaml\nversion: 1") :].removeprefix("```yaml\n").partition("```")[0]
    path = tmp_path / "targets.yaml"
    path.write_text(example)
    assert load_inventory(path).targets == ("db01",)


def test_the_entry_for_a_host_loads(tmp_path):
    """docs/hosts.md, in the inventory of the README."""
    root = Path(__file__).parents[2]
    example = (root / "README.md").read_text().partition("```yaml\nversion: 1")[2].partition("```")[0]
    entry = (root / "docs" / "hosts.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    inventory = yaml.safe_load(f"version: 1{example}")
    inventory["targets"]["db01"] |= yaml.safe_load(dedent(entry))
    path = tmp_path / "targets.yaml"
    path.write_text(yaml.safe_dump(inventory))
    with pytest.raises(ConfigurationError) as missing:
        load_inventory(path).resolve("db01", {}, load_catalogue(CONTROLS))
    lines = str(missing.value).splitlines()
    assert all(
        line.endswith(("expected a readable file; correct the path", "an environment variable; set it"))
        for line in lines
    ), lines
