"""The rest of Glue's catalog, as boto3 uses it: connections, classifiers, partitions, versions, statistics, search, paging."""

import datetime
import sqlite3

import pytest
from botocore.exceptions import ClientError

from server import free_port


def refused(call, **arguments):
    """Code and message of the exception that the call must give."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


def table(name, *columns, keys=(), **more):
    return {
        "Name": name,
        "StorageDescriptor": {"Columns": [{"Name": column, "Type": kind} for column, kind in columns]},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in keys],
    } | more


@pytest.fixture
def sales(clients, unique):
    """A database of this name with a table `sales`, partitioned by day and shop."""
    clients.glue.create_database(DatabaseInput={"Name": unique})
    keys = [("day", "date"), ("shop", "int")]
    clients.glue.create_table(DatabaseName=unique, TableInput=table("sales", ("id", "bigint"), ("name", "string"), keys=keys))
    return {"DatabaseName": unique, "TableName": "sales"}


def partition(day, shop):
    columns = [{"Name": "id", "Type": "bigint"}]
    location = f"s3://somewhere/sales/{day}/{shop}/"
    return {"Values": [day, str(shop)], "StorageDescriptor": {"Columns": columns, "Location": location}}


def test_a_connection_is_tested_step_by_step(clients, unique, tmp_path, server):
    glue = clients.glue
    path = tmp_path / "shop.db"
    given = {"Name": unique, "ConnectionType": "SQLITE", "ConnectionProperties": {"PATH": str(path)}}
    assert glue.create_connection(ConnectionInput=given | {"ValidateCredentials": True})["CreateConnectionStatus"] == "FAILED"
    found = glue.get_connection(Name=unique)["Connection"]
    assert found["Status"] == "FAILED" and "shop.db" in found["StatusReason"]
    assert isinstance(found["LastConnectionValidationTime"], datetime.datetime)
    code, message = refused(glue.test_connection, ConnectionName=unique)
    assert code == "InvalidInputException" and "failed at file" in message
    with sqlite3.connect(path) as database:
        database.execute("create table orders (id integer)")
    database.close()
    glue.test_connection(ConnectionName=unique)
    assert glue.get_connection(Name=unique)["Connection"]["Status"] == "READY"
    nobody = {"HOST": "127.0.0.1", "PORT": str(free_port()), "DATABASE": "d", "USERNAME": "u", "PASSWORD": "hush", "CONNECT_RETRIES": "0"}
    s3 = {"ENDPOINT": f"http://127.0.0.1:{nobody['PORT']}", "ACCESS_KEY": "k", "SECRET_KEY": "hush"}
    code, message = refused(glue.test_connection, TestConnectionInput={"ConnectionType": "S3", "ConnectionProperties": s3})
    assert code == "FederationSourceException" and "failed at TCP" in message and nobody["PORT"] in message and "hush" not in message
    code, message = refused(glue.create_connection, ConnectionInput={"Name": "x", "ConnectionType": "POSTGRESQL", "ConnectionProperties": {}})
    assert code == "InvalidInputException" and "HOST" in message


def test_secrets_never_come_back_and_are_not_on_disk(clients, unique, server):
    glue = clients.glue
    secret = f"hush-{unique}"
    properties = {"JDBC_CONNECTION_URL": "jdbc:postgresql://db.invalid:5432/shop", "USERNAME": "u", "PASSWORD": secret}
    glue.create_connection(ConnectionInput={"Name": unique, "ConnectionType": "JDBC", "ConnectionProperties": properties, "MatchCriteria": [unique]})
    shown = glue.get_connection(Name=unique, HidePassword=False)["Connection"]["ConnectionProperties"]
    assert shown == {name: value for name, value in properties.items() if name != "PASSWORD"}
    listed = glue.get_connections(Filter={"ConnectionType": "JDBC", "MatchCriteria": [unique]})["ConnectionList"]
    assert [entry["Name"] for entry in listed] == [unique] and secret not in str(listed)
    state = server.folder / ".penchant"
    written = b"".join(file.read_bytes() for file in state.glob("metadata.db*"))
    assert unique.encode() in written and secret.encode() not in written
    done = glue.batch_delete_connection(ConnectionNameList=[unique, "nobody"])
    assert done["Succeeded"] == [unique] and done["Errors"]["nobody"]["ErrorCode"] == "EntityNotFoundException"


def test_connection_types_are_listed_and_described(clients, server):
    names = [entry["ConnectionType"] for page in clients.glue.get_paginator("list_connection_types").paginate() for entry in page["ConnectionTypes"]]
    assert {"POSTGRESQL", "MYSQL", "MONGODB", "KAFKA", "S3", "JDBC"} <= set(names)
    described = clients.glue.describe_connection_type(ConnectionType="KAFKA")["ConnectionProperties"]
    assert described["KAFKA_BOOTSTRAP_SERVERS"]["Required"] is True
    assert described["KAFKA_SASL_SCRAM_PASSWORD"]["PropertyTypes"] == ["SECRET"]


def test_classifiers_of_all_four_kinds(clients, unique, server):
    glue = clients.glue
    kinds = {
        "GrokClassifier": {"Classification": "weblog", "GrokPattern": "%{IP:client} %{NUMBER:bytes:int}"},
        "XMLClassifier": {"Classification": "books", "RowTag": "book"},
        "JsonClassifier": {"JsonPath": "$.items[*]"},
        "CsvClassifier": {"Delimiter": ";", "ContainsHeader": "ABSENT", "Header": ["a", "b"]},
    }
    for kind, members in kinds.items():
        name = f"{unique}-{kind}"
        glue.create_classifier(**{kind: members | {"Name": name}})
        found = glue.get_classifier(Name=name)["Classifier"][kind]
        assert found.items() >= members.items() and found["Version"] == 1 and found["CreationTime"]
    listed = [entry for page in glue.get_paginator("get_classifiers").paginate(PaginationConfig={"PageSize": 3}) for entry in page["Classifiers"]]
    assert {kind for entry in listed for kind in entry} == set(kinds)
    name = f"{unique}-CsvClassifier"
    glue.update_classifier(CsvClassifier={"Name": name, "Delimiter": "|"})
    found = glue.get_classifier(Name=name)["Classifier"]["CsvClassifier"]
    assert (found["Delimiter"], found["Header"], found["Version"]) == ("|", ["a", "b"], 2)
    code, message = refused(glue.create_classifier, JsonClassifier={"Name": "x", "JsonPath": "items"})
    assert code == "InvalidInputException" and "items" in message
    code, message = refused(glue.create_classifier, GrokClassifier={"Name": "x", "Classification": "c", "GrokPattern": "%{NOSUCH:a}"})
    assert code == "InvalidInputException" and "NOSUCH" in message
    glue.delete_classifier(Name=name)
    assert refused(glue.get_classifier, Name=name)[0] == "EntityNotFoundException"


def test_partitions_in_batches_and_by_expression(clients, sales, server):
    glue = clients.glue
    days = [f"2024-0{month}-{day:02}" for month in (1, 2) for day in range(1, 21)]
    for shop in (1, 2, 10):
        assert glue.batch_create_partition(**sales, PartitionInputList=[partition(day, shop) for day in days])["Errors"] == []
    (error,) = glue.batch_create_partition(**sales, PartitionInputList=[partition(days[0], 1), partition(days[0], 3)])["Errors"]
    assert (error["PartitionValues"], error["ErrorDetail"]["ErrorCode"]) == ([days[0], "1"], "AlreadyExistsException")
    pages = glue.get_paginator("get_partitions").paginate(
        **sales, Expression="day BETWEEN '2024-01-15' AND '2024-02-05' AND shop > 2", ExcludeColumnSchema=True, PaginationConfig={"PageSize": 4}
    )
    found = [entry for page in pages for entry in page["Partitions"]]
    assert sorted(entry["Values"] for entry in found) == [[day, "10"] for day in days if "2024-01-15" <= day <= "2024-02-05"]
    assert "Columns" not in found[0]["StorageDescriptor"]
    code, message = refused(glue.get_partitions, **sales, Expression="day = '2024-02-30'")
    assert code == "InvalidInputException" and "character 7" in message
    segments = [glue.get_partitions(**sales, Segment={"SegmentNumber": number, "TotalSegments": 3})["Partitions"] for number in range(3)]
    assert sum(len(segment) for segment in segments) == 121 and all(segments)
    got = glue.batch_get_partition(**sales, PartitionsToGet=[{"Values": [days[0], "3"]}, {"Values": [days[0], "4"]}])
    assert [entry["Values"] for entry in got["Partitions"]] == [[days[0], "3"]]
    assert got["UnprocessedKeys"] == [{"Values": [days[0], "4"]}]
    entries = [{"PartitionValueList": [days[0], "3"], "PartitionInput": partition(days[0], 4)}]
    assert glue.batch_update_partition(**sales, Entries=entries)["Errors"] == []
    (error,) = glue.batch_delete_partition(**sales, PartitionsToDelete=[{"Values": [days[0], shop]} for shop in ("3", "4")])["Errors"]
    assert error["PartitionValues"] == [days[0], "3"]
    code, message = refused(glue.batch_create_partition, **sales, PartitionInputList=[partition(days[0], shop) for shop in range(101)])
    assert code == "InvalidInputException" and "100" in message


def test_a_table_has_partition_indexes(clients, sales, server):
    glue = clients.glue
    glue.create_partition_index(**sales, PartitionIndex={"IndexName": "by_day", "Keys": ["day"]})
    (index,) = glue.get_partition_indexes(**sales)["PartitionIndexDescriptorList"]
    assert (index["IndexName"], index["Keys"], index["IndexStatus"]) == ("by_day", [{"Name": "day", "Type": "date"}], "ACTIVE")
    for name, keys in (("b", ["shop"]), ("c", ["day", "shop"])):
        glue.create_partition_index(**sales, PartitionIndex={"IndexName": name, "Keys": keys})
    code, _ = refused(glue.create_partition_index, **sales, PartitionIndex={"IndexName": "d", "Keys": ["shop", "day"]})
    assert code == "ResourceNumberLimitExceededException"
    glue.delete_partition_index(**sales, IndexName="by_day")
    assert len(glue.get_partition_indexes(**sales)["PartitionIndexDescriptorList"]) == 2


def test_two_writers_of_one_table_do_not_overwrite_each_other(clients, sales, server):
    glue = clients.glue
    database = sales["DatabaseName"]
    version = glue.get_table(DatabaseName=database, Name="sales")["Table"]["VersionId"]
    wider = table("sales", ("id", "bigint"), ("name", "string"), ("amount", "double"))
    glue.update_table(DatabaseName=database, TableInput=wider, VersionId=version)
    code, message = refused(glue.update_table, DatabaseName=database, TableInput=wider, VersionId=version)
    assert code == "ConcurrentModificationException" and "sales" in message
    glue.update_table(DatabaseName=database, TableInput=wider, SkipArchive=True)
    versions = [entry["VersionId"] for page in glue.get_paginator("get_table_versions").paginate(**sales, PaginationConfig={"PageSize": 1}) for entry in page["TableVersions"]]
    assert versions == ["2", "0"]
    done = glue.batch_delete_table_version(**sales, VersionIds=["0", "2"])
    assert [error["VersionId"] for error in done["Errors"]] == ["2"]
    assert refused(glue.get_table_version, **sales, VersionId="0")[0] == "EntityNotFoundException"


def test_column_statistics_are_kept(clients, sales, server):
    glue = clients.glue
    now = datetime.datetime(2024, 5, 1, 12, 30, tzinfo=datetime.timezone.utc)
    figures = {
        "LONG": ("LongColumnStatisticsData", {"MinimumValue": -5, "MaximumValue": 2**60, "NumberOfNulls": 1, "NumberOfDistinctValues": 7}),
        "DATE": ("DateColumnStatisticsData", {"MinimumValue": now, "MaximumValue": now, "NumberOfNulls": 0, "NumberOfDistinctValues": 1}),
        "DECIMAL": (
            "DecimalColumnStatisticsData",
            {"MaximumValue": {"UnscaledValue": b"\x01\xff", "Scale": 2}, "NumberOfNulls": 0, "NumberOfDistinctValues": 1},
        ),
        "STRING": ("StringColumnStatisticsData", {"MaximumLength": 9, "AverageLength": 4.5, "NumberOfNulls": 0, "NumberOfDistinctValues": 3}),
    }
    for kind, (member, data) in figures.items():
        statistics = {"ColumnName": "id", "ColumnType": "x", "AnalyzedTime": now, "StatisticsData": {"Type": kind, member: data}}
        assert glue.update_column_statistics_for_table(**sales, ColumnStatisticsList=[statistics])["Errors"] == []
        answer = glue.get_column_statistics_for_table(**sales, ColumnNames=["id", "name"])
        (found,) = answer["ColumnStatisticsList"]
        assert found["StatisticsData"] == {"Type": kind, member: data} and found["AnalyzedTime"] == now
        assert [error["ColumnName"] for error in answer["Errors"]] == ["name"]
    glue.create_partition(**sales, PartitionInput=partition("2024-01-01", 1))
    place = sales | {"PartitionValues": ["2024-01-01", "1"]}
    glue.update_column_statistics_for_partition(**place, ColumnStatisticsList=[statistics])
    assert glue.get_column_statistics_for_partition(**place, ColumnNames=["id"])["Errors"] == []
    glue.delete_column_statistics_for_partition(**place, ColumnName="id")
    assert refused(glue.delete_column_statistics_for_partition, **place, ColumnName="id")[0] == "EntityNotFoundException"


def test_tables_are_searched_and_paged(clients, unique, server):
    glue = clients.glue
    glue.create_database(DatabaseInput={"Name": unique})
    word = unique.replace("-", "")
    for number in range(25):
        described = f"Orders of {word} in euros" if number % 5 == 0 else "something else"
        glue.create_table(DatabaseName=unique, TableInput=table(f"t{number:02}", ("amount", "double"), Description=described))
    found, token = [], {}
    while token is not None:
        page = glue.search_tables(SearchText=f"ord {word}", MaxResults=2, **token)
        found += [entry["Name"] for entry in page["TableList"]]
        token = {"NextToken": page["NextToken"]} if page.get("NextToken") else None
    assert found == ["t00", "t05", "t10", "t15", "t20"]
    in_turn = glue.search_tables(
        Filters=[{"Key": "DatabaseName", "Value": unique}], SearchText=f'"{word} in euros"', SortCriteria=[{"FieldName": "Name", "Sort": "DESC"}]
    )
    assert [entry["Name"] for entry in in_turn["TableList"]] == ["t20", "t15", "t10", "t05", "t00"]
    paged = [entry["Name"] for page in glue.get_paginator("get_tables").paginate(DatabaseName=unique, Expression="t1.*|t24", PaginationConfig={"PageSize": 3}) for entry in page["TableList"]]
    assert paged == [f"t{number}" for number in range(10, 20)] + ["t24"]
    code, message = refused(glue.get_tables, DatabaseName=unique, NextToken="made up")
    assert code == "InvalidInputException" and "made up" in message
    (error,) = glue.batch_delete_table(DatabaseName=unique, TablesToDelete=["t00", "nope"])["Errors"]
    assert error["TableName"] == "nope"


def test_functions_and_what_clients_ask_first(clients, sales, server):
    glue = clients.glue
    database = sales["DatabaseName"]
    function = {"FunctionName": "Clean", "ClassName": "a.B", "ResourceUris": [{"ResourceType": "JAR", "Uri": "s3://x/y.jar"}]}
    glue.create_user_defined_function(DatabaseName=database, FunctionInput=function)
    (found,) = glue.get_user_defined_functions(DatabaseName=database, Pattern="cl.*")["UserDefinedFunctions"]
    assert (found["FunctionName"], found["ResourceUris"]) == ("clean", function["ResourceUris"])
    assert glue.get_catalog_import_status()["ImportStatus"]["ImportCompleted"] is True
    assert glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert refused(glue.get_resource_policy)[0] == "EntityNotFoundException"
    glue.delete_database(Name=database)
    assert refused(glue.get_user_defined_function, DatabaseName=database, FunctionName="clean")[0] == "EntityNotFoundException"
