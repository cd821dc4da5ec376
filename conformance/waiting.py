"""Personalize has no waiters: every client polls. Ours sleeps shortly, because here things take seconds."""

import time

from botocore.exceptions import ClientError

POLL_S = 0.05


class WaitFailed(Exception):
    """What was waited for ended otherwise, or did not come in time."""


def until(what, look, timeout_s=60):
    """Calls `look` until it gives something true, and gives that."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise WaitFailed(f"{what} did not come in {timeout_s} s")
        time.sleep(POLL_S)


def until_ended(describe, timeout_s=300):
    """Polls `describe` until its status is ACTIVE or a failure, and gives the description."""
    last = {}

    def look():
        last.update(describe())
        return last if last["status"] == "ACTIVE" or last["status"].endswith("FAILED") else None

    try:
        return until("an end", look, timeout_s)
    except WaitFailed as error:
        raise WaitFailed(f"still {last.get('status')} after {timeout_s} s: {last}") from error


def until_active(describe, timeout_s=300):
    found = until_ended(describe, timeout_s)
    if found["status"] != "ACTIVE":
        raise WaitFailed(f"expected ACTIVE, found {found['status']}: {found.get('failureReason')}")
    return found


def until_gone(describe, timeout_s=60):
    def look():
        try:
            describe()
            return False
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return True

    until("the end of a deletion", look, timeout_s)
