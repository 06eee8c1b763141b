"""The channel `records` where no key is needed, and where a token's PIN is."""

from dataclasses import replace

import pytest

from proofs.channels.records import RecordsLooks
from proofs.model import Database, Exchange, Records, SecretRef, Target

COLUMNS = ("table", "tenant", "key", "ciphertext", "iv", "aad", "wrapped_key", "key_name", "view", "write")
RECORDS = Records(**{name: name for name in COLUMNS})
PIN = SecretRef("env", "PIN")
TARGET = Target("t", "T", "mysql", "p", Database("127.0.0.1", 3306, "db", "ca.pem"), {})


class Recorded:
    """A sink that answers and never performs, as a replay does."""

    def exchange(self, request, perform, *, memo=False):
        return Exchange(1, request, {"rows": 6}, "", 0.0, None, None)


class Vault:
    def __init__(self):
        self.asked = []

    def resolve(self, ref):
        self.asked.append(ref)
        return "246810"


@pytest.mark.parametrize(
    "service", [{}, {"provider": "file", "key_name": "k"}, {"provider": "pkcs11", "key_name": "k"}]
)
def test_a_replay_needs_no_keys(service):
    recorded = replace(TARGET, schema="shop", records=replace(RECORDS, key_service=service))
    assert RecordsLooks(recorded, Recorded(), Vault()).survey() == {"rows": 6}


def test_a_pin_is_asked_for_when_it_is_needed():
    service = {"provider": "pkcs11", "module": "m.so", "token": "t", "key_name": "k", "pin": PIN}
    vault = Vault()
    looks = RecordsLooks(replace(TARGET, records=replace(RECORDS, key_service=service)), Recorded(), vault)
    opened = looks._service("own")
    assert (opened.name, vault.asked) == ("k", [])
    assert (opened._pin(), vault.asked) == ("246810", [PIN])
