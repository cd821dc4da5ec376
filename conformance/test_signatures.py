"""Who may ask: a request that is unsigned, signed with another key, or signed for another time gets AWS's answer."""

import datetime
import json
from xml.etree import ElementTree

import botocore.auth
import pytest
import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import server as launcher

HTTP = urllib3.PoolManager()


class Shifted(SigV4Auth):
    """Signs as a machine does whose clock is wrong."""

    seconds = 0

    def add_auth(self, request):
        real = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda *args, **kwargs: real(*args, **kwargs) + datetime.timedelta(seconds=self.seconds)
        try:
            super().add_auth(request)
        finally:
            botocore.auth.get_current_datetime = real


def wrong_clients(server, access_key=None, secret_key=None):
    mine = server.credentials
    return launcher.Clients(server.endpoint, access_key or mine.access_key, secret_key or mine.secret_key)


def calls(clients):
    """One harmless call of each protocol."""
    return {
        "personalize": clients.personalize.list_recipes,
        "glue": clients.glue.get_databases,
        "runtime": lambda: clients.runtime.get_recommendations(campaignArn="arn:aws:personalize:us-east-1:1:campaign/x", userId="1"),
        "events": lambda: clients.events.put_events(
            trackingId="x", sessionId="s", eventList=[{"eventType": "t", "sentAt": 1}]
        ),
        "s3": clients.s3.list_buckets,
    }


def refused(call):
    with pytest.raises(ClientError) as error:
        call()
    status = error.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status in (400, 403), status
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize("service", ["personalize", "glue", "runtime", "events", "s3"])
def test_a_key_that_does_not_exist(server, service):
    clients = wrong_clients(server, access_key="AKIDOESNOTEXIST00000")
    expected = "InvalidAccessKeyId" if service == "s3" else "UnrecognizedClientException"
    assert refused(calls(clients)[service]) == expected


@pytest.mark.parametrize("service", ["personalize", "glue", "runtime", "events", "s3"])
def test_a_wrong_secret(server, service):
    clients = wrong_clients(server, secret_key="wrong" * 8)
    expected = "SignatureDoesNotMatch" if service == "s3" else "InvalidSignatureException"
    assert refused(calls(clients)[service]) == expected


def send(server, service, change=None, shift_s=0, sign=True, body=b"{}"):
    """One raw request; `change` may alter it after it was signed. Gives status and error code."""
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonPersonalize.ListRecipes"}
    method, path, signing = "POST", "/", service
    if service == "glue":
        headers["x-amz-target"] = "AWSGlue.GetDatabases"
    elif service == "runtime":
        headers, path, signing = {"content-type": "application/json"}, "/recommendations", "personalize"
        body = b'{"campaignArn": "arn:aws:personalize:us-east-1:1:campaign/x", "userId": "1"}'
    elif service == "s3":
        headers, method, body = {}, "GET", b""
    request = AWSRequest(method, server.endpoint + path, headers=headers, data=body)
    if sign:
        mine = server.credentials
        kind = type("Signer", (Shifted, S3SigV4Auth) if service == "s3" else (Shifted,), {"seconds": shift_s})
        kind(Credentials(mine.access_key, mine.secret_key), signing, launcher.REGION).add_auth(request)
    prepared = request.prepare()
    body = change(prepared) if change else prepared.body
    answer = HTTP.request(prepared.method, prepared.url, headers=dict(prepared.headers), body=body, retries=False)
    return answer.status, error_code(answer)


def error_code(answer):
    if answer.data.lstrip().startswith(b"<"):
        return ElementTree.fromstring(answer.data).findtext(".//{*}Code") or ElementTree.fromstring(answer.data).findtext("Code")
    kind = answer.headers.get("x-amzn-errortype") or json.loads(answer.data or b"{}").get("__type", "")
    return kind.split("#")[-1].split(":")[0]


SERVICES = ["personalize", "glue", "runtime", "s3"]


@pytest.mark.parametrize("service", ["personalize", "glue", "s3"])
def test_a_rightly_signed_raw_request_is_answered(server, service):
    status, _ = send(server, service)
    assert status == 200


@pytest.mark.parametrize("service", SERVICES)
def test_an_unsigned_request(server, service):
    status, code = send(server, service, sign=False)
    assert status in (400, 403)
    assert code == ("AccessDenied" if service == "s3" else "MissingAuthenticationTokenException")


@pytest.mark.parametrize("shift_s", [-3600, 3600])
@pytest.mark.parametrize("service", SERVICES)
def test_a_clock_that_is_an_hour_off(server, service, shift_s):
    status, code = send(server, service, shift_s=shift_s)
    assert status in (400, 403)
    assert code == ("RequestTimeTooSkewed" if service == "s3" else "InvalidSignatureException")


def test_a_clock_that_is_a_minute_off_is_near_enough(server):
    assert send(server, "personalize", shift_s=-60)[0] == 200


def test_a_body_that_was_changed_after_signing(server):
    status, code = send(server, "personalize", change=lambda prepared: b'{"maxResults": 1}')
    assert (status in (400, 403), code) == (True, "InvalidSignatureException")


def test_a_header_that_was_changed_after_signing(server):
    def change(prepared):
        prepared.headers["x-amz-target"] = "AWSGlue.GetDatabases"
        return prepared.body

    status, code = send(server, "personalize", change=change)
    assert (status in (400, 403), code) == (True, "InvalidSignatureException")


def test_a_path_that_was_changed_after_signing(server):
    def change(prepared):
        prepared.url += "another-bucket"
        return prepared.body

    status, code = send(server, "s3", change=change)
    assert (status, code) == (403, "SignatureDoesNotMatch")


def test_a_signature_that_is_no_signature(server):
    def change(prepared):
        prepared.headers["Authorization"] = "Bearer something"
        return prepared.body

    status, code = send(server, "personalize", change=change)
    assert status in (400, 403)
    assert code in ("IncompleteSignatureException", "MissingAuthenticationTokenException", "InvalidSignatureException")
    assert send(server, "personalize")[0] == 200
