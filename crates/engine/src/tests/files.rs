use std::io::Write;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use connect::files::{CsvDialect, Encoding, Format};

use super::{House, outcome};

pub const CSV: CsvDialect =
    CsvDialect { delimiter: b',', quote: b'"', has_header: true, by_position: false, quoted: false, encoding: Encoding::Utf8 };

pub fn csv(dialect: CsvDialect) -> Format {
    Format::Csv(dialect)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn files_of_one_table_may_differ_in_order_packing_and_columns() {
    let house = House::new().await;
    house.put("c/1.csv", "id,name,age\n1,Ann,30\n2,\"Bo, \"\"B\"\"\",\n").await;
    house.put("c/2.csv.gz", gzip("age,ID, name \n41,3,Cid\n")).await;
    house.put("c/3.csv.zst", zstd::encode_all("\u{feff}id,name\n4,Dee\n".as_bytes(), 1).unwrap()).await;
    house.put("c/_attempt-x.csv", "id,name,age\n9,hidden,9\n").await;
    house.table("customers", "s3://data/c/", csv(CSV), "id bigint, name string, age int").await;
    let run = house.run("SELECT id, name, age FROM shop.customers ORDER BY id").await;
    assert_eq!(house.read("out/part-00000.csv").await, "id,name,age\n1,Ann,30\n2,\"Bo, \"\"B\"\"\",\n3,Cid,41\n4,Dee,\n");
    assert_eq!((outcome(&run).rows_read(), outcome(&run).read[0].table.clone()), (4, "shop.customers".to_owned()));
    let log = house.log(&run.id).await;
    assert!(log.contains("warn: 1 files lack the column \"age\", which is null for their rows (first: c/3.csv.zst)."), "{log}");
}

#[tokio::test]
async fn dialects_and_encodings_are_those_of_the_catalogue() {
    let house = House::new().await;
    house.put("l/k.csv", b"nr;gebiet\n1;M\xfcnchen\n2;K\xf6ln\n".to_vec()).await;
    let latin = CsvDialect { delimiter: b';', encoding: Encoding::Latin1, ..CSV };
    house.table("kunden", "s3://data/l/", csv(latin), "nr bigint, gebiet string").await;
    assert_eq!(house.csv("SELECT gebiet FROM shop.kunden ORDER BY nr").await, "gebiet\nMünchen\nKöln\n");

    house.put("t/a.tsv", "1\tx\n2\ty\n").await;
    let bare = CsvDialect { delimiter: b'\t', has_header: false, ..CSV };
    house.table("bare", "s3://data/t/", csv(bare), "col0 bigint, col1 string").await;
    assert_eq!(house.csv("SELECT col1 FROM shop.bare WHERE col0 > 1").await, "col1\ny\n");

    house.put("u/a.csv", b"name\nM\xfcller\n".to_vec()).await;
    house.table("wrong", "s3://data/u/", csv(CSV), "name string").await;
    let failure = house.failure("SELECT name FROM shop.wrong").await;
    assert!(failure.contains("u/a.csv should be UTF-8, but line 2 is not"), "{failure}");
}

#[tokio::test]
async fn cells_and_rows_that_do_not_fit_are_counted_and_told() {
    let house = House::new().await;
    house.put("b/a.csv", "id,price\n1,9.5\n2,free\n3\n4,1,surplus\n5,2,\n").await;
    house.table("prices", "s3://data/b/", csv(CSV), "id bigint, price double").await;
    let run = house.run("SELECT id, price FROM shop.prices ORDER BY id").await;
    assert_eq!(house.read("out/part-00000.csv").await, "id,price\n1,9.5\n2,\n3,\n5,2.0\n");
    let log = house.log(&run.id).await;
    for told in [
        "1 rows are too long and were left out (first: b/a.csv line 5 has 3 fields, 2 were expected).",
        "1 rows are too short; what they lack is null (first: b/a.csv line 4 has 1 fields, 2 were expected).",
        "1 values of column \"price\" are no Float64 and became null (first: \"free\" in b/a.csv line 3).",
    ] {
        assert!(log.contains(told), "{log}");
    }
}

#[tokio::test]
async fn a_file_of_another_table_is_refused() {
    let house = House::new().await;
    house.put("o/a.csv", "this,that\n1,2\n").await;
    house.table("orders", "s3://data/o/", csv(CSV), "id bigint, price double").await;
    let failure = house.failure("SELECT id FROM shop.orders").await;
    assert!(failure.contains("a header that names columns of its table (id, price); its first line is this, that."), "{failure}");
}

#[tokio::test]
async fn nested_json_lines_are_read_by_member() {
    let house = House::new().await;
    house
        .put(
            "p/1.jsonl",
            "{\"sku\":\"A1\",\"category\":{\"kind\":\"tent\"},\"tags\":[\"x\",\"y\"],\"price\":12}\n{\"sku\":7,\"tags\":[]}\n",
        )
        .await;
    house.put("p/2.jsonl.gz", gzip("{\"price\":1.5,\"category\":null,\"sku\":\"C3\",\"more\":{}}\n")).await;
    house
        .table("products", "s3://data/p/", Format::Json, "sku string, category struct<kind:string>, tags array<string>, price double")
        .await;
    let query = "SELECT sku AS ITEM_ID, category['kind'] AS KIND, array_to_string(tags, '|') AS TAGS, price AS PRICE FROM shop.products ORDER BY sku";
    assert_eq!(house.csv(query).await, "ITEM_ID,KIND,TAGS,PRICE\n7,,,\nA1,tent,x|y,12.0\nC3,,,1.5\n");
    house.put("p/3.jsonl", "{\"sku\":").await;
    let failure = house.failure("SELECT sku FROM shop.products").await;
    assert!(failure.contains("p/3.jsonl should hold JSON objects; at line 1 the text ends"), "{failure}");
}

#[tokio::test]
async fn folders_are_partitions_and_filters_on_them_skip_files() {
    let house = House::new().await;
    house.put("e/day=2025-01-01/a.csv", "id\n1\n").await;
    house.put("e/day=2025-01-02/a.csv", "id\n2\n").await;
    house.put("e/day=__HIVE_DEFAULT_PARTITION__/a.csv", "id\n3\n").await;
    house.put("e/day=2025-01-04/broken.csv", "no such\n4\n").await;
    house.partitioned_table("events", "s3://data/e/", csv(CSV), "id bigint", "day date").await;
    let filtered = "SELECT day, id FROM shop.events WHERE day < DATE '2025-01-03' ORDER BY id";
    assert_eq!(house.csv(filtered).await, "day,id\n2025-01-01,1\n2025-01-02,2\n");
    let plan = house.explain(filtered).await;
    assert!(plan.contains("FileScan: shop.events, csv, files=2, columns=[id, day], partition_filters=["), "{plan}");
    assert!(!plan.contains("FilterExec"), "{plan}");
    assert_eq!(house.csv("SELECT id FROM shop.events WHERE day IS NULL").await, "id\n3\n");
    assert_eq!(house.csv("SELECT DISTINCT day FROM shop.events WHERE id = 1 AND day <> DATE '2025-01-04'").await, "day\n2025-01-01\n");
}

#[tokio::test]
async fn only_wanted_columns_and_rows_are_read() {
    let house = House::new().await;
    let rows: String = (0..100_000).map(|id| format!("{id},n{id}\n")).collect();
    house.put("big/a.csv", format!("id,name\n{rows}")).await;
    house.table("big", "s3://data/big/", csv(CSV), "id bigint, name string").await;
    let plan = house.explain("SELECT name FROM big LIMIT 3").await;
    assert!(plan.contains("FileScan: shop.big, csv, files=1, columns=[name], limit=3"), "{plan}");
    let run = house.run("SELECT name FROM shop.big LIMIT 3").await;
    assert_eq!((outcome(&run).rows_written, outcome(&run).rows_read()), (3, 3));
    assert_eq!(house.csv("SELECT count(*) AS n FROM shop.big").await, "n\n100000\n");
}

/// Over 32 MiB of rows `id,note,price`, from 1 on: notes with quotes and line breaks, a row too long, a price that is none.
fn large(rows: usize, end: &str) -> String {
    let mut text = format!("\u{feff}id,note,price{end}");
    for id in 1..=rows {
        match id {
            700_000 => text.push_str(&format!("{id},surplus,1.5,x{end}")),
            700_001 => text.push_str(&format!("{id},free,free{end}")),
            _ if id % 1000 == 0 => text.push_str(&format!("{id},\"a \"\"note\"\"{end}of two lines, and a comma\",1.5{end}{end}")),
            _ => text.push_str(&format!("{id},note of an order that is neither short nor long,1.5{end}")),
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// One large file is read in pieces, as if it were read whole.
#[tokio::test]
async fn a_large_file_is_read_in_pieces_with_the_rows_and_lines_of_the_whole() {
    const ROWS: usize = 800_000;
    let house = House::new().await;
    // The header before it, and two lines more for every thousandth row.
    let lines = 700_000 + 1 + 2 * 699;
    for (name, end) in [("lf", "\n"), ("crlf", "\r\n")] {
        let text = large(ROWS, end);
        let bytes = text.len() as u64;
        house.put(&format!("{name}/a.csv"), text).await;
        house.table(name, &format!("s3://data/{name}/"), csv(CSV), "id bigint, note string, price double, absent string").await;
        let plan = house.explain(&format!("SELECT id FROM {name}")).await;
        assert!(plan.contains("csv, files=1, pieces=2, columns=[id]"), "{plan}");
        let query = format!(
            "SELECT count(*) AS n, sum(id) AS ids, count(DISTINCT id) AS d, count(price) AS p, sum(length(note)) AS l, count(absent) AS a FROM shop.{name}"
        );
        let run = house.run(&query).await;
        let length = |id: usize| match id {
            700_000 => 0,
            700_001 => "free".len(),
            _ if id.is_multiple_of(1000) => "a \"note\"of two lines, and a comma".len() + end.len(),
            _ => "note of an order that is neither short nor long".len(),
        };
        let expected = format!(
            "{},{},{},{},{},0",
            ROWS - 1,
            ROWS * (ROWS + 1) / 2 - 700_000,
            ROWS - 1,
            ROWS - 2,
            (1..=ROWS).map(length).sum::<usize>()
        );
        assert_eq!(house.read("out/part-00000.csv").await, format!("n,ids,d,p,l,a\n{expected}\n"), "{name}");
        assert_eq!((outcome(&run).rows_read(), outcome(&run).read[0].bytes), (ROWS as u64 - 1, bytes));
        let log = house.log(&run.id).await;
        for told in [
            format!("1 rows are too long and were left out (first: {name}/a.csv line {lines} has 4 fields, 3 were expected)."),
            format!("1 values of column \"price\" are no Float64 and became null (first: \"free\" in {name}/a.csv line {})", lines + 1),
            format!("1 files lack the column \"absent\", which is null for their rows (first: {name}/a.csv)."),
        ] {
            assert!(log.contains(&told), "{told} in {log}");
        }
    }
}

#[tokio::test]
async fn files_that_have_to_be_unpacked_or_decoded_are_not_read_in_pieces() {
    let house = House::new().await;
    let text = "id,name\n".to_owned() + &"1,ann\n".repeat(6 << 20);
    house.put("plain/a.csv", text.clone()).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(text.as_bytes()).unwrap();
    house.put("packed/a.csv", packed.finish().unwrap()).await;
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    house.put("wide/a.csv", utf16).await;
    for (name, folder, encoding, pieces) in [
        ("plain", "plain", Encoding::Utf8, true),
        ("latin", "plain", Encoding::Latin1, false),
        ("packed", "packed", Encoding::Utf8, false),
        ("wide", "wide", Encoding::Utf8, false),
    ] {
        let dialect = CsvDialect { encoding, ..CSV };
        house.table(name, &format!("s3://data/{folder}/"), csv(dialect), "id bigint, name string").await;
        let plan = house.explain(&format!("SELECT id FROM {name}")).await;
        assert_eq!(plan.contains("files=1, pieces="), pieces, "{name}: {plan}");
        assert!(!house.explain(&format!("SELECT id FROM {name} LIMIT 5")).await.contains("pieces="), "a limit is met by the first piece");
    }
    assert_eq!(house.csv("SELECT count(*) AS n, sum(id) AS s FROM shop.packed").await, "n,s\n6291456,6291456\n");
    assert_eq!(house.csv("SELECT count(*) AS n, sum(id) AS s FROM shop.plain").await, "n,s\n6291456,6291456\n");
}

fn parquet(ids: Vec<i64>, names: Vec<&str>) -> Vec<u8> {
    let ids = Arc::new(Int64Array::from(ids)) as _;
    let names = Arc::new(StringArray::from(names)) as _;
    let batch = RecordBatch::try_from_iter([("name", names), ("id", ids)]).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test]
async fn parquet_is_read_by_name_with_partitions_and_pruning() {
    let house = House::new().await;
    house.put("q/y=2024/a.parquet", parquet(vec![1, 2], vec!["a", "b"])).await;
    house.put("q/y=2025/a.parquet", parquet(vec![3, 4], vec!["c", "d"])).await;
    house.partitioned_table("facts", "s3://data/q/", Format::Parquet, "id bigint, name string, extra double", "y int").await;
    let all = "SELECT y, name, id, extra FROM shop.facts ORDER BY id";
    assert_eq!(house.csv(all).await, "y,name,id,extra\n2024,a,1,\n2024,b,2,\n2025,c,3,\n2025,d,4,\n");
    let filtered = "SELECT name FROM facts WHERE y = 2025 AND id = 4";
    let plan = house.explain(filtered).await;
    assert!(plan.contains("file_type=parquet") && plan.contains("predicate=") && !plan.contains("y=2024"), "{plan}");
    let run = house.run("SELECT name FROM shop.facts WHERE y = 2025 AND id = 4").await;
    assert_eq!(house.read("out/part-00000.csv").await, "name\nd\n");
    assert_eq!(outcome(&run).rows_read(), 2);
    let none = house.run("SELECT name FROM shop.facts WHERE id > 100").await;
    assert_eq!(outcome(&none).rows_read(), 0, "row groups are skipped by their statistics");
}

#[tokio::test]
async fn a_table_without_files_has_no_rows_and_the_header_is_written() {
    let house = House::new().await;
    house.table("nothing", "s3://data/none/", csv(CSV), "id bigint").await;
    house.table("nothing_parquet", "s3://data/none/", Format::Parquet, "id bigint").await;
    assert_eq!(house.csv("SELECT n.id AS ID FROM shop.nothing n JOIN shop.nothing_parquet p ON n.id = p.id").await, "ID\n");
}

#[tokio::test]
async fn a_folder_of_the_project_is_read_like_a_bucket() {
    let house = House::new().await;
    let folder = house.installation.folder.path().join("sources/x");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.csv"), "id\n5\n").unwrap();
    house.table("local", "sources/x", csv(CSV), "id bigint").await;
    house.table("single", "sources/x/a.csv", csv(CSV), "id bigint").await;
    assert_eq!(house.csv("SELECT l.id FROM shop.local l JOIN shop.single s ON l.id = s.id").await, "id\n5\n");
}

#[tokio::test]
async fn what_the_crawler_excluded_is_not_read() {
    let house = House::new().await;
    house.put("x/a.csv", "id\n1\n").await;
    house.put("x/below/b.csv", "other\n2\n").await;
    house.table("mixed", "s3://data/x/", csv(CSV), "id bigint").await;
    let mut table = house.catalog.get_table("shop", "mixed").await.unwrap().value;
    table.parameters.insert("exclusions".into(), "[\"below/**\"]".into());
    house.catalog.delete_table("shop", "mixed").await.unwrap();
    house.catalog.create_table("shop", table).await.unwrap();
    assert_eq!(house.csv("SELECT id FROM shop.mixed").await, "id\n1\n");
}
