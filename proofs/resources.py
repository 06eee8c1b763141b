"""Where the data that travels with the package is: in a checkout at its top, in a wheel under `proofs/_data`."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SCHEMAS = PACKAGE / "schemas"
PROBES = PACKAGE / "probes"

_packed = PACKAGE / "_data"
DATA = _packed if _packed.is_dir() else PACKAGE.parent
CONTROLS = DATA / "controls.yaml"
TARGETS = DATA / "targets.yaml"
DEPLOYMENTS = DATA / "fixtures" / "deployments"
SABOTAGES = DATA / "fixtures" / "sabotages"
HOSTS = DATA / "fixtures" / "hosts"
