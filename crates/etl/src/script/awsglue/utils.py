"""The part of Glue's `awsglue.utils` that Python shell scripts use: the arguments of a job."""

import argparse

BOOKMARK_OPTIONS = ("job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable")
BOOKMARK_RANGE = ("job-bookmark-from", "job-bookmark-to")
# What Glue itself hands over; a script finds it in the result without asking, and may not ask.
RESERVED = ("job-bookmark-option", *BOOKMARK_RANGE, "JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type")
ENCRYPTION_TYPES = ("sse-s3",)
# Two names of one thing; never required.
TEMPORARY_FOLDERS = ("TempDir", "RedshiftTempDir")


class GlueArgumentError(Exception):
    """An argument is missing or cannot be read."""


class GlueArgumentParser(argparse.ArgumentParser):
    """Raises where argparse would end the process."""

    def error(self, message):
        raise GlueArgumentError(message)


def getResolvedOptions(args, options):
    """The values of `options` in `args` (sys.argv), as a dict. An option with hyphens is found under its name with underscores."""
    for name in RESERVED:
        if name in options:
            raise RuntimeError(f"Using reserved arguments {name}")
    parser = GlueArgumentParser()
    choices = {"job-bookmark-option": BOOKMARK_OPTIONS, "encryption-type": ENCRYPTION_TYPES}
    for name in (*RESERVED, *TEMPORARY_FOLDERS):
        parser.add_argument(f"--{name}", choices=choices.get(name))
    for name in options:
        if name not in TEMPORARY_FOLDERS:
            parser.add_argument(f"--{name}", required=True)
    known, _ = parser.parse_known_args(args[1:])
    found = vars(known)
    folder = found["TempDir"] or found["RedshiftTempDir"]
    found.update(dict.fromkeys(TEMPORARY_FOLDERS, folder))
    found["job_bookmark_option"] = found["job_bookmark_option"] or "job-bookmark-disable"
    _check_range(found)
    return found


def _check_range(found):
    """A range goes with a paused bookmark alone, and has both ends."""
    absent = [name for name in BOOKMARK_RANGE if found[name.replace("-", "_")] is None]
    paused = found["job_bookmark_option"] == "job-bookmark-pause"
    if paused and len(absent) == 1:
        raise RuntimeError(f"Missing option or value for --{absent[0]}")
    if not paused and not absent:
        raise RuntimeError("Invalid option(s) " + " ".join(f"--{name}" for name in BOOKMARK_RANGE))
