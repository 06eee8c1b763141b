"""The AWS provider against moto's server, over HTTP."""

import boto3
import pytest
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from proofs.records.aws_kms import AwsKeyService
from proofs.records.keys import KeyServiceError, UnwrapRefused

REGION = "eu-central-1"
CONTEXT = {"tenant": "a", "record": "1"}
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def keys(endpoint, monkeypatch):
    """Ids of two keys."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client("kms", region_name=REGION, endpoint_url=endpoint)
    return [client.create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]


def test_a_key_comes_back(endpoint, keys):
    service = AwsKeyService(keys[0], REGION, endpoint)
    wrapped = service.wrap(KEY, CONTEXT)
    assert KEY not in wrapped
    assert service.unwrap(wrapped, CONTEXT) == KEY


def test_another_context_is_refused(endpoint, keys):
    wrapped = AwsKeyService(keys[0], REGION, endpoint).wrap(KEY, CONTEXT)
    with pytest.raises(UnwrapRefused):
        AwsKeyService(keys[0], REGION, endpoint).unwrap(wrapped, {"tenant": "b"})


def test_another_key_is_refused(endpoint, keys):
    """AWS answers IncorrectKeyException (KMS API reference, "Decrypt"), moto AccessDeniedException."""
    wrapped = AwsKeyService(keys[0], REGION, endpoint).wrap(KEY, CONTEXT)
    service = AwsKeyService(keys[1], REGION, endpoint)
    with pytest.raises(KeyServiceError, match="AccessDeniedException"):
        service.unwrap(wrapped, CONTEXT)
    with Stubber(service._client) as aws, pytest.raises(UnwrapRefused, match="IncorrectKeyException"):
        aws.add_client_error("decrypt", "IncorrectKeyException")
        service.unwrap(wrapped, CONTEXT)


def test_changed_bytes_are_refused(endpoint, keys):
    service = AwsKeyService(keys[0], REGION, endpoint)
    wrapped = bytearray(service.wrap(KEY, CONTEXT))
    wrapped[-1] ^= 1
    with pytest.raises(UnwrapRefused):
        service.unwrap(bytes(wrapped), CONTEXT)


def test_a_service_that_can_not_be_asked(endpoint, keys, monkeypatch):
    with pytest.raises(KeyServiceError, match="NotFoundException"):
        AwsKeyService("00000000-0000-4000-8000-000000000000", REGION, endpoint).wrap(KEY, CONTEXT)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(KeyServiceError, match="EndpointConnectionError"):
        AwsKeyService(keys[0], REGION, "http://127.0.0.1:1").wrap(KEY, CONTEXT)
