"""COUNT steps that do nothing, one after the other, in one Prefect flow: `prefect_chain.py tasks|results|flows COUNT TIMES`.

`tasks`: as one writes them. Their states go to the server in the background: the next task does not wait until they are stored.
`results`: the same, and the result of each is a file before the next begins, so that a second try would not do them again.
`flows`: each step is a flow in the flow, which waits until the server has stored its states; that compares with a run of Penchant.

A synchronous flow waits up to a second at its end for the thread of its heartbeat. So `flows` are async; the chain of tasks is not,
since from an async flow they take two to three times as long, which is more than that second.

Prints a line of JSON for each time: the milliseconds, and how many of the steps the server's database knew as completed when the last
one had ended. All of them must be known a minute later.
"""

import asyncio
import json
import os
import sqlite3
import sys
import time
from pathlib import Path

from prefect import flow, task

what, count, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
TASKS = "SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED' AND name LIKE 'step-%'"
FLOWS = "SELECT count(*) FROM flow_run JOIN flow ON flow.id = flow_run.flow_id WHERE flow_run.state_type = 'COMPLETED' AND flow.name = 'step'"


@task(name="step", persist_result=what == "results")
def step_task(number):
    return number


@flow(name="step")
async def step_flow(number):
    return number


@flow(name="chain")
def chain_of_tasks():
    for number in range(count):
        step_task(number)


@flow(name="chain")
async def chain_of_flows():
    for number in range(count):
        await step_flow(number)


def stored():
    metadata = Path(os.environ["PREFECT_HOME"]) / "prefect.db"
    with sqlite3.connect(f"file:{metadata}?mode=ro", uri=True) as connection:
        return connection.execute(FLOWS if what == "flows" else TASKS).fetchone()[0]


for _ in range(times):
    before, began = stored(), time.monotonic()
    if what == "flows":
        asyncio.run(chain_of_flows())
    else:
        chain_of_tasks()
    took = time.monotonic() - began
    print(json.dumps({"ms": took * 1000, "storedAtEnd": stored() - before}), flush=True)
    deadline = time.monotonic() + 60
    while stored() - before < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"expected {count} completed {what} in Prefect's database a minute after the flow, found {stored() - before}")
        time.sleep(0.05)
