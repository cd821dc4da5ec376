"""Exports of interactions to the CSV of Personalize, from Parquet and from CSV, against named peers in the same run. Called by
`bench/run exports`.

The rows are those of a real grocer (complete-journey), repeated with other users and later times. Every peer is one process with two
threads; seconds are the median of interleaved rounds, peak memory is what the kernel counted for the process (maximum resident set).
All results are compared: the same number of rows, the same sums of every column.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import machine
from reading import ROOT, build, measured, peer_python
from server import Server

THREADS = 2
MEMORY_MIB = 512
FILES = 16
COLUMNS = {"household_id": "BIGINT", "store_id": "BIGINT", "basket_id": "BIGINT", "product_id": "BIGINT", "quantity": "BIGINT"}
COLUMNS |= {"sales_value": "DOUBLE", "transaction_timestamp": "TIMESTAMP", "event_type": "VARCHAR"}

SELECT = """SELECT household_id AS "USER_ID", product_id AS "ITEM_ID", CAST({seconds} AS BIGINT) AS "TIMESTAMP",
event_type AS "EVENT_TYPE", sales_value AS "EVENT_VALUE" FROM {table}"""
EPOCH = "EXTRACT(EPOCH FROM transaction_timestamp)"

PROJECT = """
project: exports
buckets: [out]
limits: {{job_memory_mib: {memory}}}
crawlers:
- Name: lake
  DatabaseName: lake
  Targets: {{S3Targets: [{targets}]}}
jobs:
{jobs}
"""

JOB = """- Name: from_{kind}
  Spec:
    Sql: {{Query: '{query}', Target: {{Location: "s3://out/{kind}/", Format: csv}}}}"""

GENERATE = """
import duckdb, sys
transactions, folder, rows, files = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
db = duckdb.connect()
db.execute("SET threads = 2; SET memory_limit = '2GB'; SET preserve_insertion_order = false")
count = db.execute("SELECT count(*) FROM read_parquet(?)", [transactions]).fetchone()[0]
each = rows // files
for file in range(files):
    # From where the last file ended on, over the repetitions that this needs.
    first = file * each
    last = rows if file == files - 1 else first + each
    db.execute(f'''CREATE OR REPLACE TEMP TABLE part AS
        SELECT household_id + 2500 * copy AS household_id, store_id, basket_id + 100000000 * copy AS basket_id, product_id, quantity, sales_value,
               transaction_timestamp + to_days(copy::INTEGER) AS transaction_timestamp,
               CASE WHEN coupon_disc > 0 THEN 'coupon purchase' ELSE 'purchase' END AS event_type
        FROM (SELECT *, file_row_number AS number FROM read_parquet('{transactions}', file_row_number = true)),
             range({first // count}, {(last - 1) // count + 1}) AS copies(copy)
        WHERE copy * {count} + number >= {first} AND copy * {count} + number < {last}''')
    db.execute(f"COPY part TO '{folder}/parquet_rows/{file:02}.parquet' (FORMAT parquet)")
    db.execute(f"COPY part TO '{folder}/csv_rows/{file:02}.csv' (FORMAT csv, HEADER)")
"""

DUCKDB = """
import duckdb, sys
db = duckdb.connect()
db.execute(f"SET threads = {sys.argv[1]}; SET memory_limit = '{sys.argv[2]}MiB'; SET preserve_insertion_order = false")
db.execute(sys.argv[3])
"""

SUMS = """
import duckdb, json, sys
kinds = "{'USER_ID': 'BIGINT', 'ITEM_ID': 'BIGINT', 'TIMESTAMP': 'BIGINT', 'EVENT_TYPE': 'VARCHAR', 'EVENT_VALUE': 'DOUBLE'}"
query = f'''SELECT count(*), sum("USER_ID"), sum("ITEM_ID"), sum("TIMESTAMP"), sum(CAST(round("EVENT_VALUE" * 100) AS BIGINT)),
sum(hash("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", CAST(round("EVENT_VALUE" * 100) AS BIGINT)))
FROM read_csv(?, header = true, columns = {kinds})'''
db = duckdb.connect()
db.execute("SET threads = 2; SET enable_progress_bar = false")
print(json.dumps([str(value) for value in db.execute(query, [sys.argv[1]]).fetchone()]))
"""

# What Java no longer gives to everybody, and Spark needs.
OPENED = ["lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util", "util.concurrent", "util.concurrent.atomic"]
OPENED = [f"java.base/java.{name}" for name in OPENED] + ["java.base/sun.nio.ch", "java.base/sun.nio.cs", "java.base/sun.security.action", "java.base/sun.util.calendar"]


class Place:
    """A folder with the rows of both kinds and what is made of them."""

    def __init__(self, folder, python, rows):
        self.folder, self.python, self.rows = folder, python, rows

    def generate(self):
        shared = Path(os.environ.get("PENCHANT_SHARED_DATA") or ROOT.parent / "shared" / "data")
        transactions = shared / "complete-journey" / "transactions.parquet"
        if not transactions.is_file():
            raise SystemExit(f"expected the rows of complete-journey in {transactions}; found none (see PENCHANT_SHARED_DATA)")
        for name in ("parquet_rows", "csv_rows", "parquet_one", "csv_one", "spark", "tmp"):
            (self.folder / name).mkdir()
        measured([self.python, "-c", GENERATE, transactions, self.folder, str(self.rows), str(min(FILES, self.rows))])
        one = f"COPY (SELECT * FROM read_parquet('{self.folder}/parquet_rows/00.parquet') LIMIT 1) TO '{self.folder}/parquet_one/a.parquet'"
        measured([self.python, "-c", DUCKDB, str(THREADS), str(MEMORY_MIB), one])

    def sums(self, pattern):
        found = subprocess.run([self.python, "-c", SUMS, pattern], check=True, capture_output=True, text=True)
        return json.loads(found.stdout)

    def input_mib(self, kind):
        return sum(file.stat().st_size for file in (self.folder / f"{kind}_rows").iterdir()) >> 20


class Penchant:
    def __init__(self, place, binary):
        self.place, self.binary, self.home = place, binary, place.folder / "project"
        self.home.mkdir()
        tables = {"parquet": "parquet_rows", "csv": "csv_rows", "one": "parquet_one"}
        targets = ", ".join(f'{{Path: "{place.folder}/{table}/"}}' for table in tables.values())
        query = {kind: " ".join(SELECT.format(seconds=EPOCH, table=f"lake.{table}").split()) for kind, table in tables.items()}
        jobs = "\n".join(JOB.format(kind=kind, query=query[kind]) for kind in tables)
        (self.home / "penchant.yaml").write_text(PROJECT.format(memory=MEMORY_MIB, targets=targets, jobs=jobs))
        self("apply")
        self("crawl")

    def __call__(self, *command):
        return measured([self.binary, "--dir", self.home, *command])

    def export(self, kind):
        return self("job", "run", f"from_{kind}")

    def result(self, kind):
        # A bucket is a folder of the project; where exactly is nobody's business but this one's.
        found = [file for file in self.home.rglob("part-00000.csv") if file.parent.name == kind]
        if len(found) != 1:
            raise SystemExit(f"expected one file of the job from_{kind} below {self.home}, found {len(found)}")
        return str(found[0])

    def cold_start(self, rounds):
        """Milliseconds of a job over one row: as the run says in a server that runs, and of the whole command."""
        commands = [self.export("one")[0] * 1000 for _ in range(rounds)]
        server = Server(self.binary, self.home).start()
        try:
            glue, runs = server.clients().glue, []
            for _ in range(rounds):
                run = glue.start_job_run(JobName="from_one")["JobRunId"]
                while (found := glue.get_job_run(JobName="from_one", RunId=run)["JobRun"])["JobRunState"] in ("STARTING", "RUNNING", "WAITING"):
                    time.sleep(0.02)
                if found["JobRunState"] != "SUCCEEDED":
                    raise SystemExit(f"the job over one row ended as {found['JobRunState']}: {found.get('ErrorMessage')}")
                runs.append((found["CompletedOn"] - found["StartedOn"]).total_seconds() * 1000)
        finally:
            server.stop()
        return {"rounds": rounds, "runInServerMs": statistics.median(runs), "commandMs": statistics.median(commands)}


class DuckDb:
    def __init__(self, place):
        self.place = place

    def export(self, kind):
        folder = self.place.folder
        kinds = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
        tables = {"parquet": f"read_parquet('{folder}/parquet_rows/*.parquet')"}
        tables["csv"] = f"read_csv('{folder}/csv_rows/*.csv', header = true, columns = {kinds})"
        select = SELECT.format(seconds=EPOCH, table=tables[kind])
        copy = f"COPY ({select}) TO '{self.result(kind)}' (FORMAT csv, HEADER)"
        return measured([self.place.python, "-c", DUCKDB, str(THREADS), str(MEMORY_MIB), copy])

    def result(self, kind):
        return f"{self.place.folder}/duckdb-{kind}.csv"


class Spark:
    """The same engine as PySpark's, by its own command line: the work is one SQL statement, in which Python has no part."""

    def __init__(self, place, jars):
        self.place, self.jars = place, jars

    def export(self, kind):
        folder = self.place.folder
        shutil.rmtree(folder / "spark" / kind, ignore_errors=True)
        columns = ", ".join(f"{name} {kind.replace('VARCHAR', 'STRING')}" for name, kind in COLUMNS.items())
        options = f"path '{folder}/{kind}_rows'" + (", header 'true'" if kind == "csv" else "")
        view = f"CREATE TEMPORARY VIEW rows_read {f'({columns})' if kind == 'csv' else ''} USING {kind} OPTIONS ({options})"
        select = SELECT.format(seconds="unix_timestamp(transaction_timestamp)", table="rows_read").replace('"', "`")
        write = f"INSERT OVERWRITE DIRECTORY '{folder}/spark/{kind}' USING csv OPTIONS (header 'true') {select}"
        command = ["java", "-Xmx2g", *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED), "-cp", f"{self.jars}/*"]
        command += ["org.apache.spark.deploy.SparkSubmit", "--master", f"local[{THREADS}]", "--driver-memory", "2g"]
        settings = {"ui.enabled": "false", "local.dir": f"{folder}/tmp", "driver.bindAddress": "127.0.0.1", "driver.host": "127.0.0.1"}
        settings |= {"sql.session.timeZone": "UTC", "sql.catalogImplementation": "in-memory", "sql.warehouse.dir": f"{folder}/tmp/warehouse"}
        for name, value in settings.items():
            command += ["--conf", f"spark.{name}={value}"]
        command += ["--class", "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver", "spark-internal", "-e", f"{view}; {write};"]
        return measured(command, cwd=folder / "tmp", env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"})

    def result(self, kind):
        return f"{self.place.folder}/spark/{kind}/part-*.csv"


def compare(place, peers, kind, rounds):
    """Figures of one kind of files; a ratio is Penchant's share of the peer's time."""
    taken, sums = {name: [] for name in peers}, {}
    for number in range(rounds):
        for name, peer in peers.items():
            taken[name].append(peer.export(kind))
            print(f"{kind}, round {number + 1} of {rounds}, {name}: {taken[name][-1][0]:.1f} s", file=sys.stderr, flush=True)
    for name, peer in peers.items():
        sums[name] = place.sums(peer.result(kind))
    if any(found != sums["penchant"] for found in sums.values()) or sums["penchant"][0] != str(place.rows):
        raise SystemExit(f"expected the same {place.rows} rows of all from {kind}, found (count, sums) {json.dumps(sums)}")
    found = {name: {"seconds": statistics.median(t for t, _ in runs), "peakMiB": max(m for _, m in runs)} for name, runs in taken.items()}
    base = found["penchant"]["seconds"]
    for one in found.values():
        one["ratio"] = base / one["seconds"]
        one["rowsPerSecond"] = round(place.rows / one["seconds"])
    return {"inputMiB": place.input_mib(kind), "sameRows": True, "peers": found}


def main():
    parser = argparse.ArgumentParser(prog="bench/run exports", description=__doc__)
    parser.add_argument("--profile", default="release", help="of the binary: release (about an hour to build), quick or dev")
    parser.add_argument("--binary", type=Path, help="measure this penchant instead of building one")
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-spark", action="store_true")
    options = parser.parse_args()
    binary = options.binary or build(options.profile)
    jars = Path(os.environ.get("PENCHANT_SERVICES") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penchant" / "services") / "spark" / "jars"
    found = {"machine": machine(), "binary": "given" if options.binary else options.profile, "rows": options.rows, "rounds": options.rounds}
    found |= {"threads": THREADS, "memoryMiB": MEMORY_MIB}
    folder = Path(tempfile.mkdtemp(prefix="penchant-bench-"))
    try:
        place = Place(folder, peer_python(), options.rows)
        place.generate()
        peers = {"penchant": Penchant(place, binary), "DuckDB": DuckDb(place)}
        if options.no_spark or not jars.is_dir():
            found["spark"] = "not run" if options.no_spark else f"not run: {jars} is absent (.ci/services installs it)"
        else:
            peers["Spark local"] = Spark(place, jars)
        for kind in ("parquet", "csv"):
            found[kind] = compare(place, peers, kind, options.rounds)
        found["coldStart"] = peers["penchant"].cold_start(max(options.rounds, 5))
        print(json.dumps(found, indent=1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
