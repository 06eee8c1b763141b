"""The Cloud KMS provider against a local server of its published gRPC service."""

import os
from concurrent import futures

import google_crc32c
import grpc
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud.kms_v1.types import service as messages

from proofs.errors import ConfigurationError
from proofs.records.gcp_kms import GcpKeyService
from proofs.records.keys import KeyServiceError, UnwrapRefused

PARENT = "projects/p/locations/global/keyRings/r/cryptoKeys"
CONTEXT = {"tenant": "a", "record": "1"}
KEY = bytes(range(32))


def crc(data):
    return google_crc32c.value(bytes(data))


class CloudKms(grpc.GenericRpcHandler):
    """Encrypt and Decrypt of google.cloud.kms.v1.KeyManagementService; `faults` make it misbehave."""

    def __init__(self):
        self.keys = {f"{PARENT}/{name}": AESGCM(AESGCM.generate_key(256)) for name in ("one", "two")}
        self.faults = set()

    def service(self, details):
        calls = {"Encrypt": (self.encrypt, messages.EncryptRequest, messages.EncryptResponse)}
        calls["Decrypt"] = (self.decrypt, messages.DecryptRequest, messages.DecryptResponse)
        found = calls.get(details.method.rpartition("/")[2])
        if found is None:
            return None
        call, request, response = found
        return grpc.unary_unary_rpc_method_handler(
            call, request_deserializer=request.deserialize, response_serializer=response.serialize
        )

    def key(self, name, context):
        if name not in self.keys:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such key")
        return self.keys[name]

    def encrypt(self, request, context):
        key = self.key(request.name, context)
        assert request.plaintext_crc32c == crc(request.plaintext)
        nonce = os.urandom(12)
        sealed = nonce + key.encrypt(nonce, request.plaintext, request.additional_authenticated_data)
        return messages.EncryptResponse(
            name=request.name,
            ciphertext=sealed,
            ciphertext_crc32c=crc(sealed) ^ ("ciphertext" in self.faults),
            verified_plaintext_crc32c="unverified" not in self.faults,
            verified_additional_authenticated_data_crc32c=True,
        )

    def decrypt(self, request, context):
        key = self.key(request.name, context)
        assert request.ciphertext_crc32c == crc(request.ciphertext)
        try:
            data = key.decrypt(request.ciphertext[:12], request.ciphertext[12:], request.additional_authenticated_data)
        except InvalidTag:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Decryption failed")
        return messages.DecryptResponse(plaintext=data, plaintext_crc32c=crc(data) ^ ("plaintext" in self.faults))


@pytest.fixture
def cloud():
    handler = CloudKms()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    handler.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield handler
    server.stop(None).wait()


def service(cloud, name="one"):
    return GcpKeyService(f"{PARENT}/{name}", cloud.endpoint)


def test_a_key_comes_back(cloud):
    wrapped = service(cloud).wrap(KEY, CONTEXT)
    assert KEY not in wrapped
    assert service(cloud).unwrap(wrapped, CONTEXT) == KEY


def test_another_key_context_or_byte_is_refused(cloud):
    wrapped = service(cloud).wrap(KEY, CONTEXT)
    for attempt in (
        lambda: service(cloud, "two").unwrap(wrapped, CONTEXT),
        lambda: service(cloud).unwrap(wrapped, CONTEXT | {"tenant": "b"}),
        lambda: service(cloud).unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), CONTEXT),
    ):
        with pytest.raises(UnwrapRefused):
            attempt()


@pytest.mark.parametrize("fault", ["ciphertext", "unverified"])
def test_a_wrap_altered_on_the_way_is_not_used(cloud, fault):
    cloud.faults = {fault}
    with pytest.raises(KeyServiceError, match="altered on the way"):
        service(cloud).wrap(KEY, CONTEXT)


def test_a_data_key_altered_on_the_way_is_not_used(cloud):
    wrapped = service(cloud).wrap(KEY, CONTEXT)
    cloud.faults = {"plaintext"}
    with pytest.raises(KeyServiceError, match="altered on the way"):
        service(cloud).unwrap(wrapped, CONTEXT)


def test_a_service_that_can_not_be_asked(cloud):
    with pytest.raises(KeyServiceError, match="NotFound"):
        service(cloud, "three").wrap(KEY, CONTEXT)
    for endpoint in ("http://192.0.2.1:80", "ftp://127.0.0.1:80", "http://kms.example:80"):
        with pytest.raises(ConfigurationError, match="expected http://127"):
            GcpKeyService("x", endpoint).wrap(KEY, CONTEXT)
