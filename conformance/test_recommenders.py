"""Domain dataset groups and recommenders as a customer of Personalize uses them."""

import json
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

import two_tastes
from waiting import until, until_active, until_ended

RECIPE = "arn:aws:personalize:::recipe/"
SHOPPER = RECIPE + "aws-ecomm-recommended-for-you"
VIEWED = RECIPE + "aws-ecomm-popular-items-by-views"
TOGETHER = RECIPE + "aws-ecomm-frequently-bought-together"
ALSO_VIEWED = RECIPE + "aws-ecomm-customers-who-viewed-x-also-viewed"
USE_CASES = {
    "ECOMMERCE": {
        "aws-ecomm-popular-items-by-views", "aws-ecomm-popular-items-by-purchases", "aws-ecomm-frequently-bought-together",
        "aws-ecomm-customers-who-viewed-x-also-viewed", "aws-ecomm-recommended-for-you",
    },
    "VIDEO_ON_DEMAND": {
        "aws-vod-because-you-watched-x", "aws-vod-more-like-x", "aws-vod-most-popular", "aws-vod-trending-now", "aws-vod-top-picks",
    },
}


def events():
    """Everything is viewed, and every other thing bought."""
    rows = []
    for number, (user, item, at, _) in enumerate(two_tastes.rows(users=120, events=25)):
        rows.append((user, item, at, "View"))
        if number % 2 == 0:
            rows.append((user, item, at, "Purchase" if number % 4 == 0 else "purchase"))
    return rows


class Domain:
    def __init__(self, clients, name):
        self.clients, self.name, personalize = clients, name, clients.personalize
        made = personalize.create_dataset_group(name=name, domain="ECOMMERCE")
        assert made["domain"] == "ECOMMERCE"
        self.group = made["datasetGroupArn"]
        schema = personalize.create_schema(name=name, schema=two_tastes.schema(two_tastes.FIELDS), domain="ECOMMERCE")["schemaArn"]
        dataset = personalize.create_dataset(name=name, schemaArn=schema, datasetGroupArn=self.group, datasetType="Interactions")["datasetArn"]
        self.events = events()
        job = two_tastes.import_text(clients, name, dataset, two_tastes.movielens.to_csv(two_tastes.FIELDS, self.events))
        assert job["status"] == "ACTIVE", job
        tracker = personalize.create_event_tracker(name=name, datasetGroupArn=self.group)
        self.tracking = tracker["trackingId"]

    def recommender(self, label, recipe, **arguments):
        made = self.clients.personalize.create_recommender(
            name=f"{self.name}-{label}", datasetGroupArn=self.group, recipeArn=recipe, **arguments
        )["recommenderArn"]
        self.active(made)
        return made

    def describe(self, arn):
        return self.clients.personalize.describe_recommender(recommenderArn=arn)["recommender"]

    def active(self, arn):
        return until_active(lambda: self.describe(arn))

    def ask(self, arn, **arguments):
        answer = self.clients.runtime.get_recommendations(recommenderArn=arn, **arguments)
        assert answer["recommendationId"].startswith("RID-")
        return [entry["itemId"] for entry in answer["itemList"]]

    def did(self, user, event_type):
        return {item for who, item, _, kind in self.events if who == user and kind.lower() == event_type}

    def put(self, user, item, event_type):
        event = {"eventType": event_type, "itemId": item, "sentAt": int(time.time())}
        self.clients.events.put_events(trackingId=self.tracking, userId=user, sessionId=f"session-{user}", eventList=[event])


@pytest.fixture(scope="module")
def shop(clients):
    return Domain(clients, "domain-shop")


def refused(call, code="InvalidInputException"):
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def test_the_ten_use_cases_are_listed_by_domain_and_described(clients):
    for domain, names in USE_CASES.items():
        recipes = clients.personalize.list_recipes(domain=domain, maxResults=100)["recipes"]
        assert {recipe["name"] for recipe in recipes} == names
        assert {recipe["domain"] for recipe in recipes} == {domain}
        for recipe in recipes:
            described = clients.personalize.describe_recipe(recipeArn=recipe["recipeArn"])["recipe"]
            assert (described["name"], described["status"]) == (recipe["name"], "ACTIVE")


def test_schemas_have_what_their_domain_needs(clients, unique):
    personalize = clients.personalize
    fields = [field for field in two_tastes.FIELDS if field["name"] != "EVENT_TYPE"]
    message = refused(lambda: personalize.create_schema(name=unique, schema=two_tastes.schema(fields), domain="ECOMMERCE"))
    assert "EVENT_TYPE" in message and "ECOMMERCE" in message
    items = [{"name": "ITEM_ID", "type": "string"}, {"name": "PRICE", "type": "float"}]
    message = refused(lambda: personalize.create_schema(name=unique, schema=two_tastes.schema(items, "Items"), domain="VIDEO_ON_DEMAND"))
    assert "GENRES" in message and "CREATION_TIMESTAMP" in message
    schema = personalize.create_schema(name=unique, schema=two_tastes.schema(two_tastes.FIELDS), domain="VIDEO_ON_DEMAND")["schemaArn"]
    group = personalize.create_dataset_group(name=unique, domain="ECOMMERCE")["datasetGroupArn"]
    assert personalize.describe_dataset_group(datasetGroupArn=group)["datasetGroup"]["domain"] == "ECOMMERCE"
    message = refused(lambda: personalize.create_dataset(name=unique, schemaArn=schema, datasetGroupArn=group, datasetType="Interactions"))
    assert "VIDEO_ON_DEMAND" in message


def test_recommended_for_you_leaves_out_what_was_bought(clients, shop):
    tag = {"tagKey": "team", "tagValue": "data"}
    config = {"minRecommendationRequestsPerSecond": 2}
    arn = shop.recommender("you", SHOPPER, recommenderConfig=config, tags=[tag])
    assert clients.personalize.list_tags_for_resource(resourceArn=arn)["tags"] == [tag]
    described = shop.describe(arn)
    assert (described["recipeArn"], described["datasetGroupArn"], described["recommenderConfig"]) == (SHOPPER, shop.group, config)
    assert 0 < described["modelMetrics"]["normalized_discounted_cumulative_gain_at_10"] <= 1
    assert described["creationDateTime"] <= described["lastUpdatedDateTime"]
    listed = clients.personalize.list_recommenders(datasetGroupArn=shop.group)["recommenders"]
    assert arn in [entry["recommenderArn"] for entry in listed]
    for user, colour in ("user-0", "red"), ("user-1", "blue"):
        everything = shop.ask(arn, userId=user, numResults=500)
        assert not shop.did(user, "purchase") & set(everything)
        assert shop.did(user, "view") - shop.did(user, "purchase") <= set(everything)
        assert two_tastes.count(everything[:5], colour) >= 4, everything[:5]
    first = shop.ask(arn, userId="user-2", numResults=1)[0]
    shop.put("user-2", first, "PURCHASE")
    assert first not in shop.ask(arn, userId="user-2", numResults=500)


def test_related_items_are_asked_with_an_item(clients, shop):
    together = shop.recommender("together", TOGETHER)
    items = shop.ask(together, itemId="red-01", numResults=8)
    assert "red-01" not in items and two_tastes.count(items, "red") >= 7, items
    assert "itemId is required" in refused(lambda: shop.ask(together, userId="user-0"))
    also = shop.recommender("also", ALSO_VIEWED)
    everything = shop.ask(also, itemId="blue-01", userId="user-3", numResults=500)
    assert everything and not shop.did("user-3", "purchase") & set(everything)
    assert "userId is required" in refused(lambda: shop.ask(also, itemId="blue-01"))


def test_the_command_line_asks_and_reports(clients, shop, server):
    arn = shop.recommender("by-hand", TOGETHER)
    told = lambda *words: subprocess.run(
        [server.binary, *words, "--dir", server.folder], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    asked = told("recommend", "--user", "u", "--recommender", arn.rsplit("/", 1)[1], "--item", "red-01", "-n", "3", "--json")
    assert asked.returncode == 0, asked.stderr
    assert [entry["itemId"] for entry in json.loads(asked.stdout)] == shop.ask(arn, itemId="red-01", numResults=3)
    reported = told("report", arn.rsplit("/", 1)[1])
    assert reported.returncode == 0 and "aws-ecomm-frequently-bought-together" in reported.stdout, reported.stderr


def test_popular_is_counted_by_event_type(clients, shop):
    arn = shop.recommender("viewed", VIEWED)
    users = {}
    for user, item, _, kind in shop.events:
        if kind == "View":
            users.setdefault(item, set()).add(user)
    counts = [len(users[item]) for item in shop.ask(arn, userId="user-0", numResults=30)]
    assert counts == sorted(counts, reverse=True)


def test_a_recommender_is_updated_stopped_started_and_deleted(clients, shop):
    personalize = clients.personalize
    arn = shop.recommender("short", VIEWED)
    before = shop.ask(arn, userId="user-0")
    assert personalize.update_recommender(recommenderArn=arn, recommenderConfig={"minRecommendationRequestsPerSecond": 5})["recommenderArn"] == arn
    until("the update", lambda: shop.describe(arn)["latestRecommenderUpdate"]["status"] == "ACTIVE")
    described = shop.describe(arn)
    assert described["recommenderConfig"] == described["latestRecommenderUpdate"]["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 5}
    assert shop.ask(arn, userId="user-0") == before
    assert personalize.stop_recommender(recommenderArn=arn)["recommenderArn"] == arn
    until("the stop", lambda: shop.describe(arn)["status"] == "INACTIVE")
    assert "INACTIVE" in refused(lambda: shop.ask(arn, userId="user-0"), "ResourceNotFoundException")
    refused(lambda: personalize.stop_recommender(recommenderArn=arn))
    personalize.start_recommender(recommenderArn=arn)
    shop.active(arn)
    assert shop.ask(arn, userId="user-0") == before
    assert "recommender" in refused(lambda: personalize.delete_dataset_group(datasetGroupArn=shop.group), "ResourceInUseException")
    personalize.delete_recommender(recommenderArn=arn)
    refused(lambda: shop.describe(arn), "ResourceNotFoundException")
    refused(lambda: shop.ask(arn, userId="user-0"), "ResourceNotFoundException")


def test_what_cannot_be_is_refused_by_name(clients, shop, unique):
    personalize = clients.personalize
    make = lambda recipe, group=shop.group, **more: personalize.create_recommender(name=unique, datasetGroupArn=group, recipeArn=recipe, **more)
    assert "VIDEO_ON_DEMAND" in refused(lambda: make(RECIPE + "aws-vod-top-picks"))
    assert "for solutions" in refused(lambda: make(two_tastes.RECIPE))
    custom = personalize.create_dataset_group(name=unique)["datasetGroupArn"]
    assert "has none" in refused(lambda: make(VIEWED, custom))
    message = refused(lambda: personalize.create_solution(name=unique, datasetGroupArn=shop.group, recipeArn=VIEWED))
    assert "CreateRecommender" in message
    refused(lambda: shop.ask(f"arn:aws:personalize:us-east-1:123456789012:recommender/{unique}", userId="u"), "ResourceNotFoundException")
    # A domain group may have custom solutions too.
    personalize.create_solution(name=unique, datasetGroupArn=shop.group, recipeArn=two_tastes.RECIPE, performAutoTraining=False)


def test_a_use_case_needs_a_thousand_of_its_events(clients, unique):
    personalize = clients.personalize
    group = personalize.create_dataset_group(name=unique, domain="VIDEO_ON_DEMAND")["datasetGroupArn"]
    schema = personalize.create_schema(name=unique, schema=two_tastes.schema(two_tastes.FIELDS), domain="VIDEO_ON_DEMAND")["schemaArn"]
    dataset = personalize.create_dataset(name=unique, schemaArn=schema, datasetGroupArn=group, datasetType="Interactions")["datasetArn"]
    two_tastes.import_text(clients, unique, dataset, two_tastes.movielens.to_csv(two_tastes.FIELDS, events()))
    made = personalize.create_recommender(name=unique, datasetGroupArn=group, recipeArn=RECIPE + "aws-vod-most-popular")["recommenderArn"]
    described = until_ended(lambda: personalize.describe_recommender(recommenderArn=made)["recommender"])
    assert described["status"] == "CREATE FAILED"
    assert "1000" in described["failureReason"] and "Watch" in described["failureReason"], json.dumps(described, default=str)
