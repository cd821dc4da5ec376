use std::io::Read;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use domain::RunState;
use etl::{Compression, FilesTarget, Format, Target};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use store::Location;

use super::{House, outcome};

#[tokio::test]
async fn csv_is_what_personalize_imports() {
    let house = House::new().await;
    let query = "SELECT * FROM (VALUES (1, 'plain', true, 1.5, DATE '2025-01-02'), (2, 'com,ma \"q\"', false, NULL, NULL),
                 (3, E'two\\nlines\\r\\nthree', NULL, 0.1, NULL), (4, 'Müller', NULL, 100.0, NULL)) AS t (\"ITEM_ID\", NAME, FLAG, PRICE, DAY) ORDER BY 1";
    let expected = "ITEM_ID,NAME,FLAG,PRICE,DAY\n1,plain,true,1.5,2025-01-02\n2,\"com,ma \"\"q\"\"\",false,,\n3,two lines three,,0.1,\n4,Müller,,100.0,\n";
    let csv = house.csv(query).await;
    assert_eq!(csv, expected);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader.records().map(|record| record.unwrap()[1].to_owned()).collect();
    assert_eq!(names, ["plain", "com,ma \"q\"", "two lines three", "Müller"]);
}

#[tokio::test]
async fn parquet_is_written_too() {
    let house = House::new().await;
    let id = house.start("SELECT value AS id, ['a', 'b'] AS tags FROM generate_series(1, 20000)", Format::Parquet).await;
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    let location = Location::parse("s3://data/out/part-00000.parquet").unwrap();
    let bytes = house.installation.buckets.read(&location).await.unwrap();
    assert_eq!(outcome(&run).bytes_written, bytes.len() as u64);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
    assert_eq!(outcome(&run).rows_written, 20_000);
}

#[tokio::test]
async fn what_csv_cannot_hold_is_refused_before_anything_is_computed() {
    let house = House::new().await;
    let list = house.failure("SELECT [1, 2] AS tags").await;
    assert!(list.contains("Column \"tags\" of the result is a list, which CSV cannot hold"), "{list}");
    let twice = house.failure("SELECT * FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y").await;
    assert!(twice.contains("two columns \"a\""), "{twice}");
}

async fn written(house: &House, query: &str, target: FilesTarget) -> Vec<(String, Bytes)> {
    let target = Target::Files(FilesTarget { location: "s3://data/out/".into(), ..target });
    let id = house.start_into(query, target).await;
    let run = house.installation.runs.wait(&id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    let files = house.files().await;
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(outcome(&run).bytes_written, bytes as u64);
    assert_eq!(outcome(&run).files.len(), files.len());
    files
}

fn texts(files: &[(String, Bytes)]) -> Vec<(&str, &str)> {
    files.iter().map(|(name, bytes)| (name.as_str(), std::str::from_utf8(bytes).unwrap())).collect()
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn every_type_has_its_form_and_one_empty_field_is_a_record() {
    let house = House::new().await;
    let query = "SELECT CAST(-1 AS TINYINT) AS a, CAST(2 AS SMALLINT) AS b, CAST(3 AS INT) AS c, CAST(-9223372036854775808 AS BIGINT) AS d,
                 CAST(0.1 AS FLOAT) AS e, CAST(1e21 AS DOUBLE) AS f, CAST('NaN' AS DOUBLE) AS g, CAST(12.50 AS DECIMAL(10,2)) AS h, false AS i,
                 TIMESTAMP '2025-03-09T18:30:00' AS j, CAST(NULL AS BIGINT) AS k, arrow_cast('x\r', 'LargeUtf8') AS l, arrow_cast('a,b', 'Utf8View') AS m";
    let csv = house.csv(query).await;
    let expected = "a,b,c,d,e,f,g,h,i,j,k,l,m\n-1,2,3,-9223372036854775808,0.1,1e21,NaN,12.50,false,2025-03-09T18:30:00,,x ,\"a,b\"\n";
    assert_eq!(csv, expected);
    assert_eq!(house.csv("SELECT CAST(NULL AS VARCHAR) AS only").await, "only\n\"\"\n");
}

#[tokio::test]
async fn fractions_are_written_as_a_cast_to_text_shows_them() {
    let house = House::new().await;
    let all = "(1e21), (1e16), (1e15), (1234567890.5), (1e10), (0.1), (-0.0), (1e-5), (1.5e-7), (5e-324), (-1.7976931348623157e308),
               (CAST('NaN' AS DOUBLE)), (CAST('-inf' AS DOUBLE))";
    for kind in ["DOUBLE", "FLOAT"] {
        let cast = format!("CAST(x AS {kind})");
        let csv = house.csv(&format!("SELECT {cast} AS x, CAST({cast} AS VARCHAR) AS text FROM (VALUES {all}) AS t (x)")).await;
        let cells: Vec<&str> = csv.lines().skip(1).map(|line| line.split_once(',').unwrap()).flat_map(|(x, text)| [x, text]).collect();
        assert_eq!(cells.len(), 26);
        assert!(cells.chunks(2).all(|pair| pair[0] == pair[1]), "{csv}");
    }
}

#[tokio::test]
async fn partitions_are_hives_folders() {
    let house = House::new().await;
    let query = "SELECT * FROM (VALUES (1, 'a/b=ü', 3), (2, NULL, 3), (3, '', 4), (4, 'a/b=ü', 3), (5, '..', 3)) AS t (id, kind, n) ORDER BY id DESC";
    let files = written(&house, query, FilesTarget { partition_keys: keys(&["kind", "n"]), ..FilesTarget::default() }).await;
    let expected = [
        ("kind=../n=3/part-00000.csv", "id\n5\n"),
        ("kind=__HIVE_DEFAULT_PARTITION__/n=3/part-00000.csv", "id\n2\n"),
        ("kind=__HIVE_DEFAULT_PARTITION__/n=4/part-00000.csv", "id\n3\n"),
        ("kind=a%2Fb%3Dü/n=3/part-00000.csv", "id\n4\n1\n"),
    ];
    assert_eq!(texts(&files), expected);
    let none =
        written(&house, "SELECT 1 AS id, 2 AS n WHERE false", FilesTarget { partition_keys: keys(&["n"]), ..FilesTarget::default() }).await;
    assert!(none.is_empty());
}

#[tokio::test]
async fn files_end_at_their_limits_and_keep_the_order() {
    let house = House::new().await;
    let query = "SELECT value AS id, 'text' AS text FROM generate_series(1, 25000) ORDER BY value DESC";
    let rows = |files: &[(String, Bytes)]| -> Vec<i64> {
        let lines =
            files.iter().flat_map(|(_, bytes)| std::str::from_utf8(bytes).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
        lines.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
    };
    let by_rows = written(&house, query, FilesTarget { max_file_rows: Some(9_000), ..FilesTarget::default() }).await;
    assert_eq!(by_rows.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["part-00000.csv", "part-00001.csv", "part-00002.csv"]);
    assert_eq!(
        by_rows.iter().map(|(_, bytes)| bytes.iter().filter(|byte| **byte == b'\n').count() - 1).collect::<Vec<_>>(),
        [9_000, 9_000, 7_000]
    );
    assert_eq!(rows(&by_rows), (1..=25_000).rev().collect::<Vec<i64>>());
    let by_bytes = written(&house, query, FilesTarget { max_file_bytes: Some(60_000), ..FilesTarget::default() }).await;
    assert!(by_bytes.len() > 4 && by_bytes.iter().all(|(_, bytes)| bytes.len() <= 60_000), "{}", by_bytes.len());
    assert_eq!(rows(&by_bytes), (1..=25_000).rev().collect::<Vec<i64>>());
}

#[tokio::test]
async fn packed_files_are_read_by_every_reader_of_the_format() {
    let house = House::new().await;
    let query = "SELECT value AS id FROM generate_series(1, 20000) ORDER BY value";
    let expected: String = std::iter::once("id\n".to_owned()).chain((1..=20_000).map(|id| format!("{id}\n"))).collect();
    let gzip = written(&house, query, FilesTarget { compression: Some(Compression::Gzip), ..FilesTarget::default() }).await;
    assert_eq!(gzip[0].0, "part-00000.csv.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(gzip[0].1.as_ref()).read_to_string(&mut text).unwrap();
    assert_eq!(text, expected);
    let json = FilesTarget { format: Format::Json, compression: Some(Compression::Zstd), ..FilesTarget::default() };
    let zstd = written(&house, query, json).await;
    assert_eq!(zstd[0].0, "part-00000.json.zst");
    let text = String::from_utf8(zstd::decode_all(zstd[0].1.as_ref()).unwrap()).unwrap();
    assert_eq!(text, (1..=20_000).map(|id| format!("{{\"id\":{id}}}\n")).collect::<String>());
}

#[tokio::test]
async fn json_has_an_object_on_each_line() {
    let house = House::new().await;
    let query =
        "SELECT 1 AS id, named_struct('a', 'x\"y', 'b', [1, 2]) AS nested, TIMESTAMP '2025-03-09T18:30:00' AS at, DATE '2025-01-02' AS day,
                 CAST(NULL AS VARCHAR) AS nothing";
    let files = written(&house, query, FilesTarget { format: Format::Json, ..FilesTarget::default() }).await;
    let expected = "{\"id\":1,\"nested\":{\"a\":\"x\\\"y\",\"b\":[1,2]},\"at\":\"2025-03-09T18:30:00\",\"day\":\"2025-01-02\"}\n";
    assert_eq!(texts(&files), [("part-00000.json", expected)]);
}

#[tokio::test]
async fn parquet_has_partitions_row_groups_and_limits_too() {
    let house = House::new().await;
    let query = "SELECT value AS id, value % 3 AS k FROM generate_series(1, 9000)";
    let target = FilesTarget {
        format: Format::Parquet,
        compression: Some(Compression::Gzip),
        partition_keys: keys(&["k"]),
        max_file_rows: Some(2_000),
        row_group_rows: Some(500),
        ..FilesTarget::default()
    };
    let files = written(&house, query, target).await;
    assert_eq!(files.len(), 6);
    for (name, bytes) in &files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
        let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, vec![500; if name.contains("part-00000") { 4 } else { 2 }], "{name}");
        assert_eq!(reader.schema().fields().len(), 1);
        let k: i64 = name[2..3].parse().unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            assert!(batch.column(0).as_primitive::<Int64Type>().values().iter().all(|id| id % 3 == k));
        }
    }
}

#[tokio::test]
async fn keys_that_cannot_be_folders_are_refused() {
    let house = House::new().await;
    let cases = [
        ("SELECT 1 AS id, 2 AS n", "day", "\"day\" is not a column of the result"),
        ("SELECT 1 AS n", "n", "Every column of the result is a partition key"),
        ("SELECT 1 AS id, [1] AS n", "n", "is a list, which cannot be a partition key"),
        ("SELECT 1 AS id, repeat('x', 300) AS n", "n", "too long for a folder's name"),
        ("SELECT 1 AS id, value AS n FROM generate_series(1, 10001)", "n", "more than 10000 partitions by n"),
    ];
    for (query, key, expected) in cases {
        let files = FilesTarget { location: "s3://data/out/".into(), partition_keys: keys(&[key]), ..FilesTarget::default() };
        let id = house.start_into(query, Target::Files(files)).await;
        let run = house.installation.runs.wait(&id).await.unwrap();
        assert_eq!(run.state, RunState::Failed);
        let message = run.message.unwrap();
        assert!(message.contains(expected), "{message}");
    }
    assert!(house.files().await.is_empty());
}

#[tokio::test]
async fn a_full_disk_has_a_code_and_the_old_result_stays() {
    let house = House::new().await;
    let disk = house.installation.buckets.root().join("data/small");
    std::fs::create_dir_all(&disk).unwrap();
    let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|done| done.status.success()) {
        eprintln!("not tried: no file system can be mounted here");
        return;
    }
    let old = Target::file("s3://data/small/out/", Format::Csv);
    let id = house.start_into("SELECT 'old' AS value", old).await;
    house.installation.runs.wait(&id).await.unwrap().succeeded().unwrap();
    let mut found = Vec::new();
    for format in [Format::Csv, Format::Json, Format::Parquet] {
        let query = "SELECT value, md5(CAST(value AS VARCHAR)) AS text FROM generate_series(1, 200000)";
        let id = house.start_into(query, Target::file("s3://data/small/out/", format)).await;
        found.push(house.installation.runs.wait(&id).await.unwrap());
    }
    let left = house.read("small/out/part-00000.csv").await;
    let names = std::fs::read_dir(disk.join("out")).unwrap().count();
    assert!(std::process::Command::new("umount").arg(&disk).status().unwrap().success());
    for run in found {
        assert_eq!((run.state, run.code.as_deref()), (RunState::Failed, Some(etl::TARGET_FULL)), "{:?}", run.message);
        assert!(run.message.unwrap().starts_with("The disk has no room for the result under s3://data/small/out/;"));
    }
    assert_eq!((left.as_str(), names), ("value\nold\n", 1));
}

#[tokio::test]
async fn glues_words_for_a_targets_files() {
    let house = House::new().await;
    house.put("raw/a.csv", "id\n1\n").await;
    let graph = |members: serde_json::Value| {
        let mut target = json!({"Name": "Out", "Inputs": ["raw"], "Path": "s3://data/out/", "Mode": "overwrite"});
        target.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        json!({"raw": {"S3CsvSource": {"Name": "Raw", "Paths": ["s3://data/raw/"], "Separator": "comma", "QuoteChar": "quote",
            "WithHeader": true}}, "out": {"S3DirectTarget": target}})
    };
    for format in ["csv", "json", "parquet"] {
        house.graph("copy", graph(json!({"Format": format, "Compression": "uncompressed"}))).await;
        house.succeed("copy").await;
        assert_eq!(house.files().await[0].0, format!("part-00000.{format}"));
    }
    let refusals = [
        ("lzo", "Compression is none, gzip, snappy or zstd; found \"lzo\"."),
        ("snappy", "Compression of a csv target is none or gzip; found snappy."),
    ];
    for (compression, expected) in refusals {
        house.graph("copy", graph(json!({"Format": "csv", "Compression": compression}))).await;
        assert_eq!(house.fail("copy").await.1, format!("For node \"out\": {expected}"));
    }
    for (files, remarks) in [("1", 0), ("4", 1)] {
        house.graph("copy", graph(json!({"Format": "csv", "NumberTargetPartitions": files}))).await;
        let run = house.succeed("copy").await;
        let log = house.log(&run.id).await;
        assert_eq!(log.matches("warn: NumberTargetPartitions 4 of node \"out\" has no effect").count(), remarks, "{log}");
    }
}
