use arrow::array::RecordBatch;
use domain::RunState;
use etl::Format;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
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
