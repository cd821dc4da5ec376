//! Messages that are not JSON.

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Schema, Writer};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimeUnit};
use futures::TryStreamExt;

use super::{Broker, KafkaSource, Scan, Source, TablePath, rows};

const SCHEMA: &str = r#"{"type":"record","name":"Sale","fields":[
    {"name":"id","type":"long"},
    {"name":"price","type":"double"},
    {"name":"name","type":["null","string"]},
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["NEW","OLD"]}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"tags","type":{"type":"array","items":"string"}},
    {"name":"counts","type":{"type":"map","values":"int"}},
    {"name":"place","type":{"type":"record","name":"Place","fields":[{"name":"city","type":"string"}]}},
    {"name":"key","type":{"type":"string","logicalType":"uuid"}}]}"#;

/// The fingerprint of the schema's canonical form by Avro's specification, where a type with a logical one is the plain type.
/// The crate apache-avro 0.22 leaves `{"type":"long"}` there, and so comes to another number.
const FINGERPRINT: [u8; 8] = [0x9c, 0xa6, 0x70, 0x34, 0x97, 0xc0, 0x7e, 0x31];

fn sale(id: i64) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let name = if id % 2 == 0 { Value::Union(0, Box::new(Value::Null)) } else { Value::Union(1, Box::new(text("odd"))) };
    Value::Record(vec![
        ("id".into(), Value::Long(id)),
        ("price".into(), Value::Double(id as f64 / 4.0)),
        ("name".into(), name),
        ("kind".into(), Value::Enum(1, "OLD".into())),
        ("at".into(), Value::TimestampMillis(1_700_000_000_123)),
        ("tags".into(), Value::Array(vec![text("a"), text("b")])),
        ("counts".into(), Value::Map([("x".to_owned(), Value::Int(7))].into())),
        ("place".into(), Value::Record(vec![("city".into(), text("Zürich"))])),
        ("key".into(), Value::Uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8".parse().unwrap())),
    ])
}

fn schema() -> Schema {
    Schema::parse_str(SCHEMA).unwrap()
}

fn container(ids: std::ops::Range<i64>) -> Vec<u8> {
    let schema = schema();
    let mut writer = Writer::new(&schema, Vec::new()).unwrap();
    for id in ids {
        writer.append_value(sale(id)).unwrap();
    }
    writer.into_inner().unwrap()
}

fn bare(id: i64) -> Vec<u8> {
    GenericDatumWriter::builder(&schema()).build().unwrap().write_value_to_vec(sale(id)).unwrap()
}

async fn one(source: &KafkaSource, topic: &str) -> RecordBatch {
    let batches = rows(source, Scan::all(TablePath::table(topic))).await;
    let all = concat_batches(batches[0].schema_ref(), &batches).unwrap();
    let order = arrow::compute::sort_to_indices(&all["_offset"], None, None).unwrap();
    arrow::compute::take_record_batch(&all, &order).unwrap()
}

pub(super) async fn other_formats_are_read(broker: &Broker) {
    avro_in_all_its_frames(broker).await;
    avro_without_a_schema_is_refused_with_a_hint(broker).await;
    rows_of_csv(broker).await;
    what_has_no_columns_is_one(broker).await;
    nested_json(broker).await;
}

async fn avro_in_all_its_frames(broker: &Broker) {
    let single = |id| [&[0xc3, 0x01][..], &FINGERPRINT, &bare(id)].concat();
    let registry = |id| [&[0, 0, 0, 0, 9][..], &bare(id)].concat();
    let given = broker.open_with(&[("penchant.avro.schema", SCHEMA)]);
    type Frame<'a> = &'a dyn Fn(i64) -> Vec<u8>;
    let frames: [(&str, Frame<'_>, KafkaSource); 4] = [
        ("avro_container", &|id| container(id..id + 1), broker.open()),
        ("avro_single", &single, given.clone()),
        ("avro_registry", &registry, given.clone()),
        ("avro_bare", &bare, given),
    ];
    for (topic, frame, source) in frames {
        broker.create(topic, 1, &[]);
        broker.send(topic, (1..4).map(|id| (0, None, Some(frame(id)))).chain([(0, None, None)]));
        let read = one(&source, topic).await;
        check_sales(&read, topic);
        broker.send(topic, [(0, None, Some(b"no avro of this schema".to_vec()))]);
        let error = source.scan(Scan::all(TablePath::table(topic))).try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.code, Some("SOURCE_VALUE_UNFIT"), "{topic}: {error}");
        assert!(error.to_string().contains("offset 4"), "{topic}: {error}");
    }
    broker.create("avro_many", 1, &[]);
    broker.send("avro_many", [(0, None, Some(container(0..25))), (0, None, Some(container(25..30)))]);
    let source = broker.open();
    let batches = rows(&source, Scan { batch_rows: 10, limit: Some(27), ..Scan::all(TablePath::table("avro_many")) }).await;
    assert!(batches.iter().all(|batch| batch.num_rows() <= 10));
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 27, "a message may be several rows");
    assert_eq!(source.count(&TablePath::table("avro_many")).await.unwrap(), None);
}

fn check_sales(read: &RecordBatch, topic: &str) {
    assert_eq!(read.num_rows(), 4, "{topic}");
    let ids: Vec<Option<i64>> = read["id"].as_primitive::<Int64Type>().iter().collect();
    assert_eq!(ids, [Some(1), Some(2), Some(3), None], "{topic}: the tombstone is a row of nulls");
    assert_eq!(read["price"].as_primitive::<Float64Type>().value(2), 0.75);
    assert_eq!(read["name"].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("odd"), None, Some("odd"), None]);
    assert_eq!(read["kind"].as_string::<i32>().value(0), "OLD");
    assert_eq!(read["at"].data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    assert_eq!(cast(&read["at"], &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(0), 1_700_000_000_123_000);
    assert_eq!(read["tags"].as_list::<i32>().value(1).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), Some("b")]);
    let entry = read["counts"].as_list::<i32>().value(0);
    assert_eq!(entry.as_struct().column(0).as_string::<i32>().value(0), "x");
    assert_eq!(entry.as_struct().column(1).as_primitive::<Int32Type>().value(0), 7);
    assert_eq!(read["place"].as_struct().column(0).as_string::<i32>().value(2), "Zürich");
    assert_eq!(read["key"].as_string::<i32>().value(0), "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "{topic}");
}

async fn avro_without_a_schema_is_refused_with_a_hint(broker: &Broker) {
    let source = broker.open();
    for topic in ["avro_single", "avro_registry"] {
        let error = source.schema(&TablePath::table(topic)).await.unwrap_err();
        assert!(error.to_string().contains("penchant.avro.schema") && error.to_string().contains(topic), "{error}");
    }
    broker.create("avro_two_ids", 1, &[]);
    let message = |id: u8| (0, None, Some([&[0, 0, 0, 0, id][..], &bare(1)].concat()));
    broker.send("avro_two_ids", [message(3), message(4)]);
    let given = broker.open_with(&[("penchant.avro.schema.avro_two_ids", SCHEMA)]);
    let error = given.scan(Scan::all(TablePath::table("avro_two_ids"))).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.to_string().contains("schema 3") && error.to_string().contains("schema 4"), "{error}");
}

async fn rows_of_csv(broker: &Broker) {
    let lines = |topic: &str, lines: &[&str]| {
        broker.create(topic, 1, &[]);
        broker.send(topic, lines.iter().map(|line| (0, None, Some(line.as_bytes().to_vec()))));
    };
    let day = |read: &RecordBatch, column: &str| cast(&read[column], &DataType::Utf8).unwrap().as_string::<i32>().value(0).to_owned();
    let source = broker.open();
    lines("csv_named", &["id;name;born;seen", "1;\"a;b\";2024-02-29;2024-02-29 23:59:58", "2;;2024-03-01;2024-03-01 08:26:00"]);
    let read = one(&source, "csv_named").await;
    assert_eq!(read["id"].as_primitive::<Int64Type>().values(), &[1, 2], "the header is no row");
    assert_eq!(read["name"].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a;b"), None]);
    assert_eq!((day(&read, "born"), day(&read, "seen")), ("2024-02-29".to_owned(), "2024-02-29T23:59:58".to_owned()));
    assert_eq!(source.count(&TablePath::table("csv_named")).await.unwrap(), None);
    lines("csv_plain", &["1,0.5,x", "2,1.5,y", "3,2.5,z"]);
    let read = one(&source, "csv_plain").await;
    assert_eq!(read["col0"].as_primitive::<Int64Type>().values(), &[1, 2, 3]);
    assert_eq!(read["col1"].as_primitive::<Float64Type>().value(2), 2.5);
    lines("csv_each", &["id,city\n1,Rome", "id,city\n2,Oslo"]);
    let read = one(&source, "csv_each").await;
    assert_eq!(read["id"].as_primitive::<Int64Type>().values(), &[1, 2], "a header in every message");
    source.schema(&TablePath::table("csv_plain")).await.unwrap();
    broker.send("csv_plain", [(0, None, Some(b"four,1.0,x".to_vec()))]);
    let error = source.scan(Scan::all(TablePath::table("csv_plain"))).try_collect::<Vec<_>>().await;
    let error = error.expect_err("the schema was found before");
    assert!(error.to_string().contains("offset 3") && error.to_string().contains("four"), "{error}");
}

async fn what_has_no_columns_is_one(broker: &Broker) {
    broker.create("words", 1, &[]);
    broker.send("words", [(0, Some("k"), Some(b"hello there".to_vec())), (0, None, Some(b"again".to_vec()))]);
    let read = one(&broker.open(), "words").await;
    assert_eq!(read["_value"].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("hello there"), Some("again")]);
    assert_eq!(read["_key"].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("k"), None]);
    broker.create("bytes", 1, &[]);
    broker.send("bytes", [(0, None, Some(vec![0xff, 0xfe, 1]))]);
    assert_eq!(one(&broker.open(), "bytes").await["_value"].as_binary::<i32>().value(0), [0xff, 0xfe, 1]);
}

async fn nested_json(broker: &Broker) {
    broker.create("nested", 1, &[]);
    let messages = [
        r#"{"id": 1, "who": {"name": "Ann", "age": 7}, "tags": ["a"], "odd": 5, "void": null, "_offset": "mine"}"#,
        "{\n  \"id\": 2,\n  \"tags\": [],\n  \"odd\": {\"deep\": true}\n}",
    ];
    broker.send("nested", messages.map(|text| (0, None, Some(text.as_bytes().to_vec()))));
    let read = one(&broker.open(), "nested").await;
    assert_eq!(read["who"].as_struct().column_by_name("age").unwrap().as_primitive::<Int64Type>().value(0), 7);
    assert!(read["who"].is_null(1));
    assert_eq!(read["tags"].as_list::<i32>().value(0).as_string::<i32>().value(0), "a");
    assert_eq!(read["odd"].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("5"), Some(r#"{"deep":true}"#)]);
    assert_eq!(read["void"].data_type(), &DataType::Utf8);
    assert_eq!(read["_message_offset"].as_string::<i32>().value(0), "mine");
    assert_eq!(read["_offset"].as_primitive::<Int64Type>().values(), &[0, 1]);
}
