//! What the cluster reads and writes.

use etl::{Compression, Engine, FileOutput, Format, SqlQuery, Window};
use store::Location;

use super::house::{House, Server, texts};

const CSV: &[(&str, &str)] = &[("classification", "csv"), ("delimiter", ";"), ("skip.header.line.count", "1")];
const QUOTED: &[(&str, &str)] = &[("classification", "csv"), ("skip.header.line.count", "1"), ("areColumnsQuoted", "true")];

pub async fn all(house: &House) {
    tables(house).await;
    reads_every_form(house).await;
    windows_and_samples(house).await;
    columns_without_reading(house).await;
    csv_as_personalize_imports_it(house).await;
    a_column_alone(house).await;
    a_result_without_rows(house).await;
    parquet(house).await;
    json_lines(house).await;
    folders_and_sizes(house).await;
    values_that_no_folder_can_be_called(house).await;
    targets_that_cannot_be(house).await;
    packed_lines(house).await;
    sizes_in_bytes_and_row_groups(house).await;
}

async fn tables(house: &House) {
    house.put("orders/a.csv", "id;who;price;at\n1;ann;1.5;2025-03-09T18:30:00\n2;bob;;2025-03-10 00:00:00.25\n").await;
    house.put("orders/b.csv", "id;who;price;at\n3;;2.25;\n4;dan;4;2025-03-12T00:00:00\n").await;
    house.table("orders", CSV, "id bigint, who string, price double, at timestamp", "").await;
    house.put("notes/a.csv", "id,text\n1,\"a \"\"b\"\", c\"\n2,\"two\nlines\"\n3,\"\"\n").await;
    house.table("notes", QUOTED, "id int, text string", "").await;
    house.put("events/day=2025-03-09/a.json", "{\"id\":1,\"tags\":[\"x\",\"y\"],\"at\":{\"shop\":\"Köln\"}}\n{\"id\":2}\n").await;
    house.put("events/day=2025-03-10/a.json", "{\"id\":3,\"tags\":[],\"at\":{\"shop\":null}}\n").await;
    house.table("events", &[("classification", "json")], "id bigint, tags array<string>, at struct<shop:string>", "day date").await;
    house.put("list/a.json", "[{\"id\": 1,\n  \"who\": \"ann\"},\n {\"id\": 2}]\n").await;
    house.table("list", &[("classification", "json")], "id bigint, who string", "").await;
    house.put("lines/a.json", "{\"id\": 1}\n{\"id\":\n 2}\n").await;
    house.table("lines", &[("classification", "json")], "id bigint", "").await;
    house.table("nothing", CSV, "id bigint, who string", "").await;
}

async fn reads_every_form(house: &House) {
    let orders = house.texts("SELECT id, who, price, at FROM shop.orders").await;
    let expected =
        ["1|ann|1.5|2025-03-09T18:30:00", "2|bob|null|2025-03-10T00:00:00.250", "3|null|2.25|null", "4|dan|4.0|2025-03-12T00:00:00"];
    assert_eq!(orders, expected);
    let notes = house.texts("SELECT id, text, length(text) AS n FROM shop.notes").await;
    assert_eq!(notes, ["1|a \"b\", c|8", "2|two\nlines|9", "3|null|null"]);
    let events = house.texts("SELECT id, tags[2] AS t, at['shop'] AS s, day FROM shop.events WHERE day >= DATE '2025-03-09'").await;
    assert_eq!(events, ["1|y|Köln|2025-03-09", "2|null|null|2025-03-09", "3|null|null|2025-03-10"]);
    assert_eq!(house.texts("SELECT id FROM shop.events WHERE day = DATE '2025-03-10'").await, ["3"]);
    assert_eq!(house.texts("SELECT count(*) AS n FROM shop.nothing").await, ["0"]);
    let (list, lines) = (house.rows("SELECT id, who FROM shop.list").await, house.rows("SELECT id FROM shop.lines").await);
    match house.server {
        Server::Spark => {
            assert_eq!(texts(list.unwrap()), ["1|ann", "2|null"]);
            assert_eq!(lines.unwrap_err().kind, domain::ErrorKind::InvalidData);
        }
        Server::Sail => {
            assert_eq!(list.unwrap_err().kind, domain::ErrorKind::InvalidData);
            assert_eq!(texts(lines.unwrap()), ["1", "2"]);
        }
    }
    let joined = "SELECT o.who, count(*) AS n FROM shop.orders o JOIN shop.events e ON o.id = e.id GROUP BY o.who ORDER BY o.who DESC";
    let rows = house.rows(joined).await.unwrap();
    assert_eq!(texts(rows), ["ann|1", "bob|1", "null|1"]);
}

async fn windows_and_samples(house: &House) {
    let mut seen = House::query("SELECT id FROM shop.orders");
    seen.windows.insert("shop.orders".into(), Window::Files(vec!["b.csv".into()]));
    assert_eq!(texts(house.rows_of(seen.clone()).await.unwrap()), ["3", "4"]);
    seen.windows.insert("shop.orders".into(), Window::Where("id > 1 AND at <= TIMESTAMP '2025-03-11 00:00:00'".into()));
    assert_eq!(texts(house.rows_of(seen.clone()).await.unwrap()), ["2"]);
    seen.windows.insert("shop.orders".into(), Window::Files(vec!["b.csv".into(), "gone.csv".into()]));
    let error = house.rows_of(seen.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), "1 files of table shop.orders that were to be read are no longer there.");
    let one = SqlQuery { sample_rows: Some(1), ..House::query("SELECT id FROM shop.orders") };
    assert_eq!(house.rows_of(one).await.unwrap().1.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 1);
    let mut files = House::query("SELECT id, day FROM shop.events");
    files.windows.insert("shop.events".into(), Window::Files(vec!["day=2025-03-10/a.json".into()]));
    assert_eq!(texts(house.rows_of(files).await.unwrap()), ["3|2025-03-10"]);
}

async fn columns_without_reading(house: &House) {
    house.table("unread", &[("classification", "parquet")], "id bigint, tags array<string>, at timestamp", "").await;
    let schema = house
        .engine
        .columns(&etl::SqlQuery::new("SELECT count(*) AS n, max(at) AS at, array_agg(id) AS ids FROM shop.unread"))
        .await
        .unwrap();
    let found: Vec<String> = catalog::hive::columns(&schema).iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
    assert_eq!(found, ["n bigint", "at timestamp", "ids array<bigint>"]);
}

async fn csv_as_personalize_imports_it(house: &House) {
    let query = "SELECT n.id AS \"ITEM,ID\", n.text AS T, o.price AS P, o.at AS AT, n.id > 1 AS B \
                 FROM shop.notes n JOIN shop.orders o ON n.id = o.id ORDER BY n.id";
    let outcome = house.write(query, house.output("out/csv", Format::Csv)).await.unwrap();
    assert_eq!((outcome.rows_written, outcome.files.as_slice()), (3, ["part-00000.csv".to_owned()].as_slice()));
    let text = house.read("out/csv/part-00000.csv").await;
    let expected = "\"ITEM,ID\",T,P,AT,B\n1,\"a \"\"b\"\", c\",1.5,2025-03-09T18:30:00,false\n\
                    2,two lines,,2025-03-10T00:00:00.250,true\n3,,2.25,,true\n";
    assert_eq!(text, expected);
    assert_eq!(outcome.bytes_written, expected.len() as u64);
    let read: Vec<(&str, u64)> = outcome.read.iter().map(|table| (table.table.as_str(), table.bytes)).collect();
    assert_eq!(read, [("shop.notes", 42), ("shop.orders", 129)]);
    // Nothing else is left in the folder.
    let folder = house.installation.buckets.path(&Location::parse("s3://data/out/csv").unwrap());
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    let twice = house.write("SELECT 1 AS x, 2 AS x", house.output("out/twice", Format::Csv)).await.unwrap_err();
    assert!(twice.to_string().contains("two columns \"x\""), "{twice}");
    let list = house.write("SELECT tags FROM shop.events", house.output("out/list", Format::Csv)).await.unwrap_err();
    assert!(list.to_string().contains("\"tags\""), "{list}");
}

/// A record is never an empty line, which readers pass over.
async fn a_column_alone(house: &House) {
    for (name, query, expected) in [
        ("text", "SELECT who FROM shop.orders ORDER BY who NULLS FIRST", "who\n\"\"\nann\nbob\ndan\n"),
        ("number", "SELECT price FROM shop.orders ORDER BY price DESC NULLS LAST", "price\n4.0\n2.25\n1.5\n\"\"\n"),
    ] {
        let outcome = house.write(query, house.output(&format!("out/alone_{name}"), Format::Csv)).await.unwrap();
        assert_eq!(outcome.rows_written, 4);
        assert_eq!(house.read(&format!("out/alone_{name}/part-00000.csv")).await, expected);
    }
}

async fn a_result_without_rows(house: &House) {
    let outcome = house.write("SELECT id, who FROM shop.orders WHERE id > 100", house.output("out/none", Format::Csv)).await.unwrap();
    assert_eq!((outcome.rows_written, outcome.files.len()), (0, 1));
    assert_eq!(house.read("out/none/part-00000.csv").await, "id,who\n");
    let outcome = house.write("SELECT id, at FROM shop.orders WHERE id > 100", house.output("out/none2", Format::Parquet)).await.unwrap();
    assert_eq!((outcome.rows_written, outcome.files.as_slice()), (0, ["part-00000.parquet".to_owned()].as_slice()));
}

async fn parquet(house: &House) {
    for (folder, compression) in [("none", Compression::None), ("snappy", Compression::Snappy), ("zstd", Compression::Zstd)] {
        let mut output = house.output(&format!("out_{folder}"), Format::Parquet);
        output.compression = Some(compression);
        let outcome = house.write(
            "SELECT id, at, tags, price FROM shop.orders o LEFT JOIN (SELECT id AS e, tags FROM shop.events) x ON o.id = x.e",
            output,
        );
        let outcome = outcome.await.unwrap();
        assert_eq!(outcome.rows_written, 4);
        // Sail divides what should be one piece (docs/engines.md).
        assert!(outcome.files.len() == 1 || house.server == Server::Sail, "{:?}", outcome.files);
        let table = format!("out_{folder}");
        house.table(&table, &[("classification", "parquet")], "id bigint, at timestamp, tags array<string>, price double", "").await;
        let back = house.texts(&format!("SELECT id, at, tags[1] AS t FROM shop.{table}")).await;
        assert_eq!(back[..2], ["1|2025-03-09T18:30:00|x", "2|2025-03-10T00:00:00.250|null"]);
    }
}

/// A null is left out, times are ISO 8601, bytes are hex: as the embedded engine writes them.
async fn json_lines(house: &House) {
    let query = "SELECT o.id, o.who, o.price, o.at, x.tags, x.at AS inner, o.price > 2 AS dear, CAST(o.price AS DECIMAL(8,2)) AS exact \
                 FROM shop.orders o LEFT JOIN shop.events x ON o.id = x.id ORDER BY o.id";
    let outcome = house.write(query, house.output("out/json", Format::Json)).await.unwrap();
    assert_eq!((outcome.rows_written, outcome.files.as_slice()), (4, ["part-00000.json".to_owned()].as_slice()));
    let text = house.read("out/json/part-00000.json").await;
    let expected = [
        r#"{"id":1,"who":"ann","price":1.5,"at":"2025-03-09T18:30:00","tags":["x","y"],"inner":{"shop":"Köln"},"dear":false,"exact":1.50}"#,
        r#"{"id":2,"who":"bob","at":"2025-03-10T00:00:00.250"}"#,
        r#"{"id":3,"price":2.25,"tags":[],"inner":{},"dear":true,"exact":2.25}"#,
        r#"{"id":4,"who":"dan","price":4.0,"at":"2025-03-12T00:00:00","dear":true,"exact":4.00}"#,
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!(outcome.bytes_written, text.len() as u64);
    let query = "SELECT id, array_agg(at) AS all, CAST(id AS VARCHAR) AS t FROM shop.orders WHERE id < 3 GROUP BY id ORDER BY id";
    house.write(query, house.output("out/json2", Format::Json)).await.unwrap();
    let text = house.read("out/json2/part-00000.json").await;
    let expected = [r#"{"id":1,"all":["2025-03-09T18:30:00"],"t":"1"}"#, r#"{"id":2,"all":["2025-03-10T00:00:00.250"],"t":"2"}"#];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    let outcome = house.write("SELECT id FROM shop.orders WHERE id > 100", house.output("out/json3", Format::Json)).await.unwrap();
    assert_eq!((outcome.rows_written, outcome.files.len(), house.read("out/json3/part-00000.json").await.as_str()), (0, 1, ""));
}

/// Null and the empty text have Hive's name, and what a path cannot hold is escaped once.
async fn values_that_no_folder_can_be_called(house: &House) {
    let mut output = house.output("out/keys", Format::Csv);
    output.partition_keys = vec!["k".into(), "at".into()];
    let query = "SELECT id, CASE id WHEN 1 THEN 'a/b' WHEN 2 THEN '50% = x' WHEN 3 THEN '' END AS k, at FROM shop.orders";
    let outcome = house.write(query, output.clone()).await.unwrap();
    assert_eq!(outcome.rows_written, 4);
    let mut folders: Vec<&str> = outcome.files.iter().map(|file| file.rsplit_once('/').unwrap().0).collect();
    folders.sort_unstable();
    let expected = [
        "k=50%25 %3D x/at=2025-03-10T00%3A00%3A00.250",
        "k=__HIVE_DEFAULT_PARTITION__/at=2025-03-12T00%3A00%3A00",
        "k=__HIVE_DEFAULT_PARTITION__/at=__HIVE_DEFAULT_PARTITION__",
        "k=a%2Fb/at=2025-03-09T18%3A30%3A00",
    ];
    assert_eq!(folders, expected);
    for file in &outcome.files {
        let path = house.installation.buckets.path(&Location::parse("s3://data/out/keys").unwrap()).join(file);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("id\n"), "{path:?}");
    }
    output.folder = Location::parse("s3://data/out/keys2").unwrap();
    let outcome = house.write(&format!("{query} WHERE id > 100"), output).await.unwrap();
    assert_eq!((outcome.rows_written, outcome.files.len(), outcome.bytes_written), (0, 0, 0));
}

async fn targets_that_cannot_be(house: &House) {
    for (keys, what) in [(vec!["nobody"], "\"nobody\""), (vec!["id", "tags"], "\"tags\"")] {
        let mut output = house.output("out/wrong", Format::Json);
        output.partition_keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let error = house.write("SELECT id, tags FROM shop.events", output).await.unwrap_err();
        assert!(error.kind == domain::ErrorKind::InvalidInput && error.to_string().contains(what), "{error}");
    }
    let mut output = house.output("out/all", Format::Csv);
    output.partition_keys = vec!["id".into()];
    let error = house.write("SELECT id FROM shop.orders", output).await.unwrap_err();
    assert!(error.to_string().contains("Every column"), "{error}");
}

async fn folders_and_sizes(house: &House) {
    let mut output = house.output("out/folders", Format::Csv);
    output.partition_keys = vec!["day".into()];
    let outcome = house.write("SELECT id, CAST(day AS VARCHAR) AS day FROM shop.events", output).await.unwrap();
    assert_eq!(outcome.files, ["day=2025-03-09/part-00000.csv", "day=2025-03-10/part-00001.csv"]);
    assert_eq!(outcome.rows_written, 3);
    assert_eq!(house.read("out/folders/day=2025-03-10/part-00001.csv").await, "id\n3\n");
    if house.server == Server::Sail {
        // Sail knows no limit of rows in a file (docs/engines.md).
        return;
    }
    let mut output = house.output("out/sizes", Format::Parquet);
    output.max_file_rows = Some(30);
    let outcome = house.write("SELECT value AS id FROM generate_series(1, 100)", output).await.unwrap();
    assert_eq!(outcome.rows_written, 100);
    assert!(outcome.files.len() >= 4, "{:?}", outcome.files);
}

/// The files are packed as the job says, are called so, and are read again, by whoever knows them by their names.
async fn packed_lines(house: &House) {
    let query = "SELECT value AS id, 'x' || CAST(value AS VARCHAR) AS text FROM generate_series(1, 3000) ORDER BY id";
    for (folder, format, compression, end) in [
        ("packed_csv", Format::Csv, Compression::Gzip, "csv.gz"),
        ("packed_json", Format::Json, Compression::Gzip, "json.gz"),
        ("packed_zstd", Format::Json, Compression::Zstd, "json.zst"),
    ] {
        if compression == Compression::Zstd && house.server != Server::Sail {
            // Spark's lines are packed by Hadoop, which has zstd only with its native library.
            continue;
        }
        let output = |folder: &str| FileOutput { compression: Some(compression), ..house.output(folder, format) };
        let outcome = house.write(query, output(folder)).await.unwrap_or_else(|e| panic!("{folder}: {e}"));
        assert_eq!(outcome.rows_written, 3000, "{folder}");
        assert!(outcome.files.iter().all(|file| file.ends_with(end)), "{:?}", outcome.files);
        assert!(outcome.files.len() == 1 || house.server == Server::Sail && format == Format::Json, "{:?}", outcome.files);
        assert!(outcome.bytes_written < 20_000, "{folder}: {} bytes of lines", outcome.bytes_written);
        let packed = if compression == Compression::Gzip { "gzip" } else { "zstd" };
        let form = if format == Format::Csv { CSV[0] } else { ("classification", "json") };
        let header = if format == Format::Csv { "1" } else { "0" };
        let parameters = [form, ("compressionType", packed), ("delimiter", ","), ("skip.header.line.count", header)];
        house.table(folder, &parameters, "id bigint, text string", "").await;
        let from = house.installation.buckets.path(&Location::parse(&format!("s3://data/{folder}")).unwrap());
        assert!(from.is_dir());
        let back = house.texts(&format!("SELECT count(*) AS n, sum(id) AS s, max(text) AS t FROM shop.{folder}")).await;
        assert_eq!(back, ["3000|4501500|x999"], "{folder}");
        let none = house.write("SELECT id, who FROM shop.orders WHERE id > 100", output(&format!("{folder}_none"))).await.unwrap();
        assert_eq!((none.rows_written, none.files.as_slice()), (0, [format!("part-00000.{end}")].as_slice()), "{folder}");
    }
}

async fn sizes_in_bytes_and_row_groups(house: &House) {
    let mut output = house.output("out/groups", Format::Parquet);
    output.row_group_rows = Some(100);
    let outcome = house.write("SELECT value AS id FROM generate_series(1, 1000)", output).await.unwrap();
    assert_eq!(outcome.rows_written, 1000);
    for file in &outcome.files {
        let path = house.installation.buckets.path(&Location::parse("s3://data/out/groups").unwrap()).join(file);
        let reader = parquet::file::reader::SerializedFileReader::try_from(path.as_path()).unwrap();
        let groups = parquet::file::reader::FileReader::metadata(&reader).row_groups().iter().map(|group| group.num_rows());
        assert!(groups.clone().all(|rows| rows <= 100) && groups.clone().count() * 100 >= 1, "{:?}", groups.collect::<Vec<_>>());
    }
    let mut output = house.output("out/bytes", Format::Csv);
    output.max_file_bytes = Some(10_000);
    let query = "SELECT value AS id, repeat('x', 100) AS text FROM generate_series(1, 1000)";
    let outcome = house.write(query, output).await.unwrap();
    assert_eq!(outcome.rows_written, 1000);
    let place = house.installation.buckets.path(&Location::parse("s3://data/out/bytes").unwrap());
    let largest = outcome.files.iter().map(|file| std::fs::metadata(place.join(file)).unwrap().len()).max().unwrap();
    // Sail knows no limit of rows in a file (docs/engines.md).
    assert!(largest <= 10_000 || house.server == Server::Sail, "{largest}");
    assert!(outcome.files.len() < 20, "{:?}", outcome.files);
}
