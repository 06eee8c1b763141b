"""`controls.yaml` and `targets.yaml` → model: checked, tailored, resolved; every mistake one line with its place.

PyYAML and jsonschema are imported when a file is read, not before.
"""

from proofs.catalogue.controls import check_probes, load_catalogue
from proofs.catalogue.entry import public_entry, target_from_entry
from proofs.catalogue.inventory import Inventory, load_inventory
from proofs.catalogue.secretstore import SecretStore
from proofs.catalogue.tailor import Scope, jsonable, scope, tailor

__all__ = [
    "Inventory",
    "Scope",
    "SecretStore",
    "check_probes",
    "jsonable",
    "load_catalogue",
    "load_inventory",
    "public_entry",
    "scope",
    "tailor",
    "target_from_entry",
]
