#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;

use catalog::Crawler;
use connect::files::{CsvDialect, Encoding, Format, GrokForm, XmlForm};
use serde_json::json;

use super::House;

const HEADED: CsvDialect =
    CsvDialect { delimiter: b',', quote: b'"', has_header: true, by_position: false, quoted: false, encoding: Encoding::Utf8 };

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn bzip2(text: &str) -> Vec<u8> {
    let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn snappy(text: &str) -> Vec<u8> {
    let mut packed = snap::write::FrameEncoder::new(Vec::new());
    packed.write_all(text.as_bytes()).unwrap();
    packed.into_inner().unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// What the crawler finds is what the reader reads.
#[tokio::test]
async fn files_of_every_text_kind_are_crawled_and_read() {
    let house = House::new().await;
    let rows = "id,ort\n1,Köln\n2,\"Bonn,\nBad\"\n";
    let xml = "<l><e><id>1</id><ort>Köln</ort></e>\n<e><id>2</id><ort>Bonn,\nBad</ort></e></l>";
    house.put("in/a_csv/1.csv.bz2", bzip2(rows)).await;
    house.put("in/b_csv/1.csv.sz", snappy(rows)).await;
    house.put("in/c_csv/1.csv", utf16(rows)).await;
    house.put("in/d_json/1.json", "[\n {\"id\": 1, \"ort\": \"Köln\"},\n {\"id\": 2, \"ort\": \"Bonn,\\nBad\"}\n]").await;
    house.put("in/e_json/1.json.gz", gzip("{\n\"id\": 1, \"ort\": \"Köln\"\n}\n{\n\"id\": 2, \"ort\": \"Bonn,\\nBad\"\n}")).await;
    house.put("in/f_xml/1.xml", xml).await;
    house.put("in/g_xml/1.xml.gz", gzip(xml)).await;
    let targets = serde_json::from_value(json!({"S3Targets": [{"Path": "s3://data/in/"}]})).unwrap();
    house.crawl(Crawler { name: "all".into(), database_name: "shop".into(), targets, ..Crawler::default() }).await;
    for table in ["a_csv", "b_csv", "c_csv", "d_json", "e_json", "f_xml", "g_xml"] {
        let query = format!("SELECT id + 1 AS n, ort FROM shop.{table} ORDER BY n");
        // The job's CSV has no line breaks in its cells.
        assert_eq!(house.csv(&query).await, "n,ort\n2,Köln\n3,\"Bonn, Bad\"\n", "{table}");
    }
}

#[tokio::test]
async fn rows_are_where_a_path_leads() {
    let house = House::new().await;
    house.put("j/1.json", "{\"n\": 2, \"items\": [{\"sku\": \"A\", \"price\": 1.5}, {\"sku\": 7}]}").await;
    house.table("items", "s3://data/j/", Format::JsonPath("$.items[*]".into()), "sku string, price double").await;
    assert_eq!(house.csv("SELECT sku, price FROM shop.items ORDER BY sku").await, "sku,price\n7,\nA,1.5\n");
}

#[tokio::test]
async fn xml_takes_the_shape_of_the_catalogue() {
    let house = House::new().await;
    let text = "<c><b id='1'><t>One</t><a>X</a><p cur='EUR'>9.5</p><ok>TRUE</ok></b><b id='2'><t>Two</t><a>X</a><a>Y</a><p>12</p></b></c>";
    house.put("x/1.xml", text).await;
    let format = Format::Xml(XmlForm { row_tag: "b".into(), encoding: Encoding::Utf8 });
    let columns = "_id bigint, t string, a array<string>, p struct<_cur:string,_VALUE:double>, ok boolean";
    house.table("books", "s3://data/x/", format.clone(), columns).await;
    let query = "SELECT _id, t, array_to_string(a, '|') AS a, p['_VALUE'] AS p, p['_cur'] AS c, ok FROM shop.books ORDER BY _id";
    assert_eq!(house.csv(query).await, "_id,t,a,p,c,ok\n1,One,X,9.5,EUR,true\n2,Two,X|Y,12.0,,\n");
    house.put("y/1.xml", "<c>\n<b><n>1</n></b>\n<b><n>two</n></b></c>").await;
    house.table("unfit", "s3://data/y/", format, "n bigint").await;
    let failure = house.failure("SELECT n FROM shop.unfit").await;
    assert!(failure.contains("y/1.xml") && failure.contains("\"n\"; on line 3 it holds \"two\""), "{failure}");
}

#[tokio::test]
async fn lines_are_read_by_a_grok_pattern() {
    let house = House::new().await;
    house.put("g/1.log", "7 anna 1.50\nnot one\n8 bernd -\n").await;
    let form = GrokForm {
        classification: "visits".into(),
        pattern: "^%{NUMBER:id:int} %{WHO:who} (?:%{NUMBER:price}|-)$".into(),
        custom_patterns: "WHO [a-z]+".into(),
        encoding: Encoding::Utf8,
    };
    house.table("visits", "s3://data/g/", Format::Grok(form), "id int, who string, price double").await;
    let run = house.run("SELECT id, who, price FROM shop.visits ORDER BY id").await;
    assert_eq!(house.read("out/part-00000.csv").await, "id,who,price\n7,anna,1.5\n8,bernd,\n");
    let log = house.log(&run.id).await;
    assert!(log.contains("1 lines do not match the table's Grok pattern and were left out (first: g/1.log line 2)."), "{log}");
}

#[tokio::test]
async fn dialects_of_classifiers_are_read() {
    let house = House::new().await;
    house.put("q/1.txt", "a^b\n'x^y'^'it''s'\n").await;
    let dialect = CsvDialect { delimiter: b'^', quote: b'\'', by_position: true, ..HEADED };
    house.table("quoted", "s3://data/q/", Format::Csv(dialect), "one string, two string").await;
    assert_eq!(house.csv("SELECT two, one FROM shop.quoted").await, "two,one\nit's,x^y\n");
    house.put("k/1.txt", "1\u{1}x\n2\u{1}y\n").await;
    let bare = CsvDialect { delimiter: 1, has_header: false, ..HEADED };
    house.table("control", "s3://data/k/", Format::Csv(bare), "id int, name string").await;
    assert_eq!(house.csv("SELECT name FROM shop.control WHERE id = 2").await, "name\ny\n");
}

/// A job over a file that was cut off fails and names it.
#[tokio::test]
async fn what_was_cut_off_fails_the_job() {
    let house = House::new().await;
    let rows: String = (0..20_000_u64).map(|id| format!("{id},{}\n", id.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let text = format!("id,x\n{rows}");
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for (name, packed) in [("gzip", gzip(&text)), ("bzip", bzip2(&text)), ("zstd", zstd), ("snappy", snappy(&text))] {
        house.put(&format!("cut_{name}/1.csv"), packed[..packed.len() - 50].to_vec()).await;
        house.table(&format!("cut_{name}"), &format!("s3://data/cut_{name}/"), Format::Csv(HEADED), "id bigint, x string").await;
        let failure = house.failure(&format!("SELECT count(x) AS n FROM shop.cut_{name}")).await;
        assert!(failure.contains(&format!("cut_{name}/1.csv cannot be read")), "{failure}");
    }
    house.put("cut_json/1.json", gzip("[{\"id\": 1}\n").as_slice().to_vec()).await;
    house.table("cut_json", "s3://data/cut_json/", Format::Json, "id bigint").await;
    let failure = house.failure("SELECT id FROM shop.cut_json").await;
    assert!(failure.contains("cut_json/1.json") && failure.contains("line 2 the text ends"), "{failure}");
    house.put("cut_parquet/1.parquet", b"PAR1 half a file".to_vec()).await;
    house.table("cut_parquet", "s3://data/cut_parquet/", Format::Parquet, "id bigint").await;
    let failure = house.failure("SELECT id FROM shop.cut_parquet").await;
    assert!(!failure.is_empty(), "{failure}");
}

#[tokio::test]
async fn a_type_that_changes_at_row_1_000_001_is_named() {
    let house = House::new().await;
    let mut text = "{\"v\":1}\n".repeat(1_000_000);
    text.push_str("{\"v\":\"late\"}\n{\"v\":2}\n");
    house.put("late/1.jsonl", text).await;
    house.table("late", "s3://data/late/", Format::Json, "v bigint").await;
    let run = house.run("SELECT sum(v) AS s FROM shop.late").await;
    let message = run.message.unwrap();
    assert!(
        message.contains("late/1.jsonl should hold values of the type Int64 in column \"v\"; on line 1000001 it holds \"late\""),
        "{message}"
    );
}

/// A quote or bracket that is never closed ends the job, not the machine's memory.
#[tokio::test]
async fn rows_without_end_are_refused() {
    let house = House::new().await;
    let filler = "x".repeat(1 << 20);
    let endless = |begin: &str| [begin, &filler.repeat(66)].concat();
    house.put("e/1.csv", endless("id,name\n1,\"")).await;
    house.table("endless", "s3://data/e/", Format::Csv(HEADED), "id bigint, name string").await;
    let failure = house.failure("SELECT id FROM shop.endless").await;
    assert!(failure.contains("e/1.csv") && failure.contains("a quote is never closed"), "{failure}");
    house.put("f/1.json", endless("{\"name\": \"")).await;
    house.table("open", "s3://data/f/", Format::Json, "name string").await;
    let failure = house.failure("SELECT name FROM shop.open").await;
    assert!(failure.contains("f/1.json") && failure.contains("more than 64 MiB"), "{failure}");
}

#[cfg(all(feature = "avro", feature = "orc"))]
mod typed {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, StructArray};
    use arrow::datatypes::{DataType, Field};
    use arrow_avro::compression::CompressionCodec;
    use arrow_avro::writer::WriterBuilder;
    use arrow_avro::writer::format::AvroOcfFormat;

    use super::*;

    fn batch() -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(0..20_000));
        let names: ArrayRef = Arc::new(StringArray::from_iter((0..20_000).map(|row| (row % 2 > 0).then(|| format!("Köln {row}")))));
        RecordBatch::try_from_iter_with_nullable([("Name", names, true), ("id", ids, true)]).unwrap()
    }

    fn avro(batch: &RecordBatch, codec: Option<CompressionCodec>) -> Vec<u8> {
        let mut writer =
            WriterBuilder::new(batch.schema().as_ref().clone()).with_compression(codec).build::<_, AvroOcfFormat>(Vec::new()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        writer.into_inner()
    }

    fn orc(batch: &RecordBatch) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = orc_rust::ArrowWriterBuilder::new(&mut bytes, batch.schema()).try_build().unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    /// Columns by name in either case, in the catalogue's types; one that the files lack is null.
    #[tokio::test]
    async fn avro_and_orc_take_the_shape_of_the_catalogue() {
        let house = House::new().await;
        let codecs = [None, Some(CompressionCodec::Deflate), Some(CompressionCodec::Snappy), Some(CompressionCodec::ZStandard)];
        for (index, codec) in codecs.into_iter().enumerate() {
            house.put(&format!("av/{index}.avro"), avro(&batch(), codec)).await;
        }
        house.put("oc/1.orc", orc(&batch())).await;
        let query = |table: &str| {
            format!("SELECT count(*) AS n, sum(id) AS s, count(name) AS m, max(name) AS x, count(extra) AS e FROM shop.{table}")
        };
        house.table("av", "s3://data/av/", Format::Avro, "id bigint, name string, extra double").await;
        assert_eq!(house.csv(&query("av")).await, "n,s,m,x,e\n80000,799960000,40000,Köln 9999,0\n");
        house.table("oc", "s3://data/oc/", Format::Orc, "id bigint, name string, extra double").await;
        assert_eq!(house.csv(&query("oc")).await, "n,s,m,x,e\n20000,199990000,10000,Köln 9999,0\n");
        assert_eq!(house.csv("SELECT id FROM shop.oc WHERE name = 'Köln 7'").await, "id\n7\n");
        house.table("wrong", "s3://data/oc/", Format::Orc, "name bigint").await;
        let failure = house.failure("SELECT sum(name) AS s FROM shop.wrong").await;
        assert!(failure.contains("oc/1.orc") && failure.contains("column \"name\"") && failure.contains("Köln 1"), "{failure}");
    }

    #[tokio::test]
    async fn crawled_avro_and_orc_are_read_nested_too() {
        let house = House::new().await;
        let inner: ArrayRef = Arc::new(Int32Array::from(vec![3, 4]));
        let size: ArrayRef = Arc::new(StructArray::from(vec![(Arc::new(Field::new("w", DataType::Int32, true)), inner.clone())]));
        let nested = RecordBatch::try_from_iter_with_nullable([("id", inner, true), ("size", size, true)]).unwrap();
        house.put("in/av/1.avro", avro(&nested, Some(CompressionCodec::Bzip2))).await;
        house.put("in/oc/1.orc", orc(&batch())).await;
        let targets = serde_json::from_value(json!({"S3Targets": [{"Path": "s3://data/in/"}]})).unwrap();
        house.crawl(Crawler { name: "typed".into(), database_name: "shop".into(), targets, ..Crawler::default() }).await;
        assert_eq!(house.csv("SELECT id, size['w'] AS w FROM shop.av ORDER BY id").await, "id,w\n3,3\n4,4\n");
        assert_eq!(house.csv("SELECT count(*) AS n FROM shop.oc").await, "n\n20000\n");
    }

    #[tokio::test]
    async fn damaged_avro_and_orc_fail_the_job() {
        let house = House::new().await;
        let whole = avro(&batch(), None);
        house.put("da/1.avro", whole[..whole.len() - 1000].to_vec()).await;
        house.table("da", "s3://data/da/", Format::Avro, "id bigint").await;
        let failure = house.failure("SELECT id FROM shop.da").await;
        assert!(failure.contains("da/1.avro cannot be read as Avro") && failure.contains("cut off"), "{failure}");
        let whole = orc(&batch());
        house.put("do/1.orc", whole[..whole.len() - 20].to_vec()).await;
        house.table("dorc", "s3://data/do/", Format::Orc, "id bigint").await;
        assert!(house.failure("SELECT id FROM shop.dorc").await.contains("do/1.orc cannot be read"), "orc");
        let mut scrambled = whole.clone();
        scrambled[100..400].fill(0xff);
        house.put("sc/1.orc", scrambled).await;
        house.table("sc", "s3://data/sc/", Format::Orc, "id bigint, name string").await;
        assert!(house.failure("SELECT id, name FROM shop.sc").await.contains("sc/1.orc cannot be read"), "orc");
    }
}
