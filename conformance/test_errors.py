"""Bad input: the right error, and one sentence that says what was expected, what was found and where."""

import gzip
import json
import subprocess

import pytest
from botocore.exceptions import ClientError

import two_tastes
from personalize_flow import expect_error
from server import REGION, free_port
from two_tastes import FIELDS, RECIPE, START, import_text, make_dataset, schema
from waiting import until_ended

GOOD = two_tastes.interactions()
HEADER = b"USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n"


def without(name):
    return [field for field in FIELDS if field["name"] != name]


def retyped(name, kind):
    return [field | {"type": kind} if field["name"] == name else field for field in FIELDS]


def arn(rest):
    return f"arn:aws:personalize:{REGION}:123456789012:{rest}"


# Schemas: (schema text, words of the message)
BAD_SCHEMAS = {
    "no USER_ID": (schema(without("USER_ID")), ["USER_ID"]),
    "no TIMESTAMP": (schema(without("TIMESTAMP")), ["TIMESTAMP"]),
    "TIMESTAMP is text": (schema(retyped("TIMESTAMP", "string")), ["TIMESTAMP", "long", "string"]),
    "an unknown type": (schema(retyped("EVENT_TYPE", "text")), ["EVENT_TYPE", "text"]),
    "a field twice": (schema(FIELDS + [FIELDS[0]]), ["USER_ID"]),
    "not JSON": ("{type: record", ["JSON"]),
    "not a record": (json.dumps({"type": "array", "name": "Interactions", "fields": []}), ["record", "array"]),
    "no fields": (json.dumps({"type": "record", "name": "Interactions"}), ["fields"]),
}


@pytest.mark.parametrize("case", BAD_SCHEMAS)
def test_a_bad_schema_is_refused_with_what_is_wrong(clients, unique, case, server):
    text, words = BAD_SCHEMAS[case]
    expect_error("InvalidInputException", lambda: clients.personalize.create_schema(name=unique, schema=text), *words)
    expect_error("ResourceNotFoundException", lambda: clients.personalize.describe_schema(schemaArn=arn(f"schema/{unique}")))


MILLISECONDS = HEADER + b"".join(b"u%d,i%d,%d,buy\n" % (n, n, (START + n) * 1000) for n in range(2000))
NO_ITEM = GOOD.replace(b"ITEM_ID", b"PRODUCT", 1)

# Files: (key, bytes, words of the failure reason)
BAD_FILES = {
    "a missing column": ("interactions.csv", NO_ITEM, ["ITEM_ID", "PRODUCT", "interactions.csv"]),
    "milliseconds": ("interactions.csv", MILLISECONDS, ["TIMESTAMP", "milliseconds", "interactions.csv"]),
    "no rows": ("interactions.csv", HEADER, ["interactions.csv", "row"]),
    "nothing at all": ("interactions.csv", b"", ["interactions.csv", "empty"]),
    "not text": ("interactions.csv", bytes(range(256)) * 64, ["interactions.csv"]),
    "half an archive": ("interactions.csv.gz", gzip.compress(GOOD)[:-200], ["interactions.csv.gz"]),
    "mostly bad rows": (
        "interactions.csv",
        HEADER + b"".join(b"u%d,i%d,yesterday,buy\n" % (n, n) for n in range(2000)),
        ["TIMESTAMP", "yesterday", "interactions.csv", "2"],
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_fails_the_import_with_what_is_wrong_and_where(clients, unique, case, server):
    key, text, words = BAD_FILES[case]
    _, dataset = make_dataset(clients, unique)
    job = import_text(clients, unique, dataset, text, key)
    assert job["status"] == "CREATE FAILED", job
    for word in words:
        assert word.lower() in job["failureReason"].lower(), (word, job["failureReason"])
    assert "panicked" not in job["failureReason"] and "\n" not in job["failureReason"].strip()


@pytest.mark.parametrize("location", ["s3://{0}-missing/in/", "s3://{0}/no-such-folder/", "s3://{0}/no-such-file.csv"])
def test_a_place_with_nothing_in_it_fails_by_name(clients, bucket, location, server):
    _, dataset = make_dataset(clients, bucket)
    place = location.format(bucket)
    job = two_tastes.import_from(clients, bucket, dataset, place)
    assert job["status"] == "CREATE FAILED", job
    assert place.removeprefix("s3://").split("/")[0] in job["failureReason"]


def test_a_place_that_is_no_place_is_refused_at_once(clients, unique, server):
    _, dataset = make_dataset(clients, unique)
    words = ["s3://", "ftp://x/y"]
    expect_error("InvalidInputException", lambda: two_tastes.import_from(clients, unique, dataset, "ftp://x/y"), *words)


def test_a_few_bad_rows_do_not_fail_an_import(clients, unique, server):
    _, dataset = make_dataset(clients, unique)
    job = import_text(clients, unique, dataset, GOOD + b"user-1,red-01,yesterday,buy\n,red-01,1700000000,buy\n")
    assert job["status"] == "ACTIVE", job


def test_a_failed_import_leaves_the_old_data(clients, unique, server):
    group, dataset = make_dataset(clients, unique)
    assert import_text(clients, unique, dataset, GOOD)["status"] == "ACTIVE"
    assert import_text(clients, f"{unique}-2", dataset, NO_ITEM)["status"] == "CREATE FAILED"
    assert trained(clients, unique, group)["status"] == "ACTIVE"


def trained(clients, name, group, **arguments):
    """Tries to train and gives the version's end."""
    personalize = clients.personalize
    solution = personalize.create_solution(
        name=name, datasetGroupArn=group, recipeArn=RECIPE, performAutoTraining=False, **arguments
    )["solutionArn"]
    version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    return until_ended(lambda: personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"])


def why_not_trained(clients, name, group, **arguments):
    """What training says that it cannot, at once or as the end of its run."""
    try:
        version = trained(clients, name, group, **arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("InvalidInputException", "ResourceInUseException")
        return error.response["Error"]["Message"]
    assert version["status"] == "CREATE FAILED", version
    return version["failureReason"]


def test_an_import_of_too_few_interactions_says_how_many_there_must_be(clients, unique, server):
    _, dataset = make_dataset(clients, unique)
    job = import_text(clients, unique, dataset, two_tastes.interactions(users=30, events=10))
    assert job["status"] == "CREATE FAILED", job
    assert "1000" in job["failureReason"] and "300" in job["failureReason"], job


def test_training_on_too_few_interactions_says_how_many_there_must_be(clients, unique, server):
    group, dataset = make_dataset(clients, unique)
    views = b"".join(b"user-%d,red-01,%d,view\n" % (n, START + n) for n in range(40))
    assert import_text(clients, unique, dataset, GOOD + views)["status"] == "ACTIVE"
    reason = why_not_trained(clients, unique, group, eventType="view")
    for word in ("1000", "40", "view"):
        assert word in reason, reason


def test_training_before_anything_was_imported_says_so(clients, unique, server):
    group, _ = make_dataset(clients, unique)
    assert "interactions" in why_not_trained(clients, unique, group).lower()


# Calls that no resource answers: (call, words of the message)
UNKNOWN = {
    "campaign": (lambda c: c.runtime.get_recommendations(campaignArn=arn("campaign/nope"), userId="1"), ["campaign", "nope"]),
    "campaign to describe": (lambda c: c.personalize.describe_campaign(campaignArn=arn("campaign/nope")), ["nope"]),
    "campaign to delete": (lambda c: c.personalize.delete_campaign(campaignArn=arn("campaign/nope")), ["nope"]),
    "group": (lambda c: c.personalize.describe_dataset_group(datasetGroupArn=arn("dataset-group/nope")), ["nope"]),
    "dataset": (lambda c: c.personalize.describe_dataset(datasetArn=arn("dataset/nope/INTERACTIONS")), ["nope"]),
    "solution": (lambda c: c.personalize.create_solution_version(solutionArn=arn("solution/nope")), ["nope"]),
    "version": (lambda c: c.personalize.create_campaign(name="x", solutionVersionArn=arn("solution/nope/12345678")), ["nope"]),
    "metrics": (lambda c: c.personalize.get_solution_metrics(solutionVersionArn=arn("solution/nope/12345678")), ["nope"]),
    "recipe": (lambda c: c.personalize.describe_recipe(recipeArn="arn:aws:personalize:::recipe/aws-nope"), ["aws-nope"]),
    "tracker": (lambda c: c.personalize.describe_event_tracker(eventTrackerArn=arn("event-tracker/0badf00d")), ["0badf00d"]),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_there_is_named(clients, case, server):
    call, words = UNKNOWN[case]
    expect_error("ResourceNotFoundException", lambda: call(clients), *words)


# Calls whose input is wrong, over a trained shop: (call, words of the message)
WRONG = {
    "name with a space": (lambda c, s: c.personalize.create_dataset_group(name="not a name"), ["name", "not a name"]),
    "name too long": (lambda c, s: c.personalize.create_dataset_group(name="n" * 64), ["63", "64"]),
    "no ARN": (lambda c, s: c.personalize.describe_campaign(campaignArn="nope"), ["arn", "nope"]),
    "ARN of another kind": (lambda c, s: c.personalize.describe_campaign(campaignArn=s.solution), ["campaign", "solution"]),
    "kind of dataset": (
        lambda c, s: c.personalize.create_dataset(
            name="x", schemaArn=arn(f"schema/{s.name}"), datasetGroupArn=s.group, datasetType="Visits"
        ),
        ["Interactions", "Visits"],
    ),
    "mode of import": (
        lambda c, s: two_tastes.import_from(c, "x", s.dataset, f"s3://{s.name}/", importMode="SOMETIMES"),
        ["FULL", "INCREMENTAL", "SOMETIMES"],
    ),
    "too many results": (
        lambda c, s: c.runtime.get_recommendations(campaignArn=s.campaign, userId="1", numResults=501),
        ["500", "501"],
    ),
    "no user": (lambda c, s: c.runtime.get_recommendations(campaignArn=s.campaign), ["userId"]),
    "no recipe": (lambda c, s: c.personalize.create_solution(name="x", datasetGroupArn=s.group), ["recipeArn"]),
    "page too long": (lambda c, s: c.personalize.list_dataset_groups(maxResults=101), ["100", "101"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused_with_what_was_expected(clients, shop, case, server):
    call, words = WRONG[case]
    expect_error("InvalidInputException", lambda: call(clients, shop), *words)


def test_a_page_token_that_nobody_gave(clients, server):
    expect_error("InvalidNextTokenException", lambda: clients.personalize.list_dataset_groups(nextToken="nonsense"))


def test_a_name_that_is_taken(clients, shop, server):
    personalize = clients.personalize
    calls = [
        lambda: personalize.create_dataset_group(name=shop.name),
        lambda: personalize.create_schema(name=shop.name, schema=schema(FIELDS)),
        lambda: personalize.create_solution(name=shop.name, datasetGroupArn=shop.group, recipeArn=RECIPE),
        lambda: personalize.create_campaign(name=shop.name, solutionVersionArn=shop.version),
    ]
    for call in calls:
        expect_error("ResourceAlreadyExistsException", call, shop.name)


def test_an_operation_that_is_not_there(clients, server):
    personalize = clients.client("personalize")
    # A call that botocore knows and renames on its way out.
    rename = lambda request, **_: request.headers.replace_header("X-Amz-Target", "AmazonPersonalize.MakeCoffee")
    personalize.meta.events.register("before-sign.personalize.ListRecipes", rename)
    expect_error("UnknownOperationException", personalize.list_recipes, "MakeCoffee")


def test_a_port_in_use_is_named_and_nothing_panics(binary, server, tmp_path):
    port = server.endpoint.rsplit(":", 1)[1]
    ended = serve(binary, tmp_path, f"127.0.0.1:{port}")
    assert ended.returncode not in (0, 101)
    assert port in ended.stderr and "in use" in ended.stderr, ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 3, ended.stderr
    assert "panicked" not in ended.stderr


def test_an_address_that_is_no_address_is_named(binary, tmp_path):
    ended = serve(binary, tmp_path, "everywhere")
    assert ended.returncode not in (0, 101)
    assert "everywhere" in ended.stderr and "panicked" not in ended.stderr


def test_a_folder_that_is_served_already_is_named(binary, server):
    ended = serve(binary, server.folder, f"127.0.0.1:{free_port()}")
    assert ended.returncode not in (0, 101)
    assert "panicked" not in ended.stderr and str(server.folder) in ended.stderr, ended.stderr


def serve(binary, folder, address):
    command = [binary, "serve", "--dir", folder, "--listen", address]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
