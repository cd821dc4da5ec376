#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::header::is_header;
use super::value::Kind;
use super::*;

#[cfg(all(feature = "avro", feature = "orc"))]
mod binary;
mod classifiers;
mod damaged;
mod json_text;
mod packed;
mod real;
mod speed;
mod xml_text;

async fn look_with(name: &str, bytes: Vec<u8>, limits: SampleLimits) -> Finding {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let path = Path::from(name);
    store.put(&path, bytes.into()).await.unwrap();
    let meta = store.head(&path).await.unwrap();
    inspect(store, &meta, limits).await.unwrap()
}

async fn look(name: &str, bytes: impl Into<Vec<u8>>) -> Finding {
    look_with(name, bytes.into(), SampleLimits::default()).await
}

async fn usable(name: &str, bytes: impl Into<Vec<u8>>) -> Inspection {
    match look(name, bytes).await {
        Finding::Usable(inspection) => inspection,
        other => panic!("{name}: {other:?}"),
    }
}

async fn refused(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    match look(name, bytes).await {
        Finding::Unusable(reason) => reason,
        other => panic!("{name}: {other:?}"),
    }
}

fn columns(inspection: &Inspection) -> Vec<(String, DataType)> {
    inspection.schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
}

fn dialect(inspection: &Inspection) -> CsvDialect {
    match &inspection.format {
        Format::Csv(dialect) => *dialect,
        other => panic!("{other:?}"),
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn values_have_kinds() {
    let cases = [
        ("", Kind::Empty),
        ("0", Kind::Integer),
        ("-17", Kind::Integer),
        ("007", Kind::Text),
        ("-07", Kind::Text),
        ("1.50", Kind::Real),
        ("0.5", Kind::Real),
        (".5", Kind::Real),
        ("1e6", Kind::Real),
        ("1e999", Kind::Text),
        ("12345678901234567890", Kind::Text),
        ("-", Kind::Text),
        ("1-2", Kind::Text),
        ("true", Kind::Boolean),
        ("FALSE", Kind::Boolean),
        ("yes", Kind::Text),
        ("2024-05-17", Kind::Date),
        ("2024-02-30", Kind::Text),
        ("2023-02-29", Kind::Text),
        ("17.05.2024", Kind::Text),
        ("12/1/2010 8:26", Kind::Text),
        ("2024-05-17 08:26", Kind::Timestamp),
        ("2024-05-17T08:26:00.123Z", Kind::Timestamp),
        ("2024-05-17T08:26:00+02:00", Kind::Timestamp),
        ("2024-05-17T25:00", Kind::Text),
        ("2024-05-17 soon", Kind::Text),
        ("85123A", Kind::Text),
        (" 5", Kind::Text),
        ("17850.0", Kind::Real),
        ("NULL", Kind::Text),
    ];
    for (value, expected) in cases {
        assert_eq!(Kind::of(value), expected, "{value:?}");
    }
    assert_eq!(Kind::Integer.widen(Kind::Real), Kind::Real);
    assert_eq!(Kind::Date.widen(Kind::Timestamp), Kind::Timestamp);
    assert_eq!(Kind::Boolean.widen(Kind::Integer), Kind::Text);
    assert_eq!(Kind::Empty.widen(Kind::Date), Kind::Date);
}

#[test]
fn headers_are_told_from_rows() {
    let header = |text: &str| is_header(&text.lines().map(|line| line.split(',').collect()).collect::<Vec<_>>());
    // Glue's own rule.
    assert!(header("name,age\nanna,31"));
    assert!(!header("1,31\n2,32"));
    assert!(!header("anna,\n,x"), "an empty cell that is not the last");
    // Where Glue writes col0: nothing but text.
    assert!(header("name,city\nAnna,Berlin\nBernd,Paris"));
    assert!(header("user_id,item_id\nu1,i7\nu2,i9"));
    assert!(header("CustomerID,Country\nA17,United Kingdom\nA18,France"));
    assert!(header("vorname,ort\nAnna,Berlin\nBernd,Ulm"), "lower case above, capitals below");
    assert!(header("segment,tier\nYoung,Gold\nOld,Silver\nYoung,Gold"));
    assert!(!header("Anna,Berlin\nBernd,Paris\nCarl,Rome"));
    assert!(!header("anna,gold\nbernd,gold\ncarl,silver"), "a value of its column comes back");
    assert!(!header("A1,B2\nA3,B4\nA5,B6"));
    assert!(header("name,city"), "names alone");
    assert!(!header("Anna,Berlin"));
    assert!(header("name,city\nAnna,Berlin\nname,city\nBernd,Paris"), "two files joined");
}

#[tokio::test]
async fn csv_with_types() {
    let found = usable(
        "orders.csv",
        "id,sku,price,day,at,paid,zip\n1,a,1.5,2024-05-17,2024-05-17 08:26:00,true,01067\n2,\"b, c\",2,,,false,10115\n",
    )
    .await;
    let micro = DataType::Timestamp(TimeUnit::Microsecond, None);
    let expected = [
        ("id", DataType::Int64),
        ("sku", DataType::Utf8),
        ("price", DataType::Float64),
        ("day", DataType::Date32),
        ("at", micro),
        ("paid", DataType::Boolean),
        ("zip", DataType::Utf8),
    ];
    assert_eq!(columns(&found), expected.map(|(name, data_type)| (name.to_owned(), data_type)));
    assert_eq!(dialect(&found), CsvDialect { has_header: true, quoted: true, ..CsvDialect::default() });
    assert_eq!(found.rows, Some(2));
}

#[tokio::test]
async fn delimiters_are_found() {
    for (text, delimiter) in [
        ("a_id;b_id\n1,5;2\n2,5;3\n", b';'),
        ("a_id\tb_id\n1\t2\n", b'\t'),
        ("a_id|b_id|c_id\n1|2|x,y\n", b'|'),
        ("a_id,b_id\n1,2\n", b','),
    ] {
        assert_eq!(dialect(&usable("data.txt", text).await).delimiter, delimiter, "{text:?}");
    }
    assert_eq!(dialect(&usable("one.csv", "name\nAnna\nBernd\n").await).delimiter, b',');
    let prose = refused("README.txt", "This folder holds data.\nAsk Anna, Bernd, or Carl; they know.\nBye\n").await;
    assert!(prose.contains("no delimiter"), "{prose}");
}

#[tokio::test]
async fn encodings_are_found() {
    let bom = usable("a.csv", "\u{feff}name,town\nAnna,Köln\n").await;
    assert_eq!(bom.schema.field(0).name(), "name");
    assert_eq!(dialect(&bom).encoding, Encoding::Utf8);
    let latin = usable("a.csv", b"name,town_name\nAnna,K\xf6ln\n".to_vec()).await;
    assert_eq!(dialect(&latin).encoding, Encoding::Latin1);
    for (mark, bytes) in [(0xfeff_u16, u16::to_le_bytes as fn(u16) -> [u8; 2]), (0xfeff, u16::to_be_bytes)] {
        let units = std::iter::once(mark).chain("name,n\nKöln 🌊,1\n".encode_utf16());
        let found = usable("a.csv", units.flat_map(bytes).collect::<Vec<u8>>()).await;
        assert_eq!((dialect(&found).encoding, found.rows), (Encoding::Utf16, Some(1)));
        assert_eq!(columns(&found), [("name".to_owned(), DataType::Utf8), ("n".to_owned(), DataType::Int64)]);
    }
}

#[tokio::test]
async fn a_character_cut_by_the_sample_is_not_latin() {
    let text = format!("name,n\n{}", "Köln,1\n".repeat(100));
    let cut = text.char_indices().find(|(at, c)| *c == 'ö' && *at > 200).unwrap().0 + 1;
    let limits = SampleLimits { head_bytes: cut, window_bytes: 16 };
    let Finding::Usable(found) = look_with("a.csv", text.clone().into(), limits).await else { panic!("usable") };
    assert_eq!(dialect(&found).encoding, Encoding::Utf8);
    let rows = found.rows.unwrap();
    assert!((80..=110).contains(&rows), "estimated {rows}");
}

#[tokio::test]
async fn the_end_of_a_long_file_counts_too() {
    let text = format!("invoice,n\n{}C536379,7\n", "536379,1\n".repeat(1000));
    let limits = SampleLimits { head_bytes: 200, window_bytes: 100 };
    let Finding::Usable(found) = look_with("a.csv", text.into(), limits).await else { panic!("usable") };
    assert_eq!(columns(&found), [("invoice".to_owned(), DataType::Utf8), ("n".to_owned(), DataType::Int64)]);
}

#[tokio::test]
async fn packed_files_are_unpacked() {
    let text = "id,name\n1,anna\n2,bernd\n";
    let packed = usable("a.csv.gz", gzip(text)).await;
    assert_eq!((packed.compression, packed.rows), (Compression::Gzip, Some(2)));
    let zstd = usable("a.csv.zst", zstd::encode_all(text.as_bytes(), 3).unwrap()).await;
    assert_eq!((zstd.compression, zstd.schema.clone()), (Compression::Zstd, packed.schema.clone()));
    // By content, whatever the name says.
    assert_eq!(usable("a.csv", gzip(text)).await.compression, Compression::Gzip);
    let mut cut = gzip(&text.repeat(50));
    cut.truncate(cut.len() - 4);
    assert!(refused("a.csv.gz", cut).await.contains("damaged or cut off"));
    // Longer than the sample: what was unpacked is enough.
    let noise: String = (0..20_000_u64).map(|i| format!("{i},{}\n", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let limits = SampleLimits { head_bytes: 4096, window_bytes: 512 };
    let packed = gzip(&format!("id,x\n{noise}"));
    let Finding::Usable(found) = look_with("a.csv.gz", packed.clone(), limits).await else { panic!("usable") };
    assert_eq!(found.compression, Compression::Gzip);
    let rows = found.rows.unwrap();
    assert!((15_000..=27_000).contains(&rows), "estimated {rows} of 20000");
}

#[tokio::test]
async fn json_lines_with_nested_values() {
    let text = "{\"id\": 1, \"tags\": [\"a\"], \"size\": {\"w\": 1, \"Gift Amount:\": \" 50\"}, \"x\": null}\n\
                {\"id\": 2.5, \"tags\": [], \"size\": {\"w\": 2, \"h\": 3}, \"late\": true}\n";
    let found = usable("products.jsonl", text).await;
    assert_eq!(found.format, Format::Json);
    let size = vec![
        Field::new("w", DataType::Int64, true),
        Field::new("Gift Amount:", DataType::Utf8, true),
        Field::new("h", DataType::Int64, true),
    ];
    let expected = [
        ("id", DataType::Float64),
        ("tags", DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))),
        ("size", DataType::Struct(size.into())),
        ("x", DataType::Null),
        ("late", DataType::Boolean),
    ];
    assert_eq!(columns(&found), expected.map(|(name, data_type)| (name.to_owned(), data_type)));
    assert_eq!(found.rows, Some(2));
}

#[tokio::test]
async fn json_problems_are_named() {
    let bad = usable("a.json", "{\"a\": 1}\n{\"a\": \n{\"a\": {\"b\": 2}}\n").await;
    assert!(bad.notes.iter().any(|note| note.contains("Line 2")), "{:?}", bad.notes);
    assert!(bad.notes.iter().any(|note| note.contains("\"a\"")), "{:?}", bad.notes);
    assert!(refused("a.json", "[1, 2]").await.contains("an object was expected"));
    assert!(refused("a.json", "[]").await.contains("found none"));
    assert!(refused("a.json", "[{\"a\": 1}\n, {\"b\"").await.contains("ends within"));
}

#[tokio::test]
async fn parquet_by_its_footer() {
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int32, false), Field::new("name", DataType::Utf8, true)]));
    let batch =
        RecordBatch::try_new(schema.clone(), vec![Arc::new(Int32Array::from(vec![1, 2])), Arc::new(StringArray::from(vec!["a", "b"]))])
            .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let found = usable("data", bytes.clone()).await;
    assert_eq!((found.format.clone(), found.rows), (Format::Parquet, Some(2)));
    assert_eq!(columns(&found), [("id".to_owned(), DataType::Int32), ("name".to_owned(), DataType::Utf8)]);
    bytes.truncate(bytes.len() - 10);
    assert!(refused("data.parquet", bytes).await.contains("footer"));
}

#[tokio::test]
async fn what_is_not_read_is_said() {
    assert!(matches!(look("a.csv", "").await, Finding::Empty));
    assert!(matches!(look("a.csv", "\n \n").await, Finding::Empty));
    assert!(matches!(look("a.csv.gz", gzip("")).await, Finding::Empty));
    assert!(refused("a.zip", b"PK\x03\x04rest".to_vec()).await.contains("ZIP"));
    assert!(refused("a.bin", b"ab\x00cd".to_vec()).await.contains("binary"));
    assert!(refused("a.db", b"SQLite format 3\0....".to_vec()).await.contains("SQLITE"));
}

#[tokio::test]
async fn doubled_and_missing_names_are_made_unique() {
    let found = usable("a.csv", "id,name,Name,\n1,a,b,2\n").await;
    let names: Vec<String> = columns(&found).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["id", "name", "Name_2", "col3"]);
    assert_eq!(found.notes.len(), 1);
    let headless = usable("b.csv", "1,a\n2,b\n4,d\n5,e\n3\n").await;
    let names: Vec<String> = columns(&headless).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["col0", "col1"]);
    assert!(headless.notes[0].contains("1 of the first 5 rows"), "{:?}", headless.notes);
}

#[tokio::test]
async fn schemas_are_compared_and_joined() {
    let a = usable("a.csv", "id,name,price\n1,anna,2\n").await;
    let b = usable("b.csv", "id,name,price,extra\n1,bernd,2.5,x\n").await;
    let c = usable("c.csv", "sku,title\n1,x\n").await;
    let j = usable("d.json", "{\"id\": 1, \"name\": \"x\", \"price\": 3}\n").await;
    assert!(similarity(&a, &b).is_enough());
    assert!(!similarity(&a, &c).is_enough());
    assert_eq!(similarity(&a, &j), Similarity::Incompatible);
    let swapped = usable("s.csv", "name,id,price\nanna,1,2\n").await;
    assert_eq!(similarity(&a, &swapped), Similarity::Common(1.0), "a header says where columns are");
    let headless = |text: &'static str| usable("h.csv", text);
    let (two, three) = (headless("1,2\n3,4\n").await, headless("1,2,3\n3,4,5\n").await);
    assert_eq!(similarity(&two, &three), Similarity::Incompatible);
    let latin = usable("l.csv", b"id,name,price\n1,K\xf6ln,2\n".to_vec()).await;
    let utf8 = usable("u.csv", "id,name,price\n1,Köln,2\n").await;
    assert_eq!(similarity(&latin, &utf8), Similarity::Incompatible);
    assert_eq!(similarity(&latin, &a), Similarity::Common(1.0), "ASCII goes with every encoding");
    let joined = merge(&a.schema, &b.schema);
    let types: Vec<&DataType> = joined.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types, [&DataType::Int64, &DataType::Utf8, &DataType::Float64, &DataType::Utf8]);
    let cases = merge(&a.schema, &usable("b.csv", "ID,Name,PRICE\n1,bernd,x\n").await.schema);
    let names: Vec<&str> = cases.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!((names, cases.field(2).data_type()), (vec!["id", "name", "price"], &DataType::Utf8));
    let schema = |data_type: DataType| Schema::new(vec![Field::new("x", data_type, true)]);
    let wide = |a: DataType, b: DataType| merge(&schema(a), &schema(b)).field(0).data_type().clone();
    assert_eq!(wide(DataType::Int32, DataType::Int64), DataType::Int64);
    assert_eq!(wide(DataType::Int64, DataType::Utf8), DataType::Utf8);
    assert_eq!(wide(DataType::Null, DataType::Int64), DataType::Int64);
    assert_eq!(wide(DataType::Decimal128(10, 2), DataType::Decimal128(8, 4)), DataType::Decimal128(12, 4));
}
