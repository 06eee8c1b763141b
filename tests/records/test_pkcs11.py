"""The PKCS#11 provider against SoftHSM2, a real token in software."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from proofs.records.keys import KeyServiceError, UnwrapRefused
from proofs.records.pkcs11 import Pkcs11KeyService

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
MODULE = next((path for path in MODULES if Path(path).is_file()), None)
CONTEXT = {"tenant": "a", "record": "1"}
KEY = bytes(range(32))

pytestmark = pytest.mark.skipif(
    MODULE is None and not os.environ.get("CI"), reason="SoftHSM2 is not installed (apt install softhsm2)"
)


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A token with two keys that can't be taken out."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    # Read once, when the module is loaded into this process.
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    assert shutil.which("softhsm2-util")
    make = ["softhsm2-util", "--init-token", "--free", "--label", "proofs", "--so-pin", "98765432", "--pin", "24680"]
    subprocess.run(make, check=True, capture_output=True)
    pkcs11 = pytest.importorskip("pkcs11")
    hidden = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
    with pkcs11.lib(MODULE).get_token(token_label="proofs").open(user_pin="24680", rw=True) as session:
        for label in ("kek-1", "kek-2"):
            session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True, template=hidden)
    yield "proofs"
    del os.environ["SOFTHSM2_CONF"]


def service(name="kek-1", pin="24680", token="proofs"):
    return Pkcs11KeyService(MODULE, token, name, lambda: pin)


def test_a_key_comes_back(token):
    wrapped = service().wrap(KEY, CONTEXT)
    assert KEY not in wrapped
    assert service().unwrap(wrapped, CONTEXT) == KEY
    assert service().wrap(KEY, CONTEXT) != wrapped


@pytest.mark.parametrize("change", [0, 12, -1])
def test_changed_bytes_are_refused(token, change):
    wrapped = bytearray(service().wrap(KEY, CONTEXT))
    wrapped[change] ^= 1
    with pytest.raises(UnwrapRefused):
        service().unwrap(bytes(wrapped), CONTEXT)


def test_another_key_or_context_is_refused(token):
    wrapped = service().wrap(KEY, CONTEXT)
    with pytest.raises(UnwrapRefused):
        service("kek-2").unwrap(wrapped, CONTEXT)
    with pytest.raises(UnwrapRefused):
        service().unwrap(wrapped, CONTEXT | {"tenant": "b"})
    with pytest.raises(UnwrapRefused):
        service().unwrap(b"short", CONTEXT)


@pytest.mark.parametrize("wrong", [{"name": "kek-3"}, {"pin": "13579"}, {"token": "none"}], ids=["key", "pin", "token"])
def test_a_token_that_can_not_be_asked(token, wrong):
    with pytest.raises(KeyServiceError) as caught:
        service(**wrong).wrap(KEY, CONTEXT)
    assert "13579" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_that_is_not_there():
    with pytest.raises(KeyServiceError):
        Pkcs11KeyService("/nowhere/module.so", "proofs", "kek-1", lambda: "24680").wrap(KEY, CONTEXT)
