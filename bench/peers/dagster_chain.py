"""COUNT ops that do nothing, one after the other, in one Dagster job: `dagster_chain.py COUNT TIMES`.

By the executor that works in one process; it writes every event of a step to the instance's SQLite before it goes on. Prints a line of
JSON for each time: the milliseconds, and how many steps the event log knew as succeeded when the job had ended.
"""

import json
import sys
import time

from dagster import DagsterEventType, DagsterInstance, execute_job, in_process_executor, job, op, reconstructable

# What is written to the terminal is no part of the work.
QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}

count, times = int(sys.argv[1]), int(sys.argv[2])


@op
def begin():
    return 0


@op
def step(number):
    return number + 1


@job(executor_def=in_process_executor)
def chain():
    number = begin()
    for index in range(1, count):
        number = step.alias(f"step_{index}")(number)


if __name__ == "__main__":
    with DagsterInstance.get() as instance:
        for _ in range(times):
            began = time.monotonic()
            with execute_job(reconstructable(chain), instance=instance, run_config=QUIET) as result:
                took = time.monotonic() - began
                succeeded = instance.all_logs(result.run_id, of_type=DagsterEventType.STEP_SUCCESS)
            print(json.dumps({"ms": took * 1000, "storedAtEnd": len(succeeded)}), flush=True)
            if not result.success or len(succeeded) != count:
                raise SystemExit(f"expected {count} steps that succeeded in Dagster's event log, found {len(succeeded)}")
