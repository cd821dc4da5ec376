"""What running things costs by itself, beside Prefect and Dagster in the same run. Called by `bench/run overhead`.

Every figure is the median of interleaved rounds. Each round of the 40 steps is a process that does the chain several times, on a fresh
database beside the others in one temporary folder; what is started before the clock (a worker, Prefect's server, imports) is said in
the table's foot, and so is what each has stored before the next step begins.
"""

import argparse
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from measure import machine
from reading import ROOT
from server import Server, free_port

PEERS = ROOT / "bench" / "peers"
STEPS = 40
TIMES = 5
PARTS = ["penchant", "peers", "start", "simulation"]

CHAINS = {
    "penchant": "Penchant, a workflow of 40 jobs that do nothing",
    "prefect flows": "Prefect {prefect}, 40 flows in a flow, state stored before the next",
    "dagster": "Dagster {dagster}, 40 ops, executor in one process, events stored before the next",
    "prefect tasks": "Prefect {prefect}, 40 tasks, states stored later",
    "prefect results": "Prefect {prefect}, 40 tasks, results in files before the next, states stored later",
}

FOOT = """
Alike: 40 steps that do nothing, each after the one before, on SQLite with a write-ahead log on the same disk; worker, server and imports are
there before the clock starts; the first time of a process counts like the others. Not alike: Penchant waits for the disk at every commit
(synchronous FULL), and its steps go through a queue that several workers could share. Prefect's flows do without the wait (NORMAL) and speak
to a server over HTTP, which Penchant's worker does not need. Prefect sends the states of tasks in the background: the column `stored` says how
many of the 40 its database knew as completed when the last had ended; up to a second of these two is its wait for a heartbeat's thread at the
end of the flow. Dagster runs steps in the caller's process, in one plan without a
queue; SQLite's default (FULL) holds for its event log. The console's log level is ERROR for both peers, their telemetry and Prefect's UI are off.
Of the queue, the first thousands may be partly done while the last are being submitted; then they look cheaper than they are.
The past runs are copies of real ones of the same installation, a year of them with three lines of log each, without their notifications."""

PROJECT = """
project: overhead
buckets: [out]
limits: {{history_days: 400}}
crawlers:
- Name: lake
  DatabaseName: lake
  Targets: {{S3Targets: [{{Path: "{lake}/"}}]}}
jobs:
- Name: small
  Spec:
    Sql: {{Query: "SELECT * FROM lake.small", Target: {{Location: "s3://out/small/", Format: csv}}}}
"""


def progress(text):
    print(text, file=sys.stderr, flush=True)


def peer(name):
    """A Python with one peer in the pinned versions, made on first use."""
    venv = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penchant" / "bench-peers" / name
    python = venv / "bin" / "python"
    requirements = (PEERS / f"{name}.txt").read_text()
    made = venv / "requirements"
    if not made.exists() or made.read_text() != requirements:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", PEERS / f"{name}.txt"], check=True)
        made.write_text(requirements)
    return python


def version(name):
    return re.search(rf"^{name}==(.*)$", (PEERS / f"{name}.txt").read_text(), re.MULTILINE).group(1)


def lines_of_json(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} {command[1]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Prefect:
    """One server with a database of its own, for one round of each way to write the chain."""

    def __init__(self, folder):
        self.python, self.folder, self.process = peer("prefect"), folder, None

    def __enter__(self):
        self.folder.mkdir(parents=True)
        port = free_port()
        api = f"http://127.0.0.1:{port}/api"
        settings = {"HOME": str(self.folder), "API_URL": api, "LOGGING_LEVEL": "ERROR", "SERVER_ANALYTICS_ENABLED": "false", "SERVER_UI_ENABLED": "false"}
        # What somebody set for a Prefect of their own has no say here.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        self.env = clean | {f"PREFECT_{name}": value for name, value in settings.items()} | {"DO_NOT_TRACK": "1"}
        self.log = open(self.folder / "server.log", "wb")
        command = [self.python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        self.process = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 120
        while not self.healthy(f"{api}/health"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise SystemExit(f"Prefect's server did not start: {(self.folder / 'server.log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        return self

    @staticmethod
    def healthy(url):
        try:
            return urllib.request.urlopen(url, timeout=5).read() == b"true"
        except OSError:
            return False

    def chain(self, what):
        command = [self.python, PEERS / "prefect_chain.py", what, str(STEPS), str(TIMES)]
        return lines_of_json(command, env=self.env, cwd=self.folder)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def dagster(folder):
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return lines_of_json([peer("dagster"), PEERS / "dagster_chain.py", str(STEPS), str(TIMES)], env=os.environ | {"DAGSTER_HOME": str(folder)}, cwd=folder)


def example(binary):
    """What `crates/workflow/examples/overhead.rs` prints: the chain several times, then the queue by thousands."""
    done = subprocess.run([binary], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{binary} ended with {done.returncode}: {done.stderr[-2000:]}")
    chain = [int(ms) for ms in re.findall(r"actions in sequence, round \d+: (\d+) ms", done.stdout)]
    thousands = [int(ms) for ms in re.findall(r"the next 1000: (\d+) ms", done.stdout)]
    submitted = re.search(r"runs queued: (\d+) ms", done.stdout)
    if not chain or len(thousands) != 10 or not submitted:
        raise SystemExit(f"expected rounds, the queue and ten thousands of {binary}, found:\n{done.stdout}")
    return {"chain": [{"ms": ms, "storedAtEnd": STEPS} for ms in chain], "submittedMs": int(submitted.group(1)), "thousandsMs": thousands}


def chains(folder, rounds, binary, with_peers):
    """The interleaved rounds: all the times of each chain, and of the queue."""
    taken, queued = {name: [] for name in CHAINS}, []
    for number in range(rounds):
        if binary:
            found = example(binary)
            queued.append(found)
            taken["penchant"] += found["chain"]
        if with_peers:
            taken["dagster"] += dagster(folder / f"dagster-{number}")
            with Prefect(folder / f"prefect-{number}") as prefect:
                for what in ("tasks", "results", "flows"):
                    taken[f"prefect {what}"] += prefect.chain(what)
        said = ", ".join(f"{name} {statistics.median(one['ms'] for one in times[-TIMES:]):.0f} ms" for name, times in taken.items() if times)
        progress(f"round {number + 1} of {rounds}: {said}")
    return {name: times for name, times in taken.items() if times}, queued


class Installation:
    """A project with a job over one row, and with so many runs in its past."""

    def __init__(self, folder, binary, past):
        self.folder, self.binary, self.past = folder, binary, past
        lake = folder / "lake" / "small"
        lake.mkdir(parents=True)
        (lake / "a.csv").write_text("id,name\n1,one\n")
        (folder / "penchant.yaml").write_text(PROJECT.format(lake=folder / "lake"))
        for command in (["apply"], ["crawl"], ["job", "run", "small"]):
            self(*command)
        if past:
            self.fill()

    def __call__(self, *command):
        """Milliseconds of a command, and what it printed."""
        began = time.monotonic()
        done = subprocess.run([self.binary, "--dir", self.folder, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        took = time.monotonic() - began
        if done.returncode != 0:
            raise SystemExit(f"penchant {' '.join(command)} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        return took * 1000, done.stdout

    def fill(self):
        """Copies the runs there are, in turn, over the year that ends an hour before them; each with three lines of log."""
        connection = sqlite3.connect(self.folder / ".penchant" / "metadata.db")
        names = [row[1] for row in connection.execute("PRAGMA table_info(runs)") if row[1] != "seq"]
        real = connection.execute(f"SELECT {', '.join(names)} FROM runs WHERE state = 'succeeded' AND parent = '' ORDER BY seq").fetchall()
        if not real:
            raise SystemExit("expected a crawl and a job that succeeded in the new installation, found no run")
        year, hour = 365 * 86_400_000, 3_600_000
        with connection:
            for number in range(self.past):
                run = dict(zip(names, real[number % len(real)]))
                back = hour + year * (self.past - number) // self.past
                for name in ("created_ms", "started_ms", "ended_ms", "not_before_ms"):
                    run[name] -= back
                run["id"], run["dedup"] = f"{run['kind']}-past{number:06}", None
                connection.execute(f"INSERT INTO runs ({', '.join(run)}) VALUES ({', '.join('?' * len(run))})", list(run.values()))
                lines = [(run["id"], "info", f"Line {line} of a run long ago.", run["started_ms"]) for line in range(3)]
                connection.executemany("INSERT INTO run_logs (run, level, line, created_ms) VALUES (?, ?, ?, ?)", lines)
        connection.close()

    def count(self):
        with sqlite3.connect(f"file:{self.folder / '.penchant' / 'metadata.db'}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM runs").fetchone()[0]

    def round(self):
        """Milliseconds of the start until it listens, of `penchant runs`, and of a job run."""
        server = Server(self.binary, self.folder)
        began = time.monotonic()
        server.start()
        try:
            found = {"startMs": (time.monotonic() - began) * 1000}
            found["runsMs"], printed = self("runs", "--json", "-n", "20")
            found["jobMs"], _ = self("job", "run", "small")
            found["jobInServerMs"] = self.job_in_server(server.clients().glue)
            found["memoryMiB"] = server.rss_mib()
            listed = len(json.loads(printed))
            if self.past and listed != 20:
                raise SystemExit(f"expected 20 runs of `penchant runs`, found {listed}")
        finally:
            server.stop()
        return found

    @staticmethod
    def job_in_server(glue):
        """From the call until GetJobRun says that it has ended."""
        began = time.monotonic()
        run = glue.start_job_run(JobName="small")["JobRunId"]
        while (state := glue.get_job_run(JobName="small", RunId=run)["JobRun"]["JobRunState"]) in ("STARTING", "RUNNING", "WAITING"):
            time.sleep(0.002)
        if state != "SUCCEEDED":
            raise SystemExit(f"the job over one row ended as {state}")
        return (time.monotonic() - began) * 1000


def starts(folder, binary, past, rounds):
    places = {"none": Installation(folder / "none", binary, 0), "past": Installation(folder / "past", binary, past)}
    taken = {name: [] for name in places}
    for number in range(rounds):
        for name, place in places.items():
            taken[name].append(place.round())
            progress(f"start, round {number + 1} of {rounds}, {name}: {taken[name][-1]['startMs']:.0f} ms")
    if (kept := places["past"].count()) < past:
        raise SystemExit(f"expected all {past} past runs to be there at the end, found {kept}: they were forgotten meanwhile")
    return {name: {what: statistics.median(one[what] for one in rows) for what in rows[0]} for name, rows in taken.items()} | {"pastRuns": past}


def simulation(rounds, profile):
    """Histories a minute, as the test itself says."""
    command = ["cargo", "test", "--locked", "--profile", profile, "-p", "runs", "--test", "simulation", "--", "--nocapture", "every_history"]
    found = []
    for _ in range(rounds):
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
        said = re.search(r"(\d+) histories, .*; (\d+) histories a minute", done.stdout)
        if not said:
            raise SystemExit(f"expected `histories a minute` of the simulation, found:\n{done.stdout[-2000:]}")
        found.append(int(said.group(2)))
        progress(f"simulation: {said.group(0)}")
    return {"histories": int(said.group(1)), "perMinute": statistics.median(found)}


def cargo_build(profile, *what):
    subprocess.run(["cargo", "build", "--locked", "--profile", profile, *what], cwd=ROOT, check=True)
    return Path(os.environ["CARGO_TARGET_DIR"]) / {"dev": "debug"}.get(profile, profile)


def print_table(found):
    named = found["machine"]
    print(f"\nMachine: {named['cpu']}, {named['cores']} cores, {named['memoryGiB']} GiB; load before: {named['loadBefore']:.2f}; rounds: {found['rounds']}.\n")
    if chained := found.get("chains"):
        print("| 40 steps in sequence, SQLite | median | lowest to highest | stored |\n|---|---|---|---|")
        for name, one in chained.items():
            title = CHAINS[name].format(prefect=version("prefect"), dagster=version("dagster"))
            print(f"| {title} | {one['ms']:.0f} ms | {one['lowestMs']:.0f} to {one['highestMs']:.0f} ms | {one['storedAtEnd']:.0f} |")
        print()
    rows = []
    if queue := found.get("queue"):
        first, *_, last = (ms / 1000 for ms in queue["thousandsMs"])
        rows.append(("10,000 runs queued: a run among the first thousand, among the last", f"{first:.2f} ms, {last:.2f} ms"))
        rows.append(("… every thousand in turn", ", ".join(f"{ms:.0f}" for ms in queue["thousandsMs"]) + " ms"))
        rows.append(("… submitting one, a hundred in a transaction", f"{queue['submitMs']:.2f} ms"))
    if start := found.get("start"):
        none, past = start["none"], start["past"]
        beside = lambda what, unit="ms": f"{none[what]:.0f} {unit}, {past[what]:.0f} {unit}"
        rows.append((f"`penchant serve` until it listens, with no past run and with {start['pastRuns']:,}", beside("startMs")))
        rows.append(("… `penchant runs`", beside("runsMs")))
        rows.append(("… `penchant job run` over one row", beside("jobMs")))
        rows.append(("… the same by StartJobRun, until GetJobRun says that it succeeded", beside("jobInServerMs")))
        rows.append(("… memory of the server", beside("memoryMiB", "MiB")))
    if played := found.get("simulation"):
        rows.append(("histories of the queue that the simulation plays in a minute", f"{played['perMinute']:,.0f}"))
    if rows:
        print("| what | measured |\n|---|---|")
        print("\n".join(f"| {what} | {measured} |" for what, measured in rows))
    print(FOOT)


def summary(times):
    ms = [one["ms"] for one in times]
    stored = statistics.median(one["storedAtEnd"] for one in times)
    return {"ms": statistics.median(ms), "lowestMs": min(ms), "highestMs": max(ms), "times": len(ms), "storedAtEnd": stored}


def main():
    parser = argparse.ArgumentParser(prog="bench/run overhead", description=__doc__)
    parser.add_argument("--profile", default="release", help="of what is built: release (about an hour for the server), quick or dev")
    parser.add_argument("--binary", type=Path, help="measure the start of this penchant instead of building one")
    parser.add_argument("--example", type=Path, help="the built example overhead of the crate workflow, instead of building it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--past", type=int, default=100_000, help="past runs of the second installation")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="penchant and simulation need cargo, or --example")
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "overhead.json", help="where the figures go")
    options = parser.parse_args()
    example_binary, binary = None, None
    if "penchant" in options.parts:
        example_binary = options.example or cargo_build(options.profile, "-p", "workflow", "--example", "overhead") / "examples" / "overhead"
    if "start" in options.parts:
        binary = (options.binary or cargo_build(options.profile, "-p", "penchant") / "penchant").resolve()
    found = {"machine": machine(), "profile": options.profile, "binary": "given" if options.binary else "built", "rounds": options.rounds}
    folder = Path(tempfile.mkdtemp(prefix="penchant-bench-"))
    try:
        taken, queued = chains(folder, options.rounds, example_binary, "peers" in options.parts) if {"penchant", "peers"} & set(options.parts) else ({}, [])
        found["chains"] = {name: summary(taken[name]) for name in CHAINS if name in taken}
        if queued:
            found["queue"] = {"submitMs": statistics.median(one["submittedMs"] for one in queued) / 10_000}
            found["queue"]["thousandsMs"] = [statistics.median(place) for place in zip(*(one["thousandsMs"] for one in queued))]
        if binary:
            found["start"] = starts(folder, binary, options.past, options.rounds)
        if "simulation" in options.parts:
            found["simulation"] = simulation(options.rounds, options.profile)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_table(found)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
