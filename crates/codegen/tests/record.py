"""DataFusion behind a pipe, for recording what the cases' columns and rows are (`CODEGEN_RECORD=python3`, with PyPI's `datafusion`).

One JSON object a line: {"tables": ...} registers, {"columns": sql} and {"rows": sql} answer.
"""

import datetime
import decimal
import io
import json
import re
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import SessionConfig, SessionContext, udf

PLAIN = {
    "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "int": pa.int32(), "bigint": pa.int64(), "float": pa.float32(),
    "double": pa.float64(), "string": pa.string(), "date": pa.date32(), "timestamp": pa.timestamp("us"),
}


def split(text):
    depth, parts = 0, [""]
    for c in text:
        depth += (c in "<(") - (c in ">)")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def arrow(text):
    if text in PLAIN:
        return PLAIN[text]
    head, inside = re.match(r"(\w+)[<(](.*)[>)]$", text).groups()
    if head == "decimal":
        return pa.decimal128(*map(int, inside.split(",")))
    if head == "array":
        return pa.list_(arrow(inside))
    return pa.struct([(name, arrow(kind)) for name, kind in (part.split(":", 1) for part in split(inside))])


def hive(kind):
    for text, plain in PLAIN.items():
        if kind == plain:
            return text
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind):
        return f"array<{hive(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return "struct<" + ",".join(f"{field.name}:{hive(field.type)}" for field in kind) + ">"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_unsigned_integer(kind):
        return "bigint"
    if kind in (pa.string_view(), pa.large_string()):
        return "string"
    return "void" if pa.types.is_null(kind) else str(kind)


def scalar(name, function, given, gives):
    return udf(lambda column: pa.array([None if v is None else function(v) for v in column.to_pylist()], gives), [given], gives, "immutable", name)


def moment(text):
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", ""))
    except ValueError:
        return None


def seconds(text):
    found = moment(text)
    return found and int(found.replace(tzinfo=datetime.timezone.utc).timestamp())


def value(found, kind):
    if found is None:
        return None
    if pa.types.is_decimal(kind):
        return decimal.Decimal(found)
    if pa.types.is_date(kind):
        return datetime.date.fromisoformat(found)
    return datetime.datetime.fromisoformat(found) if pa.types.is_timestamp(kind) else found


context = None
for line in sys.stdin:
    ask = json.loads(line)
    try:
        if "tables" in ask:
            context = SessionContext(SessionConfig().set("datafusion.sql_parser.enable_ident_normalization", "false"))
            context.register_udf(scalar("parse_timestamp", moment, pa.string(), pa.timestamp("us")))
            context.register_udf(scalar("parse_date", lambda v: moment(v) and moment(v).date(), pa.string(), pa.date32()))
            context.register_udf(scalar("epoch_seconds", seconds, pa.string(), pa.int64()))
            for name, table in ask["tables"].items():
                database, name = name.split(".", 1)
                context.sql(f'CREATE SCHEMA IF NOT EXISTS "{database}"').collect()
                schema = pa.schema([(column, arrow(kind)) for column, kind in table["columns"]])
                columns = [pa.array([value(row[at], field.type) for row in table["rows"]], field.type) for at, field in enumerate(schema)]
                # Through Parquet, as tables come: pyarrow alone puts values below structs that are NULL.
                file = io.BytesIO()
                pq.write_table(pa.table(columns, schema=schema), file)
                context.catalog().schema(database).register_table(name, context.from_arrow(pq.read_table(file)))
            answer = {}
        elif "columns" in ask:
            answer = {"columns": [{"name": f.name, "data_type": hive(f.type)} for f in context.sql(ask["columns"]).schema()]}
        else:
            frame = context.sql(ask["rows"])
            rows = [list(map(list, batch.to_pydict().values())) for batch in frame.collect()]
            rows = [row for columns in rows for row in zip(*columns)]
            answer = {"rows": sorted((json.dumps(row, default=str, ensure_ascii=False) for row in rows))}
    except Exception as error:  # the test says it
        answer = {"error": f"{error}"}
    print(json.dumps(answer), flush=True)
