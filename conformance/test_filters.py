"""Filters, promotions and batch inference as a customer of Personalize uses them."""

import json
import time

import pytest
from botocore.exceptions import ClientError

import two_tastes
from waiting import until_active, until_ended


@pytest.fixture(scope="module")
def own_shop(clients):
    """A shop of its own with items, because these tests buy."""
    shop = two_tastes.Shop(clients, "filtered-shop").build()
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "COLOUR", "type": "string", "categorical": True}, {"name": "PRICE", "type": "float"}]
    name = f"{shop.name}-items"
    schema = clients.personalize.create_schema(name=name, schema=two_tastes.schema(fields, "Items"))["schemaArn"]
    dataset = clients.personalize.create_dataset(name=name, schemaArn=schema, datasetGroupArn=shop.group, datasetType="Items")["datasetArn"]
    rows = [f"{colour}-{number:02},{colour}|thing,{number}" for colour in ("red", "blue") for number in range(20)]
    job = two_tastes.import_text(clients, name, dataset, "\n".join(["ITEM_ID,COLOUR,PRICE", *rows, ""]).encode(), key="items.csv")
    assert job["status"] == "ACTIVE", job
    return shop


def make(clients, shop, name, expression):
    arn = clients.personalize.create_filter(name=name, datasetGroupArn=shop.group, filterExpression=expression)["filterArn"]
    until_active(lambda: clients.personalize.describe_filter(filterArn=arn)["filter"])
    return arn


def ask(clients, shop, user, **arguments):
    answer = clients.runtime.get_recommendations(campaignArn=shop.campaign, userId=user, **arguments)
    return [entry["itemId"] for entry in answer["itemList"]]


def test_what_was_just_bought_is_not_recommended(clients, own_shop):
    bought = make(clients, own_shop, "bought", 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")')
    before = ask(clients, own_shop, "user-2", filterArn=bought, numResults=40)
    own_shop.put("session-2", before[:1], user="user-2", at=int(time.time()))
    after = ask(clients, own_shop, "user-2", filterArn=bought, numResults=40)
    assert before[0] not in after and len(after) == len(before) - 1


def test_values_come_with_the_request_and_wrong_ones_are_refused(clients, own_shop):
    cheap = make(clients, own_shop, "cheap", "INCLUDE ItemID WHERE Items.COLOUR IN ($colour) AND Items.PRICE <= $most")
    items = ask(clients, own_shop, "user-0", filterArn=cheap, filterValues={"colour": '"blue"', "most": "4"}, numResults=40)
    assert items and all(item.startswith("blue") and int(item[-2:]) <= 4 for item in items), items
    ranked = clients.runtime.get_personalized_ranking(
        campaignArn=own_shop.campaign, userId="user-0", inputList=["red-01", "blue-09", "blue-03"],
        filterArn=cheap, filterValues={"colour": '"blue","red"', "most": "4"},
    )["personalizedRanking"]
    assert {entry["itemId"] for entry in ranked} == {"red-01", "blue-03"}
    for values, word in ({"colour": '"blue"'}, "$most"), ({"colour": "blue", "most": "4"}, "$colour"), ({"x": "1"}, "$x"):
        with pytest.raises(ClientError) as refused:
            ask(clients, own_shop, "user-0", filterArn=cheap, filterValues=values)
        assert refused.value.response["Error"]["Code"] == "InvalidInputException"
        assert word in refused.value.response["Error"]["Message"]


def test_filters_are_listed_described_and_deleted(clients, own_shop):
    personalize = clients.personalize
    expression = "INCLUDE ItemID WHERE Items.PRICE > 3"
    arn = make(clients, own_shop, "dear", expression)
    assert personalize.describe_filter(filterArn=arn)["filter"]["filterExpression"] == expression
    assert "dear" in [entry["name"] for entry in personalize.list_filters(datasetGroupArn=own_shop.group)["Filters"]]
    with pytest.raises(ClientError) as refused:
        personalize.create_filter(name="typo", datasetGroupArn=own_shop.group, filterExpression="INCLUDE ItemID WHERE Items.PRIZE > 3")
    assert "column 22" in str(refused.value) and "PRICE" in str(refused.value)
    personalize.delete_filter(filterArn=arn)
    with pytest.raises(ClientError) as gone:
        ask(clients, own_shop, "user-0", filterArn=arn)
    assert gone.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_promotions_have_their_share(clients, own_shop):
    reds = make(clients, own_shop, "reds", 'INCLUDE ItemID WHERE Items.COLOUR IN ("red")')
    answer = clients.runtime.get_recommendations(
        campaignArn=own_shop.campaign, userId="user-1", numResults=10,
        promotions=[{"name": "red-week", "percentPromotedItems": 30, "filterArn": reds}],
    )["itemList"]
    promoted = [entry["itemId"] for entry in answer if entry.get("promotionName") == "red-week"]
    assert len(answer) == 10 and len(promoted) == 3 and all(item.startswith("red") for item in promoted), answer


def test_a_batch_answers_every_line(clients, own_shop, bucket):
    personalize = clients.personalize
    blues = make(clients, own_shop, "blues", "INCLUDE ItemID WHERE Items.COLOUR IN ($c)")
    lines = [{"userId": f"user-{user}", "filterValues": {"c": '"blue"'}} for user in range(80)]
    text = "\n".join(map(json.dumps, lines)) + "\nnonsense\n"
    clients.s3.put_object(Bucket=bucket, Key="in/users.json", Body=text.encode())
    job = personalize.create_batch_inference_job(
        jobName="everybody", solutionVersionArn=own_shop.version, filterArn=blues, numResults=7, roleArn=two_tastes.ROLE,
        jobInput={"s3DataSource": {"path": f"s3://{bucket}/in/users.json"}},
        jobOutput={"s3DataDestination": {"path": f"s3://{bucket}/out/"}},
    )["batchInferenceJobArn"]
    described = until_ended(lambda: personalize.describe_batch_inference_job(batchInferenceJobArn=job)["batchInferenceJob"])
    assert (described["status"], described["numResults"], described["filterArn"]) == ("ACTIVE", 7, blues), described
    assert job in [entry["batchInferenceJobArn"] for entry in personalize.list_batch_inference_jobs()["batchInferenceJobs"]]
    body = clients.s3.get_object(Bucket=bucket, Key="out/users.json.out")["Body"].read().decode()
    answers = [json.loads(line) for line in body.splitlines()]
    assert [answer["input"] for answer in answers[:80]] == lines
    for answer in answers[:80]:
        output = answer["output"]
        assert len(output["recommendedItems"]) == len(output["scores"]) == 7 and answer["error"] is None
        assert all(item.startswith("blue") for item in output["recommendedItems"])
    assert answers[80]["output"] is None and "nonsense" in answers[80]["error"]
    assert clients.s3.head_object(Bucket=bucket, Key="out/_CHECK")["ContentLength"] == 0
