"""Jobs as Glue Studio draws them: created, looked into, run, edited, by boto3 and by the operations of our own."""

import csv
import io
import json
import sqlite3
import time
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from server import REGION
from waiting import until

ROLE = "arn:aws:iam::123456789012:role/GlueRole"
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"}
CUSTOMERS, ORDERS = 5_000, 20_000


def ours(clients, operation, **members):
    """An operation, or members, that botocore's model does not have: signed as any other."""
    body = json.dumps(members).encode()
    headers = {"X-Amz-Target": f"AWSGlue.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", clients.endpoint + "/", data=body, headers=headers)
    SigV4Auth(clients.session.get_credentials(), "glue", REGION).add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(clients.endpoint + "/", data=body, headers=dict(request.headers))) as answer:
        return json.loads(answer.read())


def table(clients, database, name, columns, location):
    """A table of the catalogue over CSV files with a header."""
    clients.glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": name,
            "StorageDescriptor": {"Columns": [{"Name": n, "Type": t} for n, t in columns], "Location": location},
            "Parameters": {"classification": "csv", "skip.header.line.count": "1", "delimiter": ","},
            "TableType": "EXTERNAL_TABLE",
        },
    )


ORDER_COLUMNS = [("order_id", "bigint"), ("customer", "bigint"), ("amount", "double"), ("state", "string")]


def order(n):
    return f"{n},{n % CUSTOMERS + 1},{n % 100}.5,{'sent' if n % 4 else 'open'}\n"


@pytest.fixture
def lake(clients, bucket):
    """Orders and customers in a bucket, and in the catalogue under the bucket's name."""
    orders = "order_id,customer,amount,state\n" + "".join(order(n) for n in range(ORDERS))
    customers = "id,Full Name\n" + "".join(f"{n},Customer {n}\n" for n in range(1, CUSTOMERS + 1))
    clients.s3.put_object(Bucket=bucket, Key="in/orders/1.csv", Body=orders.encode())
    clients.s3.put_object(Bucket=bucket, Key="in/customers/1.csv", Body=customers.encode())
    clients.glue.create_database(DatabaseInput={"Name": bucket})
    table(clients, bucket, "orders", ORDER_COLUMNS, f"s3://{bucket}/in/orders/")
    table(clients, bucket, "customers", [("id", "bigint"), ("Full Name", "string")], f"s3://{bucket}/in/customers/")
    return bucket


def key(*path):
    return {"Type": "COLUMNEXTRACTED", "Value": list(path)}


def constant(value):
    return {"Type": "CONSTANT", "Value": [value]}


def source(lake, name):
    return {"CatalogSource": {"Name": name, "Database": lake, "Table": name}}


def studio(lake):
    """What Glue Studio makes of: two tables, a renaming, a filter, a join, files."""
    mapping = [
        {"ToKey": "order_id", "FromPath": ["order_id"], "FromType": "long", "ToType": "long"},
        {"ToKey": "customer", "FromPath": ["customer"], "FromType": "long", "ToType": "long"},
        {"ToKey": "price", "FromPath": ["amount"], "FromType": "double", "ToType": "decimal(12,2)"},
        {"ToKey": "state", "FromPath": ["state"], "FromType": "string", "ToType": "string"},
    ]
    condition = [{"Operation": "EQ", "Negated": False, "Values": [key("state"), constant("sent")]}]
    join = [{"From": "node3", "Keys": [["customer"]]}, {"From": "node4", "Keys": [["id"]]}]
    return {
        "node1": source(lake, "orders"),
        "node2": {"ApplyMapping": {"Name": "Rename", "Inputs": ["node1"], "Mapping": mapping}},
        "node3": {"Filter": {"Name": "Sent only", "Inputs": ["node2"], "LogicalOperator": "AND", "Filters": condition}},
        "node4": source(lake, "customers"),
        "node5": {"Join": {"Name": "With names", "Inputs": ["node3", "node4"], "JoinType": "equijoin", "Columns": join}},
        "node6": files("Export", "node5", f"s3://{lake}/out/"),
    }


def files(name, of, path):
    return {"S3DirectTarget": {"Name": name, "Inputs": [of], "Path": path, "Format": "csv", "Compression": "none"}}


def create(clients, name, nodes, **members):
    command = {"Name": "glueetl", "ScriptLocation": f"s3://assets/{name}.py", "PythonVersion": "3"}
    clients.glue.create_job(Name=name, Role=ROLE, Command=command, JobMode="VISUAL", CodeGenConfigurationNodes=nodes, **members)


def run(clients, name, **members):
    """Starts a job and gives the ended run, with the members that are ours."""
    started = clients.glue.start_job_run(JobName=name, **members)["JobRunId"]
    return until(
        "the end of a job run",
        lambda: (found := ours(clients, "GetJobRun", JobName=name, RunId=started)["JobRun"])["JobRunState"] in ENDED and found,
    )


def succeeded(clients, name, **members):
    found = run(clients, name, **members)
    assert found["JobRunState"] == "SUCCEEDED", found.get("ErrorMessage", found)
    return found


def rows(clients, bucket, prefix):
    """All rows under a prefix, in the order of their first column as a number."""
    listed = clients.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    texts = [clients.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode() for entry in listed]
    found = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    return sorted(found, key=lambda row: int(next(iter(row.values()))))


def refused(call):
    with pytest.raises(ClientError) as error:
        call()
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


def test_a_job_gives_back_all_that_was_put(clients, lake, server):
    members = {
        "Description": "all of it",
        "LogUri": "s3://logs/",
        "JobRunQueuingEnabled": False,
        "ExecutionProperty": {"MaxConcurrentRuns": 2},
        "DefaultArguments": {"--day": "1"},
        "NonOverridableArguments": {"--who": "us"},
        "Connections": {"Connections": ["shop"]},
        "MaxRetries": 2,
        "Timeout": 30,
        "SecurityConfiguration": "none",
        "NotificationProperty": {"NotifyDelayAfter": 5},
        "GlueVersion": "4.0",
        "NumberOfWorkers": 2,
        "WorkerType": "G.1X",
        "ExecutionClass": "FLEX",
        "SourceControlDetails": {"Provider": "GITHUB", "Repository": "jobs", "Branch": "main", "AuthToken": "sesame"},
        "MaintenanceWindow": "Sun:10",
    }
    nodes = studio(lake)
    create(clients, lake, nodes, **members)
    job = clients.glue.get_job(JobName=lake)["Job"]
    assert job["CodeGenConfigurationNodes"] == nodes
    expected = members | {"SourceControlDetails": {"Provider": "GITHUB", "Repository": "jobs", "Branch": "main"}, "JobMode": "VISUAL"}
    assert {name: job.get(name) for name in expected} == expected
    assert "sesame" not in json.dumps(ours(clients, "GetJob", JobName=lake))
    assert [found["Name"] for found in clients.glue.get_jobs()["Jobs"] if found == job] == [lake]
    batch = clients.glue.batch_get_jobs(JobNames=[lake, "nobody"])
    assert (batch["Jobs"], batch["JobsNotFound"]) == ([job], ["nobody"])
    update = {name: value for name, value in job.items() if name not in ("Name", "CreatedOn", "LastModifiedOn")}
    clients.glue.update_job(JobName=lake, JobUpdate=update | {"Description": "less"})
    assert clients.glue.get_job(JobName=lake)["Job"] | {"LastModifiedOn": 0} == job | {"Description": "less", "LastModifiedOn": 0}


def test_a_studio_job_runs_and_its_runs_are_told(clients, lake, server):
    create(clients, lake, studio(lake), DefaultArguments={"--day": "1"}, WorkerType="G.1X", NumberOfWorkers=2)
    first = succeeded(clients, lake, Arguments={"--day": "2"}, NumberOfWorkers=4, Timeout=7)
    found = rows(clients, lake, "out/")
    assert len(found) == ORDERS * 3 // 4
    assert list(found[0]) == ["order_id", "customer", "price", "state", "id", "Full Name"]
    assert list(found[0].values()) == ["1", "2", "1.50", "sent", "2", "Customer 2"]
    (output,) = first["Result"]["Sql"]["Outputs"]
    assert (output["Node"], output["RowsWritten"], output["Target"]) == ("node6", len(found), f"s3://{lake}/out/")
    assert {read["Table"]: read["Rows"] for read in output["Read"]} == {f"{lake}.orders": ORDERS, f"{lake}.customers": CUSTOMERS}
    assert output["BytesWritten"] > 0 and output["PeakMemoryBytes"] > 0
    seen = clients.glue.get_job_run(JobName=lake, RunId=first["Id"], PredecessorsIncluded=True)["JobRun"]
    assert (seen["WorkerType"], seen["NumberOfWorkers"], seen["JobMode"], seen["Timeout"]) == ("G.1X", 4, "VISUAL", 7)
    assert (seen["Attempt"], seen["PredecessorRuns"], seen["Arguments"]) == (0, [], {"--day": "2"})
    again = succeeded(clients, lake, JobRunId=first["Id"])
    assert (again["PreviousRunId"], again["Arguments"], again["Timeout"]) == (first["Id"], {"--day": "2"}, 7)
    code, message = refused(lambda: clients.glue.start_job_run(JobName=lake, JobRunId="job-nope"))
    assert code == "EntityNotFoundException" and "job-nope" in message


def test_every_node_can_be_previewed(clients, lake, server, capsys):
    create(clients, lake, studio(lake))
    expected = {"node1": 1000, "node2": 1000, "node3": 750, "node4": 1000, "node5": 750, "node6": 750}
    took = {}
    for node, count in expected.items():
        begun = time.monotonic()
        found = ours(clients, "PenchantPreviewJob", JobName=lake, NodeId=node)
        took[node] = time.monotonic() - begun
        output = found["Output"]
        assert (output["Node"], output["Rows"]) == (node, count), found
        assert len(found["Rows"]) == 20 and all(column["Type"] for column in output["Columns"])
        assert took[node] < 20
    with capsys.disabled():
        print("\npreview of each node over", ORDERS, "and", CUSTOMERS, "rows:", {node: f"{s * 1000:.0f} ms" for node, s in took.items()})
    filtered = ours(clients, "PenchantPreviewJob", JobName=lake, NodeId="Sent only", SampleRows=100)
    (before,) = filtered["Inputs"]
    assert (before["Node"], before["Rows"], filtered["Output"]["Rows"]) == ("node2", 100, 75)
    state = {column["Name"]: column for column in filtered["Output"]["Columns"]}["state"]
    assert (state["Min"], state["Max"], state["Distinct"], state["Nulls"]) == ("sent", "sent", 1, 0)


def test_code_is_ejected_edited_and_run(clients, lake, server):
    create(clients, lake, studio(lake))
    code = ours(clients, "PenchantGetJobCode", JobName=lake)["Code"]
    assert "-- target: node6 (Export)" in code and "sent_only AS (" in code
    assert "flowchart LR" in ours(clients, "PenchantGetJobCode", JobName=lake, Language="MERMAID")["Code"]
    compile(ours(clients, "PenchantGetJobCode", JobName=lake, Language="PYSPARK")["Code"], "job.py", "exec")
    location = f"s3://{lake}/code/job.sql"
    assert ours(clients, "PenchantEjectJob", JobName=lake, ScriptLocation=location)["ScriptLocation"] == location
    stored = clients.s3.get_object(Bucket=lake, Key="code/job.sql")["Body"].read().decode()
    assert stored == code
    clients.s3.put_object(Bucket=lake, Key="code/job.sql", Body=stored.replace("= 'sent'", "= 'open'").encode())
    succeeded(clients, lake)
    assert {row["state"] for row in rows(clients, lake, "out/")} == {"open"}
    assert clients.glue.get_job(JobName=lake)["Job"]["CodeGenConfigurationNodes"] == studio(lake)


def test_bookmarks_read_each_row_once_and_rewind(clients, lake, server):
    enable = {"--job-bookmark-option": "job-bookmark-enable"}
    nodes = {"n1": source(lake, "orders"), "n2": files("Export", "n1", f"s3://{lake}/out/")}
    create(clients, lake, nodes, DefaultArguments=enable)

    def read(found):
        return sum(output["RowsWritten"] for output in found["Result"]["Sql"]["Outputs"])

    first = succeeded(clients, lake)
    assert read(first) == ORDERS
    clients.s3.put_object(Bucket=lake, Key="in/orders/2.csv", Body=("order_id,customer,amount,state\n" + order(ORDERS)).encode())
    second = succeeded(clients, lake)
    assert read(second) == 1
    assert read(succeeded(clients, lake)) == 0
    entry = clients.glue.get_job_bookmark(JobName=lake)["JobBookmarkEntry"]
    assert f"{lake}.orders" in entry["JobBookmark"]
    assert clients.glue.reset_job_bookmark(JobName=lake, RunId=first["Id"])["JobBookmarkEntry"]["RunId"] == first["Id"]
    assert read(succeeded(clients, lake)) == 1
    clients.glue.reset_job_bookmark(JobName=lake)
    assert read(succeeded(clients, lake)) == ORDERS + 1


def test_rules_of_data_quality_judge_and_stop(clients, lake, server):
    rules = 'Rules = [ IsComplete "order_id", ColumnValues "amount" < 50 ]'

    def nodes(**members):
        judge = {"Name": "Rules", "Inputs": ["n1"], "Ruleset": rules, "Output": "EvaluationResults"} | members
        return {"n1": source(lake, "orders"), "n2": {"EvaluateDataQuality": judge}, "n3": files("Export", "n1", f"s3://{lake}/out/")}

    create(clients, lake, nodes())
    (quality,) = succeeded(clients, lake)["Result"]["Sql"]["Quality"]
    assert (quality["Node"], quality["Score"], [rule["Passed"] for rule in quality["Rules"]]) == ("n2", 0.5, [True, False])
    written = clients.s3.list_objects_v2(Bucket=lake, Prefix="out/")["Contents"]
    clients.s3.delete_objects(Bucket=lake, Delete={"Objects": [{"Key": entry["Key"]} for entry in written]})
    stop = nodes(StopJobOnFailureOptions={"StopJobOnFailureTiming": "Immediate"})
    clients.glue.update_job(JobName=lake, JobUpdate={"Role": ROLE, "Command": {"Name": "glueetl"}, "CodeGenConfigurationNodes": stop})
    failed = run(clients, lake)
    assert (failed["JobRunState"], failed["ErrorCode"]) == ("FAILED", "DATA_QUALITY_FAILED"), failed
    assert '"n2"' in failed["ErrorMessage"] and "amount" in failed["ErrorMessage"]
    assert rows(clients, lake, "out/") == []


def test_a_table_behind_a_connection_is_written(clients, lake, server, tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("create table sales (order_id integer primary key, customer integer, amount real, state text)")
    database.close()
    clients.glue.create_connection(ConnectionInput={"Name": lake, "ConnectionType": "SQLITE", "ConnectionProperties": {"PATH": str(path)}})
    place = {"ConnectionName": lake, "ConnectionTable": "sales", "ConnectorName": "sqlite", "ConnectionType": "custom.jdbc"}
    target = {"Name": "Sales", "Inputs": ["n1"]} | place
    create(clients, lake, {"n1": source(lake, "orders"), "n2": {"JDBCConnectorTarget": target}})
    succeeded(clients, lake)
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*), min(order_id), max(customer) from sales").fetchone() == (ORDERS, 0, CUSTOMERS)
    database.close()
    failed = run(clients, lake)
    assert failed["JobRunState"] == "FAILED" and "n2" in failed["ErrorMessage"], failed
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from sales").fetchone() == (ORDERS,)
    database.close()


def test_what_is_not_offered_is_refused_by_name(clients, lake, server):
    nodes = studio(lake) | {"node3": {"CustomCode": {"Name": "Python", "Inputs": ["node2"], "Code": "pass", "ClassName": "My"}}}
    code, message = refused(lambda: create(clients, lake, nodes))
    assert code == "InvalidInputException" and "CustomCode" in message and "Python" in message, message
    nodes = studio(lake) | {"node4": {"SnowflakeSource": {"Name": "Flakes", "Data": {"SourceType": "table"}}}}
    code, message = refused(lambda: create(clients, lake, nodes))
    assert code == "InvalidInputException" and "SnowflakeSource" in message, message
    assert clients.glue.batch_get_jobs(JobNames=[lake])["JobsNotFound"] == [lake]


def test_a_column_that_disappeared_is_named(clients, lake, server):
    create(clients, lake, studio(lake))
    succeeded(clients, lake)
    before = rows(clients, lake, "out/")
    less = [(name, kind) for name, kind in ORDER_COLUMNS if name != "amount"]
    clients.glue.delete_table(DatabaseName=lake, Name="orders")
    table(clients, lake, "orders", less, f"s3://{lake}/in/orders/")
    failed = run(clients, lake)
    assert (failed["JobRunState"], failed["ErrorCode"]) == ("FAILED", "JOB_COLUMN_MISSING"), failed
    assert "amount" in failed["ErrorMessage"] and "Rename" in failed["ErrorMessage"]
    assert rows(clients, lake, "out/") == before
    with pytest.raises(urllib.error.HTTPError) as error:
        ours(clients, "PenchantPreviewJob", JobName=lake, NodeId="node2")
    assert error.value.code == 400 and "amount" in error.value.read().decode()


def test_runs_of_a_workflow_know_what_they_waited_for(clients, lake, server):
    nodes = {"n1": source(lake, "orders"), "n2": files("Export", "n1", f"s3://{lake}/out/")}
    first, second = f"{lake}-1", f"{lake}-2"
    create(clients, first, nodes)
    create(clients, second, nodes)
    glue = clients.glue
    glue.create_workflow(Name=lake)
    glue.create_trigger(Name=f"{lake}-go", WorkflowName=lake, Type="ON_DEMAND", Actions=[{"JobName": first}])
    condition = {"LogicalOperator": "EQUALS", "JobName": first, "State": "SUCCEEDED"}
    predicate = {"Logical": "AND", "Conditions": [condition]}
    glue.create_trigger(
        Name=f"{lake}-on", WorkflowName=lake, Type="CONDITIONAL", StartOnCreation=True, Predicate=predicate, Actions=[{"JobName": second}]
    )
    glue.start_workflow_run(Name=lake)
    ran = until("the second job", lambda: (found := glue.get_job_runs(JobName=second)["JobRuns"]) and found[0]["JobRunState"] in ENDED and found[0])
    assert (ran["JobRunState"], ran["TriggerName"]) == ("SUCCEEDED", f"{lake}-on"), ran
    seen = glue.get_job_run(JobName=second, RunId=ran["Id"], PredecessorsIncluded=True)["JobRun"]
    (waited,) = glue.get_job_runs(JobName=first)["JobRuns"]
    assert seen["PredecessorRuns"] == [{"JobName": first, "RunId": waited["Id"]}]


def test_a_mapping_becomes_a_script(clients, lake, server):
    entry = {"DatabaseName": lake, "TableName": "orders"}
    mapping = clients.glue.get_mapping(Source=entry)["Mapping"]
    assert [(row["SourcePath"], row["TargetPath"], row["TargetType"]) for row in mapping] == [(n, n, t) for n, t in ORDER_COLUMNS]
    mapping[2]["TargetPath"] = "price"
    place = {"S3": [{"Name": "path", "Value": f"s3://{lake}/planned/"}]}
    script = clients.glue.get_plan(Mapping=mapping, Source=entry, Location=place, Language="PYTHON")["PythonScript"]
    compile(script, "plan.py", "exec")
    assert "price" in script and f"s3://{lake}/planned/" in script
    code, message = refused(lambda: clients.glue.get_plan(Mapping=mapping, Source=entry, Language="SCALA"))
    assert code == "InvalidInputException" and "SCALA" in message
