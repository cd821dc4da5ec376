"""Data deletion jobs as a customer of Personalize uses them."""

import pytest
from botocore.exceptions import ClientError

import two_tastes
from waiting import until


@pytest.fixture(scope="module")
def left_shop(clients):
    """A shop of its own, because people leave it."""
    return two_tastes.Shop(clients, "left-shop").build()


def delete(clients, shop, name, key, body):
    """Runs a job to its end and gives its description."""
    personalize = clients.personalize
    clients.s3.put_object(Bucket=shop.name, Key=key, Body=body)
    arn = personalize.create_data_deletion_job(
        jobName=name, datasetGroupArn=shop.group, roleArn=two_tastes.ROLE, dataSource={"dataLocation": f"s3://{shop.name}/{key}"}
    )["dataDeletionJobArn"]
    assert arn == f"arn:aws:personalize:us-east-1:123456789012:data-deletion-job/{name}"

    def look():
        job = personalize.describe_data_deletion_job(dataDeletionJobArn=arn)["dataDeletionJob"]
        assert job["status"] in ("PENDING", "IN_PROGRESS", "COMPLETED", "FAILED")
        return job if job["status"] in ("COMPLETED", "FAILED") else None

    return until("the end of a deletion", look)


def test_who_is_deleted_is_a_stranger_at_once(clients, left_shop):
    shop = left_shop
    shop.put("session-4", ["red-01", "red-02"], user="user-4")
    stranger = shop.recommend("nobody")
    assert shop.recommend("user-4") != stranger
    other = shop.recommend("user-6")
    had = sum(row[0] in ("user-4", "user-5") for row in two_tastes.rows())
    job = delete(clients, shop, "leave", "leave/users.csv", b"USER_ID\nuser-4\nuser-5\n")
    assert (job["status"], job["numDeleted"]) == ("COMPLETED", had + 2), job
    assert (job["jobName"], job["datasetGroupArn"], job["roleArn"]) == ("leave", shop.group, two_tastes.ROLE)
    assert job["dataSource"] == {"dataLocation": f"s3://{shop.name}/leave/users.csv"} and job["lastUpdatedDateTime"] >= job["creationDateTime"]
    assert shop.recommend("user-4") == shop.recommend("user-5") == stranger
    assert shop.recommend("user-6") == other
    again = delete(clients, shop, "leave-again", "leave/users.csv", b"USER_ID\nuser-4\nuser-5\n")
    assert (again["status"], again["numDeleted"]) == ("COMPLETED", 0)


def test_jobs_are_listed_and_failures_say_why(clients, left_shop):
    job = delete(clients, left_shop, "no-ids", "ids.csv", b"NAME\nuser-7\n")
    assert job["status"] == "FAILED" and "USER_ID" in job["failureReason"] and "numDeleted" not in job, job
    listed = clients.personalize.list_data_deletion_jobs(datasetGroupArn=left_shop.group)["dataDeletionJobs"]
    found = {entry["jobName"]: entry for entry in listed}["no-ids"]
    assert (found["status"], found["datasetGroupArn"]) == ("FAILED", left_shop.group) and found["failureReason"]
    assert "dataSource" not in found
    with pytest.raises(ClientError) as refused:
        delete(clients, left_shop, "no-ids", "ids.csv", b"USER_ID\nuser-7\n")
    assert refused.value.response["Error"]["Code"] == "ResourceAlreadyExistsException"
    with pytest.raises(ClientError) as unknown:
        clients.personalize.describe_data_deletion_job(dataDeletionJobArn=job["dataDeletionJobArn"] + "-not")
    assert unknown.value.response["Error"]["Code"] == "ResourceNotFoundException"
