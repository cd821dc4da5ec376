"""Glue's catalog, crawlers, jobs, triggers and workflows, as boto3 uses them."""

import csv
import io
import sqlite3

import pytest
from botocore.exceptions import ClientError

from waiting import until

ROLE = "arn:aws:iam::123456789012:role/GlueRole"
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"}
ORDERS = "order_id,customer,amount,placed\n1,anna,10.50,2024-01-02\n2,bert,7.25,2024-01-03\n3,anna,1.00,2024-02-01\n"


def code(error):
    return error.value.response["Error"]["Code"]


def put(clients, bucket, files):
    for key, text in files.items():
        clients.s3.put_object(Bucket=bucket, Key=key, Body=text.encode())


def crawl(clients, name):
    """Starts a crawler and waits for its end."""
    clients.glue.start_crawler(Name=name)
    crawler = until("a crawler at rest", lambda: (found := clients.glue.get_crawler(Name=name)["Crawler"])["State"] == "READY" and found)
    assert crawler["LastCrawl"]["Status"] == "SUCCEEDED", crawler["LastCrawl"]
    return crawler


def crawler_over(clients, name, **targets):
    clients.glue.create_database(DatabaseInput={"Name": name, "Description": "made by a test"})
    clients.glue.create_crawler(Name=name, Role=ROLE, DatabaseName=name, Targets=targets)


def columns(table):
    return [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]


def run_job(clients, name, **arguments):
    """Starts a job and gives the ended run."""
    run = clients.glue.start_job_run(JobName=name, **arguments)["JobRunId"]
    return until(
        "the end of a job run",
        lambda: (found := clients.glue.get_job_run(JobName=name, RunId=run)["JobRun"])["JobRunState"] in ENDED and found,
    )


def sql_job(clients, bucket, name, sql, output_format="csv"):
    clients.s3.put_object(Bucket=bucket, Key=f"scripts/{name}.sql", Body=sql.encode())
    clients.glue.create_job(
        Name=name,
        Role=ROLE,
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/scripts/{name}.sql"},
        DefaultArguments={"--target": f"s3://{bucket}/out/{name}/", "--format": output_format},
    )


def output(clients, bucket, name):
    """All rows a job wrote as CSV, and the names of the files."""
    listed = clients.s3.list_objects_v2(Bucket=bucket, Prefix=f"out/{name}/").get("Contents", [])
    keys = [entry["Key"] for entry in listed]
    texts = [clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    return [row for text in texts for row in csv.DictReader(io.StringIO(text))], keys


def test_a_database_from_creation_to_deletion(clients, unique, server):
    glue = clients.glue
    glue.create_database(DatabaseInput={"Name": unique, "Description": "one", "Parameters": {"owner": "me"}})
    database = glue.get_database(Name=unique)["Database"]
    assert (database["Name"], database["Description"], database["Parameters"]) == (unique, "one", {"owner": "me"})
    assert database["CreateTime"]
    with pytest.raises(ClientError) as error:
        glue.create_database(DatabaseInput={"Name": unique})
    assert code(error) == "AlreadyExistsException"
    glue.update_database(Name=unique, DatabaseInput={"Name": unique, "Description": "two"})
    assert glue.get_database(Name=unique)["Database"]["Description"] == "two"
    names = [entry["Name"] for page in glue.get_paginator("get_databases").paginate() for entry in page["DatabaseList"]]
    assert unique in names
    glue.delete_database(Name=unique)
    with pytest.raises(ClientError) as error:
        glue.get_database(Name=unique)
    assert code(error) == "EntityNotFoundException"
    assert unique in error.value.response["Error"]["Message"]


def test_a_table_and_its_versions(clients, unique, server):
    glue = clients.glue
    glue.create_database(DatabaseInput={"Name": unique})
    table = {
        "Name": "orders",
        "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": f"s3://{unique}/orders/"},
        "Parameters": {"classification": "csv"},
        "TableType": "EXTERNAL_TABLE",
    }
    glue.create_table(DatabaseName=unique, TableInput=table)
    found = glue.get_table(DatabaseName=unique, Name="orders")["Table"]
    assert (found["DatabaseName"], columns(found)) == (unique, [("id", "bigint")])
    assert found["StorageDescriptor"]["Location"] == f"s3://{unique}/orders/"
    table["StorageDescriptor"]["Columns"].append({"Name": "amount", "Type": "double"})
    glue.update_table(DatabaseName=unique, TableInput=table)
    changed = glue.get_table(DatabaseName=unique, Name="orders")["Table"]
    assert columns(changed) == [("id", "bigint"), ("amount", "double")]
    assert changed["VersionId"] != found["VersionId"]
    versions = glue.get_table_versions(DatabaseName=unique, TableName="orders")["TableVersions"]
    assert sorted(len(columns(version["Table"])) for version in versions) == [1, 2]
    assert [entry["Name"] for entry in glue.get_tables(DatabaseName=unique)["TableList"]] == ["orders"]
    glue.delete_table(DatabaseName=unique, Name="orders")
    with pytest.raises(ClientError) as error:
        glue.get_table(DatabaseName=unique, Name="orders")
    assert code(error) == "EntityNotFoundException"


def test_a_connection_keeps_its_password_to_itself(clients, unique, server):
    glue = clients.glue
    given = {
        "Name": unique,
        "ConnectionType": "SQLITE",
        "ConnectionProperties": {"PATH": "/tmp/nowhere.db", "PASSWORD": "very secret"},
    }
    glue.create_connection(ConnectionInput=given)
    found = glue.get_connection(Name=unique, HidePassword=True)["Connection"]
    assert (found["ConnectionType"], found["ConnectionProperties"]["PATH"]) == ("SQLITE", "/tmp/nowhere.db")
    assert "PASSWORD" not in found["ConnectionProperties"]
    listed = [entry["Name"] for page in glue.get_paginator("get_connections").paginate() for entry in page["ConnectionList"]]
    assert unique in listed
    glue.delete_connection(ConnectionName=unique)
    with pytest.raises(ClientError) as error:
        glue.get_connection(Name=unique)
    assert code(error) == "EntityNotFoundException"


def test_a_crawler_finds_csv_files_in_a_bucket(clients, bucket, server):
    people = '{"name": "anna", "age": 31}\n{"name": "bert", "age": 58}\n'
    put(clients, bucket, {"in/orders/a.csv": ORDERS, "in/people/p.json": people})
    crawler_over(clients, bucket, S3Targets=[{"Path": f"s3://{bucket}/in/"}])
    crawl(clients, bucket)
    tables = {table["Name"]: table for table in clients.glue.get_tables(DatabaseName=bucket)["TableList"]}
    assert set(tables) == {"orders", "people"}
    assert columns(tables["orders"]) == [("order_id", "bigint"), ("customer", "string"), ("amount", "double"), ("placed", "date")]
    assert tables["orders"]["Parameters"]["classification"] == "csv"
    assert tables["orders"]["StorageDescriptor"]["Location"].rstrip("/") == f"s3://{bucket}/in/orders"
    assert dict(columns(tables["people"])) == {"name": "string", "age": "bigint"}
    assert tables["people"]["Parameters"]["classification"] == "json"


def test_a_crawler_finds_partitions(clients, bucket, server):
    put(clients, bucket, {f"in/events/day=2024-01-0{day}/e.csv": f"id,what\n{day},view\n" for day in (1, 2)})
    crawler_over(clients, bucket, S3Targets=[{"Path": f"s3://{bucket}/in/"}])
    crawl(clients, bucket)
    table = clients.glue.get_table(DatabaseName=bucket, Name="events")["Table"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["day"]
    assert columns(table) == [("id", "bigint"), ("what", "string")]
    partitions = clients.glue.get_partitions(DatabaseName=bucket, TableName="events")["Partitions"]
    assert sorted(partition["Values"] for partition in partitions) == [["2024-01-01"], ["2024-01-02"]]


def test_a_second_crawl_writes_only_what_changed(clients, bucket, server):
    glue = clients.glue
    put(clients, bucket, {"in/orders/a.csv": ORDERS})
    crawler_over(clients, bucket, S3Targets=[{"Path": f"s3://{bucket}/in/"}])
    crawl(clients, bucket)
    first = glue.get_table(DatabaseName=bucket, Name="orders")["Table"]
    crawl(clients, bucket)
    second = glue.get_table(DatabaseName=bucket, Name="orders")["Table"]
    assert (second["VersionId"], second["UpdateTime"]) == (first["VersionId"], first["UpdateTime"])
    wider = "\n".join(line + (",coupon" if number == 0 else ",x") for number, line in enumerate(ORDERS.splitlines())) + "\n"
    put(clients, bucket, {"in/orders/a.csv": wider})
    crawl(clients, bucket)
    third = glue.get_table(DatabaseName=bucket, Name="orders")["Table"]
    assert ("coupon", "string") in columns(third)
    assert third["VersionId"] != first["VersionId"]
    assert len(glue.get_table_versions(DatabaseName=bucket, TableName="orders")["TableVersions"]) == 2


def test_a_crawler_reads_a_database_through_a_connection(clients, unique, tmp_path, server):
    path = tmp_path / "orders.db"
    with sqlite3.connect(path) as database:
        database.execute("create table orders (id integer primary key, customer text, amount real)")
        database.execute("insert into orders values (1, 'anna', 2.5)")
    database.close()
    connection = {"Name": unique, "ConnectionType": "SQLITE", "ConnectionProperties": {"PATH": str(path)}}
    clients.glue.create_connection(ConnectionInput=connection)
    crawler_over(clients, unique, JdbcTargets=[{"ConnectionName": unique, "Path": "%"}])
    crawl(clients, unique)
    (table,) = clients.glue.get_tables(DatabaseName=unique)["TableList"]
    assert table["Name"].endswith("orders")
    assert columns(table) == [("id", "bigint"), ("customer", "string"), ("amount", "double")]
    assert table["Parameters"]["connectionName"] == unique


def test_a_crawler_over_a_bucket_that_is_not_there_says_so(clients, unique, server):
    crawler_over(clients, unique, S3Targets=[{"Path": f"s3://{unique}-missing/in/"}])
    clients.glue.start_crawler(Name=unique)
    crawler = until("the end", lambda: (found := clients.glue.get_crawler(Name=unique)["Crawler"])["State"] == "READY" and found)
    assert crawler["LastCrawl"]["Status"] == "FAILED"
    assert f"{unique}-missing" in crawler["LastCrawl"]["ErrorMessage"]


def test_crawlers_are_listed_and_deleted(clients, bucket, server):
    glue = clients.glue
    crawler_over(clients, bucket, S3Targets=[{"Path": f"s3://{bucket}/in/"}])
    assert bucket in [name for page in pages(glue.list_crawlers) for name in page["CrawlerNames"]]
    with pytest.raises(ClientError) as error:
        glue.stop_crawler(Name=bucket)
    assert code(error) == "CrawlerNotRunningException"
    glue.delete_crawler(Name=bucket)
    with pytest.raises(ClientError) as error:
        glue.get_crawler(Name=bucket)
    assert code(error) == "EntityNotFoundException"


@pytest.fixture
def crawled(clients, bucket):
    """A database of the bucket's name with the table `orders`."""
    put(clients, bucket, {"in/orders/a.csv": ORDERS})
    crawler_over(clients, bucket, S3Targets=[{"Path": f"s3://{bucket}/in/"}])
    crawl(clients, bucket)
    return bucket


def totals(database):
    return f'select customer as "USER_ID", sum(amount) as "TOTAL" from "{database}"."orders" group by customer order by customer'


def test_a_job_runs_sql_over_the_catalog(clients, crawled, server):
    sql_job(clients, crawled, crawled, totals(crawled))
    run = run_job(clients, crawled)
    assert run["JobRunState"] == "SUCCEEDED", run
    rows, keys = output(clients, crawled, crawled)
    assert [(row["USER_ID"], float(row["TOTAL"])) for row in rows] == [("anna", 11.5), ("bert", 7.25)]
    assert all(key.endswith(".csv") for key in keys)
    text = clients.s3.get_object(Bucket=crawled, Key=keys[0])["Body"].read().decode()
    assert text.splitlines()[0] == "USER_ID,TOTAL"
    put(clients, crawled, {"in/orders/a.csv": ORDERS + "4,carl,3.00,2024-02-02\n"})
    assert run_job(clients, crawled)["JobRunState"] == "SUCCEEDED"
    rows, _ = output(clients, crawled, crawled)
    assert [row["USER_ID"] for row in rows] == ["anna", "bert", "carl"], "a second run replaces the first one's result"
    runs = clients.glue.get_job_runs(JobName=crawled)["JobRuns"]
    assert len(runs) == 2 and run["Id"] in [one["Id"] for one in runs]


def test_a_run_may_have_its_own_target_and_format(clients, crawled, server):
    sql_job(clients, crawled, crawled, totals(crawled))
    run = run_job(clients, crawled, Arguments={"--target": f"s3://{crawled}/out/other/", "--format": "parquet"})
    assert run["JobRunState"] == "SUCCEEDED", run
    listed = clients.s3.list_objects_v2(Bucket=crawled, Prefix="out/")["Contents"]
    assert listed and all(entry["Key"].startswith("out/other/") for entry in listed)
    body = clients.s3.get_object(Bucket=crawled, Key=listed[0]["Key"])["Body"].read()
    assert (body[:4], body[-4:]) == (b"PAR1", b"PAR1")


def test_a_job_that_fails_says_where_and_leaves_the_old_result(clients, crawled, server):
    sql_job(clients, crawled, crawled, totals(crawled))
    assert run_job(clients, crawled)["JobRunState"] == "SUCCEEDED"
    before = output(clients, crawled, crawled)
    wrong = f'select nothing from "{crawled}"."no_such_table"'
    clients.s3.put_object(Bucket=crawled, Key=f"scripts/{crawled}.sql", Body=wrong.encode())
    run = run_job(clients, crawled)
    assert run["JobRunState"] == "FAILED"
    assert "no_such_table" in run["ErrorMessage"]
    assert output(clients, crawled, crawled) == before


def test_a_job_without_its_script_fails_by_name(clients, bucket, server):
    clients.glue.create_job(
        Name=bucket,
        Role=ROLE,
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/scripts/missing.sql"},
        DefaultArguments={"--target": f"s3://{bucket}/out/", "--format": "csv"},
    )
    run = run_job(clients, bucket)
    assert run["JobRunState"] == "FAILED"
    assert "missing.sql" in run["ErrorMessage"]


def test_jobs_are_listed_and_deleted(clients, bucket, server):
    glue = clients.glue
    sql_job(clients, bucket, bucket, "select 1 as a")
    job = glue.get_job(JobName=bucket)["Job"]
    assert job["Command"]["ScriptLocation"] == f"s3://{bucket}/scripts/{bucket}.sql"
    assert job["DefaultArguments"]["--format"] == "csv"
    assert bucket in [name for page in pages(glue.list_jobs) for name in page["JobNames"]]
    with pytest.raises(ClientError) as error:
        glue.create_job(Name=bucket, Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/b.sql"})
    assert code(error) == "AlreadyExistsException"
    with pytest.raises(ClientError) as error:
        glue.start_job_run(JobName=f"{bucket}-missing")
    assert code(error) == "EntityNotFoundException"
    glue.delete_job(JobName=bucket)
    with pytest.raises(ClientError) as error:
        glue.get_job(JobName=bucket)
    assert code(error) == "EntityNotFoundException"


def pages(operation):
    """All pages of an operation that has no paginator, two entries each."""
    token = {}
    while True:
        page = operation(MaxResults=2, **token)
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def test_a_trigger_starts_its_job(clients, crawled, server):
    glue = clients.glue
    sql_job(clients, crawled, crawled, totals(crawled))
    glue.create_trigger(Name=crawled, Type="ON_DEMAND", Actions=[{"JobName": crawled}])
    trigger = glue.get_trigger(Name=crawled)["Trigger"]
    assert (trigger["Type"], trigger["State"], trigger["Actions"][0]["JobName"]) == ("ON_DEMAND", "CREATED", crawled)
    glue.start_trigger(Name=crawled)
    run = until(
        "a run by the trigger",
        lambda: [run for run in glue.get_job_runs(JobName=crawled)["JobRuns"] if run["JobRunState"] in ENDED],
    )[0]
    assert (run["JobRunState"], run["TriggerName"]) == ("SUCCEEDED", crawled), run
    assert crawled in [name for page in pages(glue.list_triggers) for name in page["TriggerNames"]]
    glue.delete_trigger(Name=crawled)
    with pytest.raises(ClientError) as error:
        glue.get_trigger(Name=crawled)
    assert code(error) == "EntityNotFoundException"


def test_a_workflow_runs_one_job_after_another(clients, crawled, server):
    glue, first, second = clients.glue, f"{crawled}-1", f"{crawled}-2"
    sql_job(clients, crawled, first, totals(crawled))
    sql_job(clients, crawled, second, f'select count(*) as "N" from "{crawled}"."orders"')
    glue.create_workflow(Name=crawled, Description="two jobs")
    glue.create_trigger(Name=f"{crawled}-start", WorkflowName=crawled, Type="ON_DEMAND", Actions=[{"JobName": first}])
    condition = {"LogicalOperator": "EQUALS", "JobName": first, "State": "SUCCEEDED"}
    glue.create_trigger(
        Name=f"{crawled}-next",
        WorkflowName=crawled,
        Type="CONDITIONAL",
        StartOnCreation=True,
        Predicate={"Logical": "AND", "Conditions": [condition]},
        Actions=[{"JobName": second}],
    )
    assert crawled in [name for page in pages(glue.list_workflows) for name in page["Workflows"]]
    assert glue.get_workflow(Name=crawled)["Workflow"]["Description"] == "two jobs"
    run_id = glue.start_workflow_run(Name=crawled)["RunId"]
    ended = lambda: (run := glue.get_workflow_run(Name=crawled, RunId=run_id)["Run"])["Status"] != "RUNNING" and run
    run = until("the end of the workflow", ended)
    assert (run["Status"], run["Name"]) == ("COMPLETED", crawled)
    statistics = run["Statistics"]
    assert (statistics["TotalActions"], statistics["SucceededActions"], statistics["FailedActions"]) == (2, 2, 0)
    (first_run,), (second_run,) = (glue.get_job_runs(JobName=job)["JobRuns"] for job in (first, second))
    assert first_run["CompletedOn"] <= second_run["StartedOn"]
    assert output(clients, crawled, second)[0] == [{"N": "3"}]
    assert [one["WorkflowRunId"] for one in glue.get_workflow_runs(Name=crawled)["Runs"]] == [run_id]


def test_a_workflow_stops_where_a_job_fails(clients, crawled, server):
    glue, first, second = clients.glue, f"{crawled}-1", f"{crawled}-2"
    sql_job(clients, crawled, first, "select nothing from nowhere")
    sql_job(clients, crawled, second, totals(crawled))
    glue.create_workflow(Name=crawled)
    glue.create_trigger(Name=f"{crawled}-start", WorkflowName=crawled, Type="ON_DEMAND", Actions=[{"JobName": first}])
    condition = {"LogicalOperator": "EQUALS", "JobName": first, "State": "SUCCEEDED"}
    glue.create_trigger(
        Name=f"{crawled}-next", WorkflowName=crawled, Type="CONDITIONAL", StartOnCreation=True,
        Predicate={"Logical": "AND", "Conditions": [condition]}, Actions=[{"JobName": second}],
    )
    run_id = glue.start_workflow_run(Name=crawled)["RunId"]
    ended = lambda: (run := glue.get_workflow_run(Name=crawled, RunId=run_id)["Run"])["Status"] != "RUNNING" and run
    run = until("the end of the workflow", ended)
    assert run["Statistics"]["FailedActions"] == 1 and run["Statistics"]["SucceededActions"] == 0
    assert glue.get_job_runs(JobName=second)["JobRuns"] == []


def test_a_workflow_that_is_not_there(clients, unique, server):
    with pytest.raises(ClientError) as error:
        clients.glue.start_workflow_run(Name=unique)
    assert code(error) == "EntityNotFoundException"
    assert unique in error.value.response["Error"]["Message"]
