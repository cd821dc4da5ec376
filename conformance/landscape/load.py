"""Brings the real data sets into the kind of store that each would live in."""

import datetime
import gzip
import io
import json
import sqlite3
import zipfile

import yaml


def texts(path, *names):
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name).decode("utf-8", "replace") for name in names]


def postgres(server, data):
    [chinook] = texts(data / "chinook/chinook.zip", "ChinookDatabase/DataSources/Chinook_PostgreSql.sql")
    # The script makes its database and enters it by itself.
    server.sql("postgres", chinook)
    names = server.sql("postgres", "SELECT datname FROM pg_database").split()
    assert "chinook" in names or "chinook_serial" in names or "chinook_auto_increment" in names, names
    [northwind] = texts(data / "northwind/northwind.zip", "pthom/northwind.sql")
    server.sql("postgres", "CREATE DATABASE northwind")
    # A setting that PostgreSQL no longer has.
    server.sql("northwind", northwind.replace("SET default_with_oids = false;", ""))
    folder = "postgres-sakila-db/postgres-sakila-"
    schema, rows = texts(data / "sakila/sakila-postgres.zip", folder + "schema.sql", folder + "insert-data-using-copy.sql")
    server.sql("postgres", "CREATE ROLE postgres SUPERUSER")
    server.sql("postgres", "CREATE DATABASE sakila")
    server.sql("sakila", schema)
    server.sql("sakila", rows)


def chinook_sqlite(folder, data):
    with zipfile.ZipFile(data / "chinook/chinook.zip") as archive:
        path = folder / "chinook.sqlite"
        path.write_bytes(archive.read("ChinookDatabase/DataSources/Chinook_Sqlite.sqlite"))
    return path


def mariadb(server, sqlite_path):
    """Chinook once more, with MySQL's types."""
    server.sql("CREATE DATABASE chinook CHARACTER SET utf8mb4")
    connection = sqlite3.connect(sqlite_path)
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall():
        columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        kinds = {"INTEGER": "int unsigned"}
        declared = [f"`{name}` {kinds.get(kind, kind.replace('NVARCHAR', 'varchar'))}" for _, name, kind, *_ in columns]
        keys = [f"`{name}`" for _, name, _, _, _, key in sorted(columns, key=lambda column: column[5]) if key]
        script = io.StringIO()
        script.write(f"CREATE TABLE `{table}` ({', '.join(declared)}, PRIMARY KEY ({', '.join(keys)}));\n")
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            script.write(f"INSERT INTO `{table}` VALUES ({', '.join(map(literal, row))});\n")
        server.sql("SET autocommit = 0;\n" + script.getvalue() + "COMMIT;", "chinook")


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def dated(value):
    """MongoDB has moments, no days."""
    if isinstance(value, dict):
        return {str(key): dated(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [dated(inner) for inner in value]
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value


def mongo(server, data):
    names = ["legislators-current", "legislators-social-media", "legislators-district-offices", "committees-current"]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for name, text in zip(names, texts(data / "us-legislators/us-legislators.zip", *(f"{name}.yaml" for name in names))):
        server.client.congress[name.replace("-", "_")].insert_many(dated(yaml.load(text, Loader=loader)))
    [members] = texts(data / "us-legislators/us-legislators.zip", "committee-membership-current.yaml")
    rows = [{"committee": committee, **member} for committee, all_of_it in yaml.load(members, Loader=loader).items() for member in all_of_it]
    server.client.congress.committee_membership_current.insert_many(dated(rows))


def kafka(server, data):
    producer = server.producer()
    with gzip.open(data / "amazon-gift-cards/Gift_Cards_5.json.gz", "rt") as lines:
        for line in lines:
            review = json.loads(line)
            producer.send("reviews", key=review["reviewerID"].encode(), value=line.strip().encode())
    producer.flush()
    producer.close()


def bucket(s3, name, data):
    s3.create_bucket(Bucket=name)
    for file in ("Gift_Cards_5.json.gz", "meta_Gift_Cards.json.gz"):
        table = file.split(".")[0].lower()
        s3.put_object(Bucket=name, Key=f"gift_cards/{table}/{file}", Body=(data / "amazon-gift-cards" / file).read_bytes())
    with zipfile.ZipFile(data / "online-retail/online-retail-by-day.zip") as archive:
        days = [entry for entry in archive.namelist() if entry.endswith(".csv")]
        for entry in days:
            s3.put_object(Bucket=name, Key=f"online_retail/{entry.rsplit('/', 1)[-1]}", Body=archive.read(entry))
    for file in sorted((data / "complete-journey").glob("*.parquet")):
        s3.put_object(Bucket=name, Key=f"complete_journey/{file.stem}/{file.name}", Body=file.read_bytes())
    return len(days)
