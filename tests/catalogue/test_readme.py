"""The inventory that the README shows is one that loads."""

from pathlib import Path

from proofs.catalogue.inventory import load_inventory


def test_the_inventory_of_the_readme_loads(tmp_path):
    text = (Path(__file__).parents[2] / "README.md").read_text()
    example = text[text.index("```yaml\nversion: 1") :].removeprefix("```yaml\n").partition("```")[0]
    path = tmp_path / "targets.yaml"
    path.write_text(example)
    assert load_inventory(path).targets == ("db01",)
