"""EventBridge: rules over boto3, and what they match arriving at a web server of the test's own."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError


class Listener:
    """Takes every POST and keeps it; fails the first `failures` of them."""

    def __init__(self, failures=0):
        self.receipts = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.receipts.append((dict(self.headers), json.loads(body)))
                self.send_response(500 if len(listener.receipts) <= failures else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count):
        deadline = time.monotonic() + 20
        while len(self.receipts) < count:
            assert time.monotonic() < deadline, f"expected {count} deliveries, found {len(self.receipts)}"
            time.sleep(0.05)
        return self.receipts


@pytest.fixture
def events(clients):
    return clients.client("events")


def put_rule(events, name, pattern, url):
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    assert arn.endswith(f":rule/{name}")
    assert events.put_targets(Rule=name, Targets=[{"Id": "hook", "Arn": url}])["FailedEntryCount"] == 0


def remove_rule(events, name):
    events.remove_targets(Rule=name, Ids=["hook"])
    events.delete_rule(Name=name)


def test_a_rule_is_kept_listed_and_deleted(events, unique):
    put_rule(events, unique, {"source": ["x"]}, "https://example.org/")
    rule = events.describe_rule(Name=unique)
    assert (rule["State"], json.loads(rule["EventPattern"])) == ("ENABLED", {"source": ["x"]})
    events.disable_rule(Name=unique)
    assert [rule["State"] for rule in events.list_rules(NamePrefix=unique)["Rules"]] == ["DISABLED"]
    events.enable_rule(Name=unique)
    assert [target["Id"] for target in events.list_targets_by_rule(Rule=unique)["Targets"]] == ["hook"]
    assert unique in events.list_rule_names_by_target(TargetArn="https://example.org/")["RuleNames"]
    with pytest.raises(ClientError, match="ValidationException"):
        events.delete_rule(Name=unique)
    remove_rule(events, unique)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name=unique)
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]


def test_patterns_are_tried_and_refused(events, unique):
    event = {"id": "1", "account": "1", "source": "shop", "time": "2026-01-01T00:00:00Z", "region": "r", "resources": [],
             "detail-type": "Order", "detail": {"n": 3}}
    tried = lambda pattern: events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]
    assert tried({"detail": {"n": [{"numeric": [">=", 3]}]}}) is True
    assert tried({"detail": {"n": [{"anything-but": 3}]}}) is False
    with pytest.raises(events.exceptions.InvalidEventPatternException):
        events.put_rule(Name=unique, EventPattern='{"source": "x"}')
    with pytest.raises(ClientError, match="penchant.yaml"):
        put_rule(events, unique, {"source": ["x"]}, "command:/bin/true")
    events.delete_rule(Name=unique)


def test_a_custom_event_arrives_after_a_failure(events, unique):
    listener = Listener(failures=1)
    put_rule(events, unique, {"source": [unique], "detail": {"n": [{"numeric": ["<", 2]}]}}, listener.url)
    entry = lambda n: {"Source": unique, "DetailType": "Order", "Detail": json.dumps({"n": n})}
    put = events.put_events(Entries=[entry(1), entry(2), {**entry(1), "Source": "aws.glue"}])
    assert put["FailedEntryCount"] == 1 and put["Entries"][2]["ErrorCode"] == "InvalidArgument"
    receipts = listener.wait_for(2)
    assert {body["id"] for _, body in receipts} == {put["Entries"][0]["EventId"]}
    assert (receipts[1][1]["type"], receipts[1][1]["data"]) == ("Order", {"n": 1})
    remove_rule(events, unique)


def test_a_changed_table_is_told(events, clients, unique):
    listener = Listener()
    name = unique.replace("-", "_")
    pattern = {"source": ["aws.glue"], "detail-type": ["Glue Data Catalog Table State Change"], "detail": {"databaseName": [name]}}
    put_rule(events, unique, pattern, listener.url)
    clients.glue.create_database(DatabaseInput={"Name": name})
    table = lambda *columns: {"Name": "orders", "StorageDescriptor": {"Columns": [{"Name": c, "Type": "int"} for c in columns]}}
    clients.glue.create_table(DatabaseName=name, TableInput=table("a"))
    clients.glue.update_table(DatabaseName=name, TableInput=table("a", "b"))
    _, event = listener.wait_for(1)[0]
    assert (event["data"]["tableName"], event["data"]["typeOfChange"]) == ("orders", "UpdateTable")
    assert [column["name"] for column in event["data"]["schemaDiff"]["added"]] == ["b"]
    remove_rule(events, unique)
    clients.glue.delete_database(Name=name)
