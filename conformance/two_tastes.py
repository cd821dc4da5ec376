"""A made-up shop in which everybody likes either red or blue things, and the few calls that train on it.

Small enough to train in a moment; plain enough that the right answer is known beforehand.
"""

import json
import random

import movielens
from waiting import until_active, until_ended

ROLE = "arn:aws:iam::123456789012:role/PersonalizeRole"
RECIPE = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
START = 1_700_000_000
FIELDS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "EVENT_TYPE", "type": "string"},
]


def schema(fields, name="Interactions"):
    return json.dumps({"type": "record", "name": name, "namespace": "com.amazonaws.personalize.schema", "fields": fields, "version": "1.0"})


def rows(users=80, events=25, seed=7):
    """(user, item, timestamp, type): even users like red, odd ones blue, and now and then the other."""
    draw = random.Random(seed)
    found = []
    for user in range(users):
        taste, other = ("red", "blue") if user % 2 == 0 else ("blue", "red")
        for event in range(events):
            colour = other if draw.random() < 0.08 else taste
            # The lower a thing's number, the more people buy it.
            number = min(int(draw.expovariate(0.15)), 19)
            found.append((f"user-{user}", f"{colour}-{number:02}", START + event * 3600 + user, "buy"))
    return found


def interactions(**arguments):
    """The rows as CSV."""
    return movielens.to_csv(FIELDS, rows(**arguments))


def count(items, colour):
    return sum(item.startswith(colour) for item in items)


def make_dataset(clients, name, fields=FIELDS, kind="Interactions"):
    """Group, schema and one dataset, all of this name; gives the ARNs of group and dataset."""
    personalize = clients.personalize
    group = personalize.create_dataset_group(name=name)["datasetGroupArn"]
    until_active(lambda: personalize.describe_dataset_group(datasetGroupArn=group)["datasetGroup"])
    made = personalize.create_schema(name=name, schema=schema(fields, kind))["schemaArn"]
    dataset = personalize.create_dataset(name=name, schemaArn=made, datasetGroupArn=group, datasetType=kind)["datasetArn"]
    until_active(lambda: personalize.describe_dataset(datasetArn=dataset)["dataset"])
    return group, dataset


def import_from(clients, name, dataset, location, **arguments):
    """Runs an import to its end and gives its description, whatever the end is."""
    personalize = clients.personalize
    made = personalize.create_dataset_import_job(
        jobName=name, datasetArn=dataset, dataSource={"dataLocation": location}, roleArn=ROLE, **arguments
    )["datasetImportJobArn"]
    return until_ended(lambda: personalize.describe_dataset_import_job(datasetImportJobArn=made)["datasetImportJob"])


def import_text(clients, name, dataset, text, key="interactions.csv", **arguments):
    """Puts the bytes into a bucket of this name and imports them."""
    clients.s3.create_bucket(Bucket=name)
    clients.s3.put_object(Bucket=name, Key=key, Body=text)
    return import_from(clients, name, dataset, f"s3://{name}/{key}", **arguments)


class Shop:
    """Group, campaign and event tracker of one name."""

    def __init__(self, clients, name):
        self.clients, self.name = clients, name

    def build(self):
        personalize = self.clients.personalize
        self.group, self.dataset = make_dataset(self.clients, self.name)
        job = import_text(self.clients, self.name, self.dataset, interactions())
        assert job["status"] == "ACTIVE", job
        self.solution = personalize.create_solution(
            name=self.name, datasetGroupArn=self.group, recipeArn=RECIPE, performAutoTraining=False
        )["solutionArn"]
        self.version = personalize.create_solution_version(solutionArn=self.solution)["solutionVersionArn"]
        until_active(lambda: personalize.describe_solution_version(solutionVersionArn=self.version)["solutionVersion"])
        self.campaign = personalize.create_campaign(name=self.name, solutionVersionArn=self.version)["campaignArn"]
        until_active(lambda: personalize.describe_campaign(campaignArn=self.campaign)["campaign"])
        tracker = personalize.create_event_tracker(name=self.name, datasetGroupArn=self.group)
        self.tracker, self.tracking = tracker["eventTrackerArn"], tracker["trackingId"]
        until_active(lambda: personalize.describe_event_tracker(eventTrackerArn=self.tracker)["eventTracker"])
        return self

    def recommend(self, user, count=10, clients=None):
        """Item ids for a user."""
        runtime = (clients or self.clients).runtime
        answer = runtime.get_recommendations(campaignArn=self.campaign, userId=user, numResults=count)
        return [entry["itemId"] for entry in answer["itemList"]]

    def put(self, session, items, user=None, event_ids=None, clients=None, at=START + 10_000_000):
        events = [{"eventType": "buy", "itemId": item, "sentAt": at + number} for number, item in enumerate(items)]
        for event, event_id in zip(events, event_ids or []):
            event["eventId"] = event_id
        who = {"userId": user} if user else {}
        (clients or self.clients).events.put_events(trackingId=self.tracking, sessionId=session, eventList=events, **who)
