"""Script jobs: Glue's Python shell with boto3 inside, calling the server that runs it with temporary keys."""

import os
import sys
from pathlib import Path

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from server import REGION, Server
from waiting import until

ROLE = "arn:aws:iam::123456789012:role/glue"
SCRIPT = """
import os, sys
import boto3
from awsglue.utils import getResolvedOptions

options = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket"])
crawlers = boto3.client("glue").get_crawlers()["Crawlers"]
names = ",".join(sorted(crawler["Name"] for crawler in crawlers))
boto3.client("s3").put_object(Bucket=options["bucket"], Key="crawlers.txt", Body=names.encode())
account = boto3.client("sts").get_caller_identity()["Account"]
print("I am", account, os.environ["AWS_ACCESS_KEY_ID"][:4])
"""


@pytest.fixture(scope="module")
def scripting(binary, tmp_path_factory):
    """A server whose python3 is the one that runs these tests: it has boto3."""
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"
    try:
        server = Server(binary, tmp_path_factory.mktemp("scripting")).start()
    finally:
        os.environ["PATH"] = path
    yield server
    server.stop()


@pytest.fixture
def scripted(scripting, unique):
    clients = scripting.clients()
    clients.s3.create_bucket(Bucket=unique)
    return clients


def run_to_end(glue, name, **start):
    run = glue.start_job_run(JobName=name, **start)["JobRunId"]

    def ended():
        found = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
        return found if found["JobRunState"] in ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT") else None

    return until(f"the end of job {name}", ended)


def test_a_python_shell_job_calls_the_server_that_runs_it(scripted, unique):
    glue, s3 = scripted.glue, scripted.s3
    glue.create_database(DatabaseInput={"Name": unique})
    for name in (f"{unique}-a", f"{unique}-b"):
        glue.create_crawler(Name=name, Role=ROLE, DatabaseName=unique, Targets={"S3Targets": [{"Path": f"s3://{unique}/in/"}]})
    s3.put_object(Bucket=unique, Key="scripts/list.py", Body=SCRIPT.encode())
    glue.create_job(
        Name=unique,
        Role=ROLE,
        Command={"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": f"s3://{unique}/scripts/list.py"},
        DefaultArguments={"--bucket": "another"},
        MaxCapacity=0.0625,
    )
    run = run_to_end(glue, unique, Arguments={"--bucket": unique})
    assert run["JobRunState"] == "SUCCEEDED", run
    names = s3.get_object(Bucket=unique, Key="crawlers.txt")["Body"].read().decode().split(",")
    assert {f"{unique}-a", f"{unique}-b"} <= set(names)


def test_a_script_that_fails_says_how(scripted, unique):
    scripted.s3.put_object(Bucket=unique, Key="fail.py", Body=b"raise ValueError('no rows today')\n")
    scripted.glue.create_job(Name=unique, Role=ROLE, Command={"Name": "pythonshell", "ScriptLocation": f"s3://{unique}/fail.py"})
    run = run_to_end(scripted.glue, unique)
    assert run["JobRunState"] == "FAILED"
    assert "exit code 1" in run["ErrorMessage"] and "ValueError: no rows today" in run["ErrorMessage"], run


def test_a_spark_program_is_refused_when_it_is_created(scripted, unique):
    with pytest.raises(scripted.glue.exceptions.InvalidInputException, match="pythonshell"):
        scripted.glue.create_job(Name=unique, Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": f"s3://{unique}/a.py"})


def temporary(keys, token=None):
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=token or keys["SessionToken"],
        region_name=REGION,
    )


def test_temporary_keys_are_good_for_every_service(server, clients, bucket):
    keys = clients.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    session = temporary(keys)
    config = Config(retries={"total_max_attempts": 1})
    clients_of = {name: session.client(name, endpoint_url=server.endpoint, config=config) for name in ("s3", "glue", "personalize", "sts")}
    clients_of["s3"].put_object(Bucket=bucket, Key="a", Body=b"1")
    # The older signature of boto3's presigned URLs leaves the token unsigned, which is refused.
    signer = session.client("s3", endpoint_url=server.endpoint, config=config.merge(Config(signature_version="s3v4")))
    url = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"})
    assert urllib3.PoolManager().request("GET", url).data == b"1"
    clients_of["glue"].get_databases()
    clients_of["personalize"].list_recipes()
    clients_of["sts"].get_caller_identity()
    with pytest.raises(ClientError) as error:
        clients_of["sts"].get_session_token()
    assert error.value.response["Error"]["Code"] == "AccessDenied"


@pytest.mark.parametrize("service, call, code", [
    ("glue", "get_databases", "UnrecognizedClientException"),
    ("personalize", "list_recipes", "UnrecognizedClientException"),
    ("s3", "list_buckets", "InvalidToken"),
    ("sts", "get_caller_identity", "InvalidClientTokenId"),
])
def test_a_foreign_token_is_refused(server, clients, service, call, code):
    sts = clients.client("sts")
    keys, others = (sts.get_session_token()["Credentials"] for _ in range(2))
    session = temporary(keys, others["SessionToken"])
    client = session.client(service, endpoint_url=server.endpoint, config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as error:
        getattr(client, call)()
    assert error.value.response["Error"]["Code"] == code
