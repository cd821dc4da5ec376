"""The AWS CLI, set up with nothing but what `penchant credentials` prints: an endpoint, a credentials file, a profile."""

import json
import subprocess
import sys

from server import environment


def aws(server, *arguments):
    """Runs the AWS CLI and gives what it printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "awscli", *arguments],
        env=environment(server),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_s3_copies_and_lists(server, bucket, tmp_path):
    source, back = tmp_path / "a file.csv", tmp_path / "back.csv"
    source.write_text("USER_ID,ITEM_ID\n1,2\n")
    aws(server, "s3", "cp", str(source), f"s3://{bucket}/in/a file.csv")
    assert bucket in aws(server, "s3", "ls")
    assert "a file.csv" in aws(server, "s3", "ls", f"s3://{bucket}/in/")
    aws(server, "s3", "cp", f"s3://{bucket}/in/a file.csv", str(back))
    assert back.read_text() == source.read_text()


def test_personalize_lists_recipes(server):
    listed = json.loads(aws(server, "personalize", "list-recipes", "--output", "json"))
    assert "aws-popularity-count" in [recipe["name"] for recipe in listed["recipes"]]


def test_personalize_runtime_recommends(server, shop):
    command = ["personalize-runtime", "get-recommendations", "--campaign-arn", shop.campaign, "--user-id", "user-0"]
    listed = json.loads(aws(server, *command, "--num-results", "5", "--output", "json"))
    assert [entry["itemId"] for entry in listed["itemList"]] == shop.recommend("user-0", 5)


def test_glue_lists_databases(server, clients, unique):
    clients.glue.create_database(DatabaseInput={"Name": unique})
    assert unique in aws(server, "glue", "get-databases", "--output", "json")
