use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use connect::files::{Compression, CsvDialect, Encoding, Format};

use crate::glob::Glob;
use crate::table::{Parameters, SerdeInfo, StorageDescriptor, Table};
use crate::{FileLayout, hive};

#[test]
fn hive_types_come_back_as_they_went() {
    for text in [
        "boolean",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "float",
        "double",
        "string",
        "binary",
        "date",
        "timestamp",
        "decimal(10,2)",
        "array<string>",
        "map<string,bigint>",
        "struct<a:int,b:array<struct<c:string>>>",
        "struct<`Gift Amount:`:string,`a``b`:int>",
        "struct<>",
    ] {
        assert_eq!(hive::from_arrow(&hive::to_arrow(text).unwrap()), text);
    }
}

#[test]
fn hive_types_are_read_as_clients_write_them() {
    assert_eq!(hive::to_arrow("VARCHAR(20)").unwrap(), DataType::Utf8);
    assert_eq!(hive::to_arrow("decimal").unwrap(), DataType::Decimal128(10, 0));
    assert_eq!(hive::to_arrow(" array < int > ").unwrap(), DataType::List(Arc::new(Field::new("item", DataType::Int32, true))));
    let deep = format!("{}int{}", "array<".repeat(100), ">".repeat(100));
    for wrong in ["", "number", "array<", "array<int>>", "struct<a>", "decimal(50,2)", "decimal(5,7)", "map<string>", deep.as_str()] {
        let error = hive::to_arrow(wrong).unwrap_err();
        assert!(error.message.contains("Hive type"), "{wrong}: {error}");
    }
    let error = hive::schema(&[crate::Column::new("price", "money")]).unwrap_err().to_string();
    assert!(error.contains("price") && error.contains("money"), "{error}");
}

#[test]
fn schemas_become_columns() {
    let schema = Schema::new(vec![
        Field::new("at", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), true),
        Field::new("size", DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)), true),
        Field::new("clock", DataType::Time64(TimeUnit::Microsecond), true),
    ]);
    let types: Vec<String> = hive::columns(&schema).into_iter().map(|column| column.data_type).collect();
    assert_eq!(types, ["timestamp", "string", "string"]);
}

#[test]
fn globs_are_glues() {
    let matches = |pattern: &str, text: &str| Glob::new(pattern).unwrap().matches(text);
    assert!(matches("*.csv", "a.csv") && !matches("*.csv", "b/a.csv"));
    assert!(matches("**.csv", "b/a.csv") && matches("old/**", "old/x/y"));
    assert!(matches("part-?.gz", "part-1.gz") && !matches("part-?.gz", "part-10.gz"));
    assert!(matches("[a-c]*", "beta") && !matches("[!a-c]*", "beta"));
    assert!(matches("{2023,2024}/*", "2024/x") && !matches("{2023,2024}/*", "2025/x"));
    assert!(matches("{a,b{c,d}}", "bd") && matches("\\*", "*") && !matches("\\*", "x"));
    for wrong in ["[a", "{a,b", "a\\"] {
        assert!(Glob::new(wrong).unwrap_err().message.contains("cannot be used"), "{wrong}");
    }
    assert!(Glob::percent("ord%").matches("order_lines") && !Glob::percent("orders").matches("orders2"));
}

#[test]
fn layouts_come_back_from_the_catalog() {
    let csv = |delimiter, has_header, quoted, encoding| {
        Format::Csv(CsvDialect { delimiter, has_header, quoted, encoding, ..CsvDialect::default() })
    };
    for layout in [
        FileLayout { format: csv(b'\t', true, false, Encoding::Utf8), compression: Compression::Gzip },
        FileLayout { format: csv(b';', false, true, Encoding::Latin1), compression: Compression::None },
        FileLayout { format: Format::Json, compression: Compression::Zstd },
        FileLayout { format: Format::Parquet, compression: Compression::None },
    ] {
        let table = Table { storage_descriptor: layout.storage("x/".into()), parameters: layout.parameters(), ..Table::default() };
        assert_eq!(FileLayout::of(&table).unwrap(), layout);
    }
}

#[test]
fn layouts_of_other_clients_are_understood() {
    let table = |serde: &str, serde_parameters: &[(&str, &str)], parameters: &[(&str, &str)]| {
        let map = |pairs: &[(&str, &str)]| -> Parameters { pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect() };
        let serde_info = SerdeInfo { name: None, serialization_library: Some(serde.into()), parameters: map(serde_parameters) };
        let storage_descriptor = StorageDescriptor { serde_info: Some(serde_info), ..StorageDescriptor::default() };
        Table { name: "t".into(), storage_descriptor, parameters: map(parameters), ..Table::default() }
    };
    let lazy = table("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", &[("field.delim", "\t")], &[("skip.header.line.count", "1")]);
    let Format::Csv(dialect) = FileLayout::of(&lazy).unwrap().format else { panic!("csv") };
    assert_eq!((dialect.delimiter, dialect.has_header), (b'\t', true));
    let parquet = table(
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        &[],
        &[("compressionType", "snappy"), ("classification", "parquet")],
    );
    assert_eq!(FileLayout::of(&parquet).unwrap(), FileLayout { format: Format::Parquet, compression: Compression::None });
    let ion = FileLayout::of(&table("x", &[], &[("classification", "ion")])).unwrap_err();
    assert!(ion.message.contains("\"ion\"") && ion.message.contains(".t "), "{ion}");
    let lzo = FileLayout::of(&table("x", &[], &[("classification", "csv"), ("compressionType", "lzo")])).unwrap_err();
    assert!(lzo.message.contains("lzo"), "{lzo}");
}
