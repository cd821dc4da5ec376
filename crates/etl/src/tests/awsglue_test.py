"""What Glue's own getResolvedOptions does with the same arguments."""

import unittest

from awsglue.utils import GlueArgumentError, getResolvedOptions

ALWAYS = {
    "job_bookmark_option": "job-bookmark-disable",
    "job_bookmark_from": None,
    "job_bookmark_to": None,
    "JOB_ID": None,
    "JOB_RUN_ID": None,
    "SECURITY_CONFIGURATION": None,
    "encryption_type": None,
    "TempDir": None,
    "RedshiftTempDir": None,
}


def resolved(options, *args):
    return getResolvedOptions(["script.py", *args], options)


class GetResolvedOptions(unittest.TestCase):
    def test_asked_options_come_with_what_glue_always_gives(self):
        found = resolved(["JOB_NAME", "day"], "--JOB_NAME", "load", "--JOB_RUN_ID", "jr_1", "--day", "2025-01-01")
        self.assertEqual(found, ALWAYS | {"JOB_NAME": "load", "JOB_RUN_ID": "jr_1", "day": "2025-01-01"})

    def test_both_ways_of_writing_and_unknown_options(self):
        found = resolved(["a"], "--a=1 2", "--b", "x", "plain")
        self.assertEqual(found, ALWAYS | {"a": "1 2"})

    def test_hyphens_become_underscores(self):
        self.assertEqual(resolved(["my-day"], "--my-day", "1")["my_day"], "1")

    def test_numbers_below_zero_are_values(self):
        self.assertEqual(resolved(["offset"], "--offset", "-5")["offset"], "-5")

    def test_missing_options_and_values_are_glue_argument_errors(self):
        for options, args in ((["a"], []), (["a"], ["--a"]), (["a", "b"], ["--a", "--b", "1"])):
            with self.assertRaises(GlueArgumentError):
                resolved(options, *args)
        with self.assertRaisesRegex(GlueArgumentError, "required: --a"):
            resolved(["a"])

    def test_reserved_names_may_not_be_asked_for(self):
        for name in ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "job-bookmark-option", "job-bookmark-from"):
            with self.assertRaisesRegex(RuntimeError, f"Using reserved arguments {name}"):
                resolved([name], f"--{name}", "x")

    def test_the_temporary_folder_has_two_names_and_is_never_required(self):
        self.assertIsNone(resolved(["TempDir"])["TempDir"])
        for name in ("TempDir", "RedshiftTempDir"):
            found = resolved([], f"--{name}", "s3://shop/tmp/")
            self.assertEqual((found["TempDir"], found["RedshiftTempDir"]), ("s3://shop/tmp/",) * 2)

    def test_bookmarks(self):
        self.assertEqual(resolved([], "--job-bookmark-option", "job-bookmark-enable")["job_bookmark_option"], "job-bookmark-enable")
        with self.assertRaises(GlueArgumentError):
            resolved([], "--job-bookmark-option", "on")
        paused = ["--job-bookmark-option", "job-bookmark-pause", "--job-bookmark-from", "1"]
        with self.assertRaisesRegex(RuntimeError, "job-bookmark-to"):
            resolved([], *paused)
        self.assertEqual(resolved([], *paused, "--job-bookmark-to", "2")["job_bookmark_to"], "2")
        with self.assertRaises(RuntimeError):
            resolved([], "--job-bookmark-from", "1", "--job-bookmark-to", "2")


if __name__ == "__main__":
    unittest.main()
