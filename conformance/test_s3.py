"""The embedded S3 endpoint, as boto3 uses S3."""

import os
import urllib.request

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

KEYS = ["plain.csv", "with space.csv", "ümläut/ñandú.csv", "日本語/表.csv", "a+b&c=d.csv", "deep/er/and/deeper.csv", "per%20cent.csv"]


def code(error):
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize("key", KEYS)
def test_an_object_comes_back_as_it_was_put(clients, bucket, server, key):
    body = f"content of {key} €".encode() + os.urandom(1000)
    put = clients.s3.put_object(Bucket=bucket, Key=key, Body=body)
    got = clients.s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == body
    assert got["ContentLength"] == len(body)
    assert got["ETag"] == put["ETag"]
    head = clients.s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (len(body), put["ETag"])
    listed = clients.s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [(entry["Key"], entry["Size"]) for entry in listed] == [(key, len(body))]
    clients.s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in clients.s3.list_objects_v2(Bucket=bucket)


def test_an_empty_object(clients, bucket, server):
    clients.s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert clients.s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""


def test_the_same_key_again_replaces_the_object(clients, bucket, server):
    for body in b"a long first body", b"short":
        clients.s3.put_object(Bucket=bucket, Key="k", Body=body)
        assert clients.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_part_of_an_object(clients, bucket, server):
    clients.s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = clients.s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-5")
    assert (got["Body"].read(), got["ResponseMetadata"]["HTTPStatusCode"]) == (b"2345", 206)
    assert clients.s3.get_object(Bucket=bucket, Key="k", Range="bytes=-3")["Body"].read() == b"789"


def test_listing_by_prefix_delimiter_and_page(clients, bucket, server):
    keys = sorted(["top.csv", "in/a.csv", "in/b.csv", "in/deep/c.csv", "other/d e.csv", "ü/e.csv"])
    for key in keys:
        clients.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    listed = clients.s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["top.csv"]
    assert [entry["Prefix"] for entry in listed["CommonPrefixes"]] == ["in/", "other/", "ü/"]
    listed = clients.s3.list_objects_v2(Bucket=bucket, Prefix="in/", Delimiter="/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["in/a.csv", "in/b.csv"]
    pages = list(clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert len(pages) == 3
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys


def test_many_objects_are_deleted_in_one_call(clients, bucket, server):
    for number in range(5):
        clients.s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x")
    wanted = {"Objects": [{"Key": f"k{number}"} for number in range(4)]}
    assert len(clients.s3.delete_objects(Bucket=bucket, Delete=wanted)["Deleted"]) == 4
    assert [entry["Key"] for entry in clients.s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k4"]


def test_a_copy_is_a_second_object(clients, bucket, server):
    clients.s3.put_object(Bucket=bucket, Key="from here.csv", Body=b"content")
    clients.s3.copy_object(Bucket=bucket, Key="to/there.csv", CopySource={"Bucket": bucket, "Key": "from here.csv"})
    clients.s3.delete_object(Bucket=bucket, Key="from here.csv")
    assert clients.s3.get_object(Bucket=bucket, Key="to/there.csv")["Body"].read() == b"content"


def test_a_large_file_goes_up_in_parts_and_comes_down_whole(clients, bucket, tmp_path, server):
    source, target = tmp_path / "up", tmp_path / "down"
    source.write_bytes(os.urandom(13 * 1024 * 1024 + 17))
    parts = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024, max_concurrency=3)
    clients.s3.upload_file(str(source), bucket, "größe/big file.bin", Config=parts)
    etag = clients.s3.head_object(Bucket=bucket, Key="größe/big file.bin")["ETag"]
    clients.s3.download_file(bucket, "größe/big file.bin", str(target), Config=parts)
    assert target.read_bytes() == source.read_bytes()
    assert etag


def test_an_aborted_upload_leaves_nothing(clients, bucket, server):
    upload = clients.s3.create_multipart_upload(Bucket=bucket, Key="half")["UploadId"]
    clients.s3.upload_part(Bucket=bucket, Key="half", UploadId=upload, PartNumber=1, Body=b"x" * 1000)
    clients.s3.abort_multipart_upload(Bucket=bucket, Key="half", UploadId=upload)
    with pytest.raises(ClientError) as error:
        clients.s3.complete_multipart_upload(
            Bucket=bucket, Key="half", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]}
        )
    assert code(error) == "NoSuchUpload"
    assert clients.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_buckets_are_listed_and_deleted_when_empty(clients, bucket, server):
    assert bucket in [entry["Name"] for entry in clients.s3.list_buckets()["Buckets"]]
    clients.s3.head_bucket(Bucket=bucket)
    clients.s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(ClientError) as error:
        clients.s3.delete_bucket(Bucket=bucket)
    assert code(error) == "BucketNotEmpty"
    clients.s3.delete_object(Bucket=bucket, Key="k")
    clients.s3.delete_bucket(Bucket=bucket)
    assert bucket not in [entry["Name"] for entry in clients.s3.list_buckets()["Buckets"]]


def test_a_presigned_url_needs_no_client(clients, bucket, server):
    clients.s3.put_object(Bucket=bucket, Key="with space.csv", Body=b"content")
    url = clients.s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "with space.csv"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"content"


def test_what_is_not_there_is_named(clients, bucket, unique, server):
    with pytest.raises(ClientError) as error:
        clients.s3.get_object(Bucket=bucket, Key="missing")
    assert code(error) == "NoSuchKey"
    with pytest.raises(ClientError) as error:
        clients.s3.get_object(Bucket=f"{unique}-missing", Key="k")
    assert code(error) == "NoSuchBucket"
    with pytest.raises(ClientError) as error:
        clients.s3.head_object(Bucket=bucket, Key="missing")
    assert code(error) == "404"


def test_no_key_reaches_a_file_outside_its_bucket(clients, bucket, server):
    for key in "../../outside", "a/../../../outside", "..%2f..%2foutside":
        try:
            clients.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        except ClientError as error:
            assert 400 <= error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    found = [path for path in server.folder.parent.rglob("*outside*")]
    assert all(bucket in path.parts for path in found), found
