"""A heterogeneous landscape of real data: every set in the kind of store that it would live in, all crawled into one catalog.

The expected catalog is data (landscape/expected.json), reviewed by eye. PENCHANT_WRITE_EXPECTED=1 writes it anew.
"""

import csv
import gzip
import http.server
import io
import json
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import sources
from test_glue import columns, crawl, put, run_job, sql_job
from waiting import until

sys.path.insert(0, str(Path(__file__).parent / "landscape"))
import load  # noqa: E402

ROLE = "arn:aws:iam::123456789012:role/GlueRole"
EXPECTED = Path(__file__).parent / "landscape" / "expected.json"
LAKE = f"lake-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def landscape(shared_data, clients, tmp_path_factory):
    if shared_data is None:
        pytest.skip("the real data sets are not here (../shared/data or PENCHANT_SHARED_DATA)")
    servers = {}
    try:
        servers["kafka"] = sources.Kafka()
        servers["postgres"] = sources.Postgres()
        servers["mariadb"] = sources.MariaDb()
        servers["mongo"] = sources.Mongo()
        load.postgres(servers["postgres"], shared_data)
        chinook = load.chinook_sqlite(tmp_path_factory.mktemp("chinook"), shared_data)
        load.mariadb(servers["mariadb"], chinook)
        load.mongo(servers["mongo"], shared_data)
        assert load.bucket(clients.s3, LAKE, shared_data) == 305
        load.kafka(servers["kafka"], shared_data)
        connect(clients, servers, chinook)
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def connect(clients, servers, chinook):
    postgres, mariadb = servers["postgres"], servers["mariadb"]
    for database in ("chinook", "northwind", "sakila"):
        connection(clients, f"pg-{database}", "JDBC", JDBC_CONNECTION_URL=postgres.url(database), USERNAME="shop", PASSWORD=sources.PASSWORD)
    connection(clients, "my-chinook", "JDBC", JDBC_CONNECTION_URL=mariadb.url("chinook"), USERNAME="shop", PASSWORD=sources.PASSWORD)
    connection(clients, "lite-chinook", "JDBC", JDBC_CONNECTION_URL=f"jdbc:sqlite:{chinook}")
    connection(clients, "congress", "MONGODB", CONNECTION_URL=f"mongodb://127.0.0.1:{servers['mongo'].port}/congress")
    connection(clients, "stream", "KAFKA", **servers["kafka"].properties())


def connection(clients, name, kind, **properties):
    clients.glue.create_connection(ConnectionInput={"Name": name, "ConnectionType": kind, "ConnectionProperties": properties})


TARGETS = {
    "pg-chinook": {"JdbcTargets": [{"ConnectionName": "pg-chinook", "Path": "chinook/public/%"}]},
    "pg-northwind": {"JdbcTargets": [{"ConnectionName": "pg-northwind", "Path": "northwind/public/%"}]},
    "pg-sakila": {"JdbcTargets": [{"ConnectionName": "pg-sakila", "Path": "sakila/public/%"}]},
    "my-chinook": {"JdbcTargets": [{"ConnectionName": "my-chinook", "Path": "chinook/%"}]},
    "lite-chinook": {"JdbcTargets": [{"ConnectionName": "lite-chinook", "Path": "%"}]},
    "congress": {"MongoDBTargets": [{"ConnectionName": "congress", "Path": "congress/%", "ScanAll": True}]},
    "stream": {"JdbcTargets": [{"ConnectionName": "stream", "Path": "%"}]},
    "lake": {
        "S3Targets": [
            {"Path": f"s3://{LAKE}/gift_cards/"},
            {"Path": f"s3://{LAKE}/online_retail/"},
            {"Path": f"s3://{LAKE}/complete_journey/"},
        ]
    },
}


def tables(clients, database):
    pages = clients.glue.get_paginator("get_tables").paginate(DatabaseName=database)
    return {table["Name"]: table for page in pages for table in page["TableList"]}


@pytest.fixture(scope="module")
def crawled(landscape, clients):
    """One database of the catalog for each source."""
    for name, targets in TARGETS.items():
        database = name.replace("-", "_")
        clients.glue.create_crawler(Name=name, Role=ROLE, DatabaseName=database, Targets=targets)
    for name in TARGETS:
        crawl(clients, name)
    return {name.replace("-", "_"): tables(clients, name.replace("-", "_")) for name in TARGETS}


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "lake"])
def test_every_connection_passes_its_test_and_shows_no_secret(landscape, clients, name):
    clients.glue.test_connection(ConnectionName=name)
    shown = clients.glue.get_connection(Name=name)["Connection"]
    assert sources.PASSWORD not in json.dumps(shown, default=str)


def test_no_secret_lies_in_the_store(landscape, server):
    for file in (server.folder / ".penchant").glob("metadata.db*"):
        assert sources.PASSWORD.encode() not in file.read_bytes(), file


def test_a_connection_that_fails_names_the_step(landscape, clients):
    postgres = landscape["postgres"]
    url = postgres.url("chinook")

    def failure(**properties):
        given = {"JDBC_CONNECTION_URL": url, "USERNAME": "shop", "PASSWORD": sources.PASSWORD, "CONNECT_RETRIES": "0"} | properties
        wanted = {"ConnectionType": "JDBC", "ConnectionProperties": given}
        with pytest.raises(ClientError) as error:
            clients.glue.test_connection(TestConnectionInput=wanted)
        return str(error.value)

    assert "failed at authentication" in failure(PASSWORD="wrong")
    assert "failed at TCP" in failure(JDBC_CONNECTION_URL=f"jdbc:postgresql://127.0.0.1:{sources.free_port()}/chinook")
    assert "failed at DNS" in failure(JDBC_CONNECTION_URL="jdbc:postgresql://no-such-host.invalid:5432/chinook")
    assert "failed at database" in failure(JDBC_CONNECTION_URL=postgres.url("nothing"))
    assert "failed at TLS" in failure(TLS_MODE="verify-full")


def test_the_whole_landscape_becomes_one_catalog(crawled):
    found = {
        database: {
            name: {
                "classification": table["Parameters"].get("classification"),
                "rows": table["Parameters"].get("recordCount"),
                "key": table["Parameters"].get("primaryKey"),
                "partitions": [key["Name"] for key in table.get("PartitionKeys", [])],
                "columns": [f"{column} {kind}" for column, kind in columns(table)],
            }
            for name, table in sorted(of_database.items())
        }
        for database, of_database in crawled.items()
    }
    # What a server estimates is not the same each time.
    for database in ("pg_chinook", "pg_northwind", "pg_sakila", "my_chinook"):
        for table in found[database].values():
            table.pop("rows")
    if os.environ.get("PENCHANT_WRITE_EXPECTED"):
        EXPECTED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    expected = json.loads(EXPECTED.read_text())
    assert set(found) == set(expected)
    for database in expected:
        assert found[database] == expected[database], database


def rows_of(clients, bucket, name):
    body = clients.s3.get_object(Bucket=bucket, Key=f"out/{name}/part-00000.csv")["Body"].read().decode()
    return list(csv.DictReader(io.StringIO(body)))


def test_rows_of_every_source_meet_in_one_job(crawled, clients, bucket, unique):
    """Counted by what each set's documentation says."""
    parts = {
        "postgres": ("pg_sakila.sakila_public_rental", 16044),
        "mariadb": ("my_chinook.chinook_track", 3503),
        "sqlite": ("lite_chinook.invoiceline", 2240),
        "mongodb": ("congress.congress_legislators_current", 537),
        "kafka": ("stream.reviews", 2972),
        "csv": ("lake.online_retail", 541909),
        "json": ("lake.meta_gift_cards", 1547),
        "parquet": ("lake.demographics", 801),
    }
    counts = " UNION ALL ".join(f"SELECT '{kind}' AS kind, count(*) AS n FROM {table}" for kind, (table, _) in parts.items())
    sql_job(clients, bucket, unique, counts)
    run = run_job(clients, unique)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    found = {row["kind"]: int(row["n"]) for row in rows_of(clients, bucket, unique)}
    assert found == {kind: n for kind, (_, n) in parts.items()}


def test_sources_are_joined_and_nested_members_read(crawled, clients, bucket, unique):
    query = """
        SELECT t.name AS track, i.invoicedate AS sold, r.overall AS stars, m."name"['last'] AS member
        FROM pg_chinook.chinook_public_track t
        JOIN lite_chinook.invoiceline l ON l."TrackId" = t.track_id
        JOIN lite_chinook.invoice i ON i."InvoiceId" = l."InvoiceId"
        JOIN stream.reviews r ON r._partition = 0 AND r._offset = t.track_id
        JOIN congress.congress_legislators_current m ON m."name"['last'] = 'Cantwell'
        WHERE t.track_id = 2
    """.replace("i.invoicedate", 'i."InvoiceDate"')
    sql_job(clients, bucket, unique, query)
    run = run_job(clients, unique)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    rows = rows_of(clients, bucket, unique)
    assert rows and {row["track"] for row in rows} == {"Balls to the Wall"} and {row["member"] for row in rows} == {"Cantwell"}, rows


TRICKY = {
    "postgres": """
        CREATE TABLE tricky (id int PRIMARY KEY, uid uuid, word varchar(9), fixed char(5), free numeric, price numeric(10,2), at timestamptz, day date, flag boolean, kind text COLLATE "C", wide bigint);
        INSERT INTO tricky VALUES
          (1, '00000000-0000-0000-0000-000000000001', 'a', 'abc', 1.5, 1.50, '2020-01-01 00:00:00+00', '2020-01-01', true, 'x', 9007199254740993),
          (2, '00000000-0000-0000-0000-000000000002', 'A', 'abc ', 1.50, 2.25, 'infinity', 'infinity', false, 'X', -9007199254740993),
          (3, '00000000-0000-0000-0000-000000000001', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          (4, NULL, 'é', 'é', 2, -0.01, '2021-06-01 12:00:00+02', '2021-06-01', true, 'x', 1)
    """,
    "mariadb": """
        CREATE DATABASE tricky CHARACTER SET utf8mb4; USE tricky; SET sql_mode = '';
        CREATE TABLE tricky (id int PRIMARY KEY, uid varchar(40), word varchar(9), fixed char(5), free double, price decimal(10,2), at datetime, day date, flag tinyint(1), kind text, wide bigint);
        INSERT INTO tricky VALUES
          (1, 'u1', 'a', 'abc', 1.5, 1.50, '2020-01-01 00:00:00', '2020-01-01', 1, 'x', 9007199254740993),
          (2, 'u2', 'A', 'abc ', 1.5, 2.25, '0000-00-00 00:00:00', '0000-00-00', 2, 'X ', -9007199254740993),
          (3, 'u1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          (4, NULL, 'é', 'é', 2, -0.01, '2021-06-01 12:00:00', '2021-06-01', 0, 'x', 1)
    """,
}

# Each is asked of the table in its database, where the engine sends there what it can, and of a copy in a file.
QUESTIONS = [
    "SELECT word, count(*) AS n FROM {t} GROUP BY word",
    "SELECT kind, count(*) AS n, sum(price) AS p FROM {t} GROUP BY kind",
    "SELECT fixed, count(*) AS n FROM {t} GROUP BY fixed",
    "SELECT free, count(*) AS n FROM {t} GROUP BY free",
    "SELECT flag, count(*) AS n FROM {t} GROUP BY flag",
    "SELECT day, count(*) AS n FROM {t} GROUP BY day",
    "SELECT count(day) AS n, min(day) AS a, max(day) AS b, min(at) AS c, max(at) AS d, sum(wide) AS w, sum(price * price) AS pp FROM {t}",
    "SELECT count(*) AS n FROM {t} WHERE day IS NULL",
    "SELECT count(*) AS n FROM {t} WHERE fixed = 'abc' OR word = 'a'",
    "SELECT count(*) AS n, count(DISTINCT uid) AS u FROM {t} WHERE at > TIMESTAMP '2020-01-01 00:00:00' OR flag",
    "SELECT a.id AS a, b.id AS b FROM {t} a JOIN {t} b ON a.kind = b.kind AND a.id < b.id",
    "SELECT a.id AS a, b.id AS b FROM {t} a JOIN {t} b ON a.uid = b.uid",
    "SELECT a.id FROM {t} a LEFT JOIN {t} b ON a.day = b.day WHERE b.id IS NULL",
    "SELECT count(*) AS n FROM {t} a CROSS JOIN {t} b",
    "SELECT id FROM {t} ORDER BY uid, id LIMIT 2",
    "SELECT id FROM {t} ORDER BY word DESC NULLS LAST, id LIMIT 2",
    "SELECT id FROM {t} ORDER BY day NULLS FIRST, id LIMIT 3",
    "SELECT 1 + 1 AS two, count(*) AS n FROM {t} GROUP BY 1 + 1",
    "SELECT row_number() OVER () AS n FROM {t} a JOIN {t} b ON a.id = b.id",
    "SELECT count(*) AS n FROM {t} WHERE id IN (SELECT id FROM {t} WHERE wide > 0)",
]


@pytest.mark.parametrize("kind", TRICKY)
def test_databases_compute_what_we_would(landscape, clients, bucket, unique, kind):
    server = landscape[kind]
    if kind == "postgres":
        server.sql("postgres", "CREATE DATABASE tricky")
        server.sql("tricky", TRICKY[kind])
    else:
        server.sql(TRICKY[kind])
    connection(clients, unique, "JDBC", JDBC_CONNECTION_URL=server.url("tricky"), USERNAME="shop", PASSWORD=sources.PASSWORD)
    database = unique.replace("-", "_")
    clients.glue.create_crawler(Name=unique, Role=ROLE, DatabaseName=database, Targets={"JdbcTargets": [{"ConnectionName": unique, "Path": "tricky/%"}]})
    crawl(clients, unique)
    [table] = [f"{database}.{name}" for name in tables(clients, database)]
    sql_job(clients, bucket, f"{unique}-copy", f"SELECT * FROM {table}", "parquet")
    run = run_job(clients, f"{unique}-copy")
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    described = clients.glue.get_table(DatabaseName=database, Name=table.split(".")[1])["Table"]
    parquet = {"Location": f"s3://{bucket}/out/{unique}-copy/", "Columns": described["StorageDescriptor"]["Columns"]}
    clients.glue.create_table(DatabaseName=database, TableInput={"Name": "copy", "StorageDescriptor": parquet, "Parameters": {"classification": "parquet"}})
    wrong = []
    for number, question in enumerate(QUESTIONS):
        answers = []
        for place in (table, f"{database}.copy"):
            name = f"{unique}-{number}-{place.split('.')[1]}"
            sql_job(clients, bucket, name, question.format(t=place))
            run = run_job(clients, name)
            text = run.get("ErrorMessage") or clients.s3.get_object(Bucket=bucket, Key=f"out/{name}/part-00000.csv")["Body"].read().decode()
            answers.append(sorted(text.splitlines()[1:]) if run["JobRunState"] == "SUCCEEDED" else text)
        if answers[0] != answers[1] or isinstance(answers[0], str):
            wrong.append((question, *answers))
    assert not wrong, "\n".join(map(str, wrong))


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.received = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_a_change_is_noticed_before_it_breaks_something(crawled, landscape, clients, bucket, unique, receiver):
    """A column goes in PostgreSQL: the crawl lists it, somebody is told, and it is said which job breaks."""
    events = clients.client("events")
    pattern = {"source": ["aws.glue"], "detail": {"databaseName": ["pg_northwind"], "changes": {"kind": ["column_removed", "column_renamed"]}}}
    events.put_rule(Name=unique, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=unique, Targets=[{"Id": "hook", "Arn": f"http://127.0.0.1:{receiver.server_port}/changed"}])
    sql_job(clients, bucket, unique, "SELECT ship_name, count(*) AS n FROM pg_northwind.northwind_public_orders GROUP BY ship_name")
    run = run_job(clients, unique)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    landscape["postgres"].sql("northwind", "ALTER TABLE orders DROP COLUMN ship_name; ALTER TABLE orders ADD COLUMN gift boolean; ALTER TABLE orders ALTER COLUMN freight TYPE numeric(12, 4)")
    crawl(clients, "pg-northwind")
    last = clients.glue.list_crawls(CrawlerName="pg-northwind", MaxResults=1)["Crawls"][0]
    assert "ship_name" in last["Summary"] and "gift" in last["Summary"], last["Summary"]
    told = until("a notification", lambda: receiver.received, 20)[0]
    headers, body = told
    assert body["specversion"] == "1.0" and "ship_name" in json.dumps(body), body
    assert headers.get("webhook-id") or headers.get("Webhook-Id"), headers
    impact = until("the answer", lambda: impact_of(clients, "pg_northwind", "northwind_public_orders"))
    broken = [affected for affected in impact["Affected"] if affected["Name"] == unique]
    assert broken and broken[0]["Effect"] == "BREAKS" and broken[0]["Kind"] == "JOB", impact
    failed = run_job(clients, unique)
    assert failed["JobRunState"] == "FAILED" and "ship_name" in failed["ErrorMessage"], failed


def impact_of(clients, database, table):
    """An operation of ours: signed as any other, unknown to botocore's model."""
    import urllib.request

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    body = json.dumps({"DatabaseName": database, "TableName": table, "Since": "last"}).encode()
    headers = {"X-Amz-Target": "AWSGlue.PenchantGetImpact", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", clients.endpoint + "/", data=body, headers=headers)
    SigV4Auth(clients.session.get_credentials(), "glue", "us-east-1").add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(clients.endpoint + "/", data=body, headers=dict(request.headers))) as answer:
        return json.loads(answer.read())


def test_bad_input_is_reported_and_loses_nothing(landscape, clients, server, bucket, unique):
    postgres, mongo = landscape["postgres"], landscape["mongo"]
    postgres.sql("postgres", "CREATE DATABASE bad")
    postgres.sql("bad", "\n".join(f"CREATE TABLE t{n} (id int PRIMARY KEY, v text); INSERT INTO t{n} VALUES (1, 'x');" for n in range(10)))
    postgres.sql("bad", "CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE SELECT ON t7 FROM reader")
    postgres.sql("bad", 'CREATE TABLE nothing (); CREATE TABLE "Ünï \'q\' ""d"" 🛒 select" ("a b" int, "select" text); GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE SELECT ON t7 FROM reader')
    postgres.sql("bad", "CREATE FUNCTION fails() RETURNS int LANGUAGE sql AS 'SELECT 1/0'; CREATE VIEW broken AS SELECT fails() AS v; GRANT SELECT ON broken TO reader")
    mongo.client.bad.keys.insert_many([{f"key{n}_{m}": m for m in range(100)} for n in range(100)])
    whole = gzip.compress(b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n) for n in range(20000)))
    files = {
        "lake/cut/a.csv.gz": whole[: len(whole) // 2],
        "lake/half/a.parquet": b"PAR1" + b"\x00" * 500,
        "lake/ragged/a.csv": b"id,name,price\n" + b"".join(b"%d,name,2.5\n" % n for n in range(50)) + b"50,b\n51,c,4.5,extra\n52,d,1\n",
        "lake/good/a.csv": b"id,name\n1,a\n2,b\n",
    }
    for key, body in files.items():
        clients.s3.put_object(Bucket=bucket, Key=key, Body=body)
    database = unique.replace("-", "_")
    connection(clients, f"{unique}-pg", "JDBC", JDBC_CONNECTION_URL=postgres.url("bad"), USERNAME="reader", PASSWORD="reader")
    connection(clients, f"{unique}-mongo", "MONGODB", CONNECTION_URL=f"mongodb://127.0.0.1:{mongo.port}/bad")
    targets = {
        "JdbcTargets": [{"ConnectionName": f"{unique}-pg", "Path": "bad/public/%"}],
        "MongoDBTargets": [{"ConnectionName": f"{unique}-mongo", "Path": "bad/%", "ScanAll": True}],
        "S3Targets": [{"Path": f"s3://{bucket}/lake/"}],
    }
    clients.glue.create_crawler(Name=unique, Role=ROLE, DatabaseName=database, Targets=targets)
    crawl(clients, unique)
    found = tables(clients, database)
    last = clients.glue.list_crawls(CrawlerName=unique, MaxResults=1)["Crawls"][0]
    problems = json.loads(last["Summary"])["PROBLEMS"]
    assert {"bad_public_t0", "bad_public_t9", "good", "ragged", "bad_keys"} <= set(found), sorted(found)
    assert "bad_public_broken" in found and any("select" in name for name in found), sorted(found)
    assert len(columns(found["bad_keys"])) <= 1100
    places = " ".join(problem["place"] for problem in problems)
    for expected in ("t7", "nothing", "cut", "half"):
        assert expected in places, (expected, problems)
    # Rows of other lengths leave the table usable: the crawl's log tells them.
    log = subprocess.run([server.binary, "--dir", server.folder, "logs", last["CrawlId"]], capture_output=True, text=True, check=True).stdout
    assert "ragged" in log and "line 52" in log, log
    # What was crawled before stays when its place cannot be read.
    before = set(found)
    postgres.sql("bad", "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM reader")
    clients.s3.put_object(Bucket=bucket, Key="lake/good/a.csv", Body=b"\x1f\x8b\x08\x00broken")
    crawl(clients, unique)
    after = tables(clients, database)
    assert set(after) == before
    assert not [name for name, table in after.items() if "DEPRECATED_BY_CRAWLER" in table["Parameters"]]
