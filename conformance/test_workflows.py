"""What begins workflows by itself: events, files, schedules; and what becomes of their runs, as boto3 sees it."""

import json
import subprocess

import pytest
from botocore.exceptions import ClientError

from server import Server
from waiting import until

ROLE = "arn:aws:iam::123456789012:role/GlueRole"
ENDED = {"COMPLETED", "STOPPED", "ERROR"}


@pytest.fixture
def glue(clients):
    return clients.glue


def sql_job(clients, bucket, name, sql="select 1 as n"):
    clients.s3.put_object(Bucket=bucket, Key=f"scripts/{name}.sql", Body=sql.encode())
    clients.glue.create_job(
        Name=name, Role=ROLE,
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/scripts/{name}.sql"},
        DefaultArguments={"--target": f"s3://{bucket}/out/{name}/", "--format": "csv"},
    )


def after(glue, workflow, name, before, job):
    condition = {"LogicalOperator": "EQUALS", "JobName": before, "State": "SUCCEEDED"}
    glue.create_trigger(
        Name=name, WorkflowName=workflow, Type="CONDITIONAL", StartOnCreation=True,
        Predicate={"Logical": "AND", "Conditions": [condition]}, Actions=[{"JobName": job}],
    )


def ended_run(glue, name, run_id):
    look = lambda: (run := glue.get_workflow_run(Name=name, RunId=run_id, IncludeGraph=True)["Run"])["Status"] in ENDED and run
    return until("the end of a workflow's run", look)


def ended_runs(glue, name, count=1):
    look = lambda: len(runs := [run for run in glue.get_workflow_runs(Name=name)["Runs"] if run["Status"] in ENDED]) >= count and runs
    return until(f"{count} runs of a workflow", look)


def begun_by_events(clients, name, pattern, batch_size):
    """A workflow with one job, an EVENT trigger, and a rule whose target it is."""
    glue, events = clients.glue, clients.client("events")
    sql_job(clients, name, name)
    glue.create_workflow(Name=name)
    glue.create_trigger(
        Name=f"{name}-begin", WorkflowName=name, Type="EVENT", StartOnCreation=True, Actions=[{"JobName": name}],
        EventBatchingCondition={"BatchSize": batch_size, "BatchWindow": 900},
    )
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:glue:us-east-1:123456789012:workflow/{name}"
    events.put_targets(Rule=name, Targets=[{"Id": "workflow", "Arn": arn, "RoleArn": ROLE}])
    return events


def test_events_begin_a_workflow_in_batches(clients, glue, bucket):
    events = begun_by_events(clients, bucket, {"source": [bucket]}, 2)
    ids = []
    for number in range(3):
        entry = {"Source": bucket, "DetailType": "Order", "Detail": json.dumps({"n": number})}
        ids.append(events.put_events(Entries=[entry])["Entries"][0]["EventId"])
    (run,) = ended_runs(glue, bucket)
    taken = json.loads(run["WorkflowRunProperties"]["aws:eventIds"])
    assert len(taken) == 2 and set(taken) <= set(ids)
    assert run["StartingEventBatchCondition"]["BatchSize"] == 2
    (job_run,) = glue.get_job_runs(JobName=bucket)["JobRuns"]
    assert (job_run["Arguments"]["--WORKFLOW_NAME"], job_run["Arguments"]["--WORKFLOW_RUN_ID"]) == (bucket, run["WorkflowRunId"])
    assert events.list_rule_names_by_target(TargetArn=f"arn:aws:glue:us-east-1:123456789012:workflow/{bucket}")["RuleNames"] == [bucket]


def test_files_begin_a_workflow_however_they_come(clients, glue, bucket, server):
    clients.s3.put_object(Bucket=bucket, Key="in/old.csv", Body=b"was there before")
    key = {"wildcard": "in/*.csv"}
    begun_by_events(clients, bucket, {"source": ["aws.s3"], "detail-type": ["Object Created"],
                                      "detail": {"bucket": {"name": [bucket]}, "object": {"key": [key]}}}, 2)
    clients.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"another kind")
    clients.s3.put_object(Bucket=bucket, Key="in/over-s3.csv", Body=b"1")
    by_hand = server.folder / ".penchant" / "buckets" / bucket / "in" / "by-hand.csv"
    by_hand.with_suffix(".part").write_text("2")
    by_hand.with_suffix(".part").rename(by_hand)
    (run,) = ended_runs(glue, bucket)
    assert run["Statistics"]["SucceededActions"] == 1
    assert len(json.loads(run["WorkflowRunProperties"]["aws:eventIds"])) == 2


def test_a_file_that_came_while_the_server_was_down_is_found(binary, tmp_path):
    server = Server(binary, tmp_path).start()
    try:
        clients = server.clients()
        clients.s3.create_bucket(Bucket="drop-box")
        begun_by_events(clients, "drop-box", {"source": ["aws.s3"], "detail": {"bucket": {"name": ["drop-box"]},
                                                                              "object": {"key": [{"prefix": "in/"}]}}}, 1)
        clients.s3.put_object(Bucket="drop-box", Key="in/first.csv", Body=b"1")
        ended_runs(clients.glue, "drop-box")
        server.kill()
        (server.folder / ".penchant" / "buckets" / "drop-box" / "in" / "second.csv").write_text("2")
        server = Server(binary, tmp_path).start()
        assert len(ended_runs(server.clients().glue, "drop-box", 2)) == 2
    finally:
        server.stop()


PROJECT = """
buckets: [drop]
jobs:
- Name: one
  Command: {ScriptLocation: one.sql}
  Spec: {Sql: {Target: {Location: "s3://drop/out/", Format: csv}}}
workflows:
- Name: files
  Triggers:
  - Name: begin
    Type: EVENT
    FileArrival: {Location: "s3://drop/in/", Pattern: "*.csv"}
    EventBatchingCondition: {BatchSize: 2}
    Actions: [{JobName: one}]
"""


def test_a_trigger_awaits_files_without_any_rule(binary, tmp_path):
    (tmp_path / "penchant.yaml").write_text(PROJECT)
    (tmp_path / "one.sql").write_text("select 1 as n")
    subprocess.run([binary, "--dir", tmp_path, "apply"], check=True, capture_output=True)
    server = Server(binary, tmp_path).start()
    try:
        clients = server.clients()
        for key in ("in/a.csv", "in/b.txt", "elsewhere/c.csv", "in/deep/d.csv"):
            clients.s3.put_object(Bucket="drop", Key=key, Body=b"1")
        (run,) = ended_runs(clients.glue, "files")
        files = json.loads(run["WorkflowRunProperties"]["penchant:files"])
        assert sorted(files) == ["s3://drop/in/a.csv", "s3://drop/in/deep/d.csv"]
        assert run["Statistics"]["SucceededActions"] == 1
    finally:
        server.stop()


def test_a_run_is_resumed_from_the_job_that_failed(clients, glue, bucket):
    first, second, third = (f"{bucket}-{number}" for number in (1, 2, 3))
    for name, sql in ((first, "select 1 as n"), (second, "select nothing from nowhere"), (third, "select 3 as n")):
        sql_job(clients, bucket, name, sql)
    glue.create_workflow(Name=bucket, DefaultRunProperties={"day": "1"})
    glue.create_trigger(Name=f"{bucket}-a", WorkflowName=bucket, Type="ON_DEMAND", Actions=[{"JobName": first}])
    after(glue, bucket, f"{bucket}-b", first, second)
    after(glue, bucket, f"{bucket}-c", second, third)
    run_id = glue.start_workflow_run(Name=bucket)["RunId"]
    glue.put_workflow_run_properties(Name=bucket, RunId=run_id, RunProperties={"rows": "7"})
    failed = ended_run(glue, bucket, run_id)
    assert (failed["Statistics"]["SucceededActions"], failed["Statistics"]["FailedActions"]) == (1, 1)
    node = next(node["UniqueId"] for node in failed["Graph"]["Nodes"] if node["Name"] == second)
    clients.s3.put_object(Bucket=bucket, Key=f"scripts/{second}.sql", Body=b"select 2 as n")
    resumed = glue.resume_workflow_run(Name=bucket, RunId=run_id, NodeIds=[node])
    assert resumed["NodeIds"] == [node]
    run = ended_run(glue, bucket, resumed["RunId"])
    assert (run["PreviousRunId"], run["Statistics"]["SucceededActions"], run["Statistics"]["TotalActions"]) == (run_id, 3, 3)
    assert run["WorkflowRunProperties"] == {"day": "1", "rows": "7"}
    assert [len(glue.get_job_runs(JobName=name)["JobRuns"]) for name in (first, second, third)] == [1, 2, 1]


def test_a_conditional_trigger_outside_a_workflow_fires(clients, glue, bucket):
    first, second = f"{bucket}-1", f"{bucket}-2"
    sql_job(clients, bucket, first)
    sql_job(clients, bucket, second)
    glue.create_trigger(Name=first, Type="ON_DEMAND", Actions=[{"JobName": first}])
    condition = {"LogicalOperator": "EQUALS", "JobName": first, "State": "SUCCEEDED"}
    glue.create_trigger(Name=second, Type="CONDITIONAL", StartOnCreation=True, Predicate={"Conditions": [condition]},
                        Actions=[{"JobName": second}])
    glue.start_trigger(Name=first)
    run = until("the second job", lambda: glue.get_job_runs(JobName=second)["JobRuns"])[0]
    assert run["TriggerName"] == second
    assert glue.batch_get_triggers(TriggerNames=[first, "nowhere"])["TriggersNotFound"] == ["nowhere"]


def test_what_would_never_run_is_refused(clients, glue, unique):
    glue.create_workflow(Name=unique)
    for schedule, expected in (("cron(0 0 30 2 ? *)", "never due"), ("cron(0 3 * * *)", "cron(minute hour")):
        with pytest.raises(ClientError) as error:
            glue.create_trigger(Name=f"{unique}-s", Type="SCHEDULED", Schedule=schedule, Actions=[{"JobName": "x"}])
        assert expected in error.value.response["Error"]["Message"]
    after(glue, unique, f"{unique}-ab", "a", "b")
    with pytest.raises(ClientError) as error:
        after(glue, unique, f"{unique}-ba", "b", "a")
    assert error.value.response["Error"]["Code"] == "InvalidInputException"
    assert f'trigger "{unique}-ab"' in error.value.response["Error"]["Message"]


BLUEPRINT = """
Parameters:
  Name: {Type: String}
  Bucket: {Type: String}
Template:
  jobs:
  - Name: $(Name)-one
    Command: {ScriptLocation: "s3://$(Bucket)/scripts/one.sql"}
    Spec: {Sql: {Target: {Location: "s3://$(Bucket)/out/one/", Format: csv}}}
  workflows:
  - Name: $(Name)
    Triggers:
    - {Name: $(Name)-begin, Type: ON_DEMAND, Actions: [{JobName: $(Name)-one}]}
"""


def blueprint_run(glue, name, parameters):
    run_id = glue.start_blueprint_run(BlueprintName=name, RoleArn=ROLE, Parameters=json.dumps(parameters))["RunId"]
    look = lambda: (run := glue.get_blueprint_run(BlueprintName=name, RunId=run_id)["BlueprintRun"])["State"] != "RUNNING" and run
    return until("the end of a blueprint's run", look)


def test_a_blueprint_makes_a_workflow_that_runs(clients, glue, bucket):
    clients.s3.put_object(Bucket=bucket, Key="print.yaml", Body=BLUEPRINT.encode())
    clients.s3.put_object(Bucket=bucket, Key="scripts/one.sql", Body=b"select 1 as n")
    glue.create_blueprint(Name=bucket, BlueprintLocation=f"s3://{bucket}/print.yaml")
    run = blueprint_run(glue, bucket, {"Name": f"{bucket}-w", "Bucket": bucket})
    assert (run["State"], run["WorkflowName"]) == ("SUCCEEDED", f"{bucket}-w"), run
    again = blueprint_run(glue, bucket, {"Name": f"{bucket}-w", "Bucket": bucket})
    assert again["State"] == "SUCCEEDED", "what is there and equal stays"
    ran = ended_run(glue, f"{bucket}-w", glue.start_workflow_run(Name=f"{bucket}-w")["RunId"])
    assert ran["Statistics"]["SucceededActions"] == 1
    other = blueprint_run(glue, bucket, {"Name": f"{bucket}-w", "Bucket": "elsewhere"})
    assert other["State"] == "FAILED" and f"{bucket}-w-one" in other["ErrorMessage"]
