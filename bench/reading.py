"""Reading and crawling sources, against named peers in the same run. Called by `bench/run sources`.

Every figure is the median of interleaved rounds; peak memory is what the kernel counted for the process (maximum resident set).
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

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "conformance"))

import sources  # noqa: E402
from measure import machine  # noqa: E402

ORDERS = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer int, product text, quantity int, price numeric(10,2), placed timestamptz, note text);
INSERT INTO orders SELECT n, n % 100003, 'product ' || n % 5000, n % 7 + 1, (n % 100000) / 100.0,
  timestamptz '2020-01-01' + n * interval '11 seconds', CASE WHEN n % 3 = 0 THEN 'note on order ' || n END FROM generate_series(1, {rows}) AS n;
VACUUM ANALYZE orders;
"""

PROJECT = """
project: bench
buckets: [out]
connections:
- Name: pg
  ConnectionType: JDBC
  ConnectionProperties: {{JDBC_CONNECTION_URL: "{url}", USERNAME: shop, PASSWORD: "{password}"}}
crawlers:
- Name: pg
  DatabaseName: shop
  Targets: {{JdbcTargets: [{{ConnectionName: pg, Path: "{path}"}}]}}
jobs:
- Name: all
  Spec:
    Sql: {{Query: "SELECT * FROM shop.{database}_public_orders", Target: {{Location: "s3://out/orders/", Format: parquet}}}}
"""


def measured(command, **options):
    """Seconds, and MiB of memory at most, of one program."""
    started = time.monotonic()
    done = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    errors = done.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(done.pid, 0)
    if status != 0:
        raise SystemExit(f"{command[0]} ended with {status}: {errors[-2000:]}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def project(folder, postgres, database, path):
    folder.mkdir(parents=True)
    text = PROJECT.format(url=postgres.url(database), password=sources.PASSWORD, path=path, database=database)
    (folder / "penchant.yaml").write_text(text)
    return folder


def penchant(binary, folder, *command):
    return measured([str(binary), "--dir", str(folder), *command])


DUCKDB = """
import duckdb, importlib.util, sys, pathlib
db = duckdb.connect()
db.execute("SET threads = 2")
found = next(pathlib.Path(importlib.util.find_spec("duckdb_extension_postgres_scanner").origin).parent.rglob("*.duckdb_extension"))
db.load_extension(str(found))
db.execute("ATTACH '" + sys.argv[1].replace("'", "''") + "' AS pg (TYPE postgres, READ_ONLY)")
db.execute("COPY (SELECT * FROM pg.public.orders) TO '" + sys.argv[2] + "' (FORMAT parquet, COMPRESSION zstd)")
"""


def to_parquet(binary, python, postgres, folder, rows, rounds):
    """A table of PostgreSQL as one Parquet file."""
    postgres.sql("postgres", "CREATE DATABASE reading")
    postgres.sql("reading", ORDERS.format(rows=rows))
    home = project(folder / "reading", postgres, "reading", "reading/public/%")
    penchant(binary, home, "apply")
    penchant(binary, home, "crawl")
    login = f"host=127.0.0.1 port={postgres.port} user=shop password='{sources.PASSWORD}' dbname=reading"
    peers = {
        "penchant": lambda: penchant(binary, home, "job", "run", "all"),
        "psql COPY BINARY to /dev/null": lambda: measured(
            ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "shop", "-d", "reading", "-c", "COPY orders TO STDOUT (FORMAT binary)"],
            env=os.environ | {"PGPASSWORD": sources.PASSWORD},
        ),
        "DuckDB postgres scanner to Parquet": lambda: measured([str(python), "-c", DUCKDB, login, str(folder / "duck.parquet")]),
    }
    taken = {name: [] for name in peers}
    for number in range(rounds):
        for name, run in peers.items():
            taken[name].append(run())
            print(f"round {number + 1} of {rounds}, {name}: {taken[name][-1][0]:.1f} s", file=sys.stderr, flush=True)
    found = {name: {"seconds": statistics.median(t for t, _ in runs), "peakMiB": max(m for _, m in runs)} for name, runs in taken.items()}
    base = found["penchant"]["seconds"]
    for one in found.values():
        one["ratio"] = base / one["seconds"]
    return {"rows": rows, "rounds": rounds, "peers": found}


def crawl(binary, postgres, folder, count):
    """Seconds of the first crawl of a database with so many tables, and of the next one, which finds nothing new."""
    database = f"wide{count}"
    postgres.sql("postgres", f"CREATE DATABASE {database}")
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(["int", "text", "numeric(12,2)", "timestamptz", "boolean", "varchar(40)", "date", "double precision"]))
    for start in range(0, count, 500):
        statements = [f"CREATE TABLE table_{n} (id bigint PRIMARY KEY, {columns});" for n in range(start, min(start + 500, count))]
        postgres.sql(database, "\n".join(statements))
    home = project(folder / database, postgres, database, f"{database}/public/%")
    penchant(binary, home, "apply")
    first, peak = penchant(binary, home, "crawl")
    print(f"crawl of {count} tables: {first:.1f} s", file=sys.stderr, flush=True)
    again, _ = penchant(binary, home, "crawl")
    return {"tables": count, "firstSeconds": first, "againSeconds": again, "tablesPerMinute": count / first * 60, "peakMiB": peak}


def inspect(binary, folder, count):
    """Seconds of the crawl of one folder with so many CSV files."""
    home, lake = folder / "files", folder / "lake"
    lake.mkdir()
    for n in range(count):
        rows = "".join(f"{n * 30 + m},customer {m},{m}.50,2024-01-{m % 28 + 1:02d} 10:00:00\n" for m in range(30))
        (lake / f"part-{n:05d}.csv").write_text("id,customer,amount,placed\n" + rows)
    home.mkdir()
    (home / "penchant.yaml").write_text(
        f"project: files\ncrawlers:\n- Name: files\n  DatabaseName: lake\n  Targets: {{S3Targets: [{{Path: \"{lake}/\"}}]}}\n"
    )
    penchant(binary, home, "apply")
    seconds, peak = penchant(binary, home, "crawl")
    return {"files": count, "seconds": seconds, "peakMiB": peak}


def build(profile):
    """A binary with the connector that is measured."""
    command = ["cargo", "build", "--locked", "--profile", profile, "-p", "penchant", "--features", "postgres"]
    subprocess.run(command, cwd=ROOT, check=True)
    return Path(os.environ["CARGO_TARGET_DIR"]) / {"dev": "debug"}.get(profile, profile) / "penchant"


def peer_python():
    """A Python with the peer, made on first use."""
    venv = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penchant" / "bench-peers"
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", ROOT / "bench" / "requirements.txt"], check=True)
    return python


def main():
    parser = argparse.ArgumentParser(prog="bench/run sources", description=__doc__)
    parser.add_argument("--profile", default="release", help="of the binary: release (about an hour to build), quick or dev")
    parser.add_argument("--binary", type=Path, help="measure this penchant instead of building one")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tables", type=int, nargs="*", default=[3000, 17000])
    parser.add_argument("--files", type=int, default=10_000)
    options = parser.parse_args()
    binary = options.binary or build(options.profile)
    folder = Path(tempfile.mkdtemp(prefix="penchant-bench-"))
    postgres = sources.Postgres()
    try:
        found = {"machine": machine(), "binary": "given" if options.binary else options.profile}
        if options.rows:
            found["postgresToParquet"] = to_parquet(binary, peer_python(), postgres, folder, options.rows, options.rounds)
        found["crawls"] = [crawl(binary, postgres, folder, count) for count in options.tables]
        if options.files:
            found["csvInference"] = inspect(binary, folder, options.files)
        print(json.dumps(found, indent=1))
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
