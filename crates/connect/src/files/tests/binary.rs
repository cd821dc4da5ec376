#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow::array::{ArrayRef, Int64Array, ListArray, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroOcfFormat;

use super::*;

fn batch(rows: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let names: ArrayRef = Arc::new(StringArray::from_iter((0..rows).map(|row| (row % 3 > 0).then(|| format!("Köln {row}")))));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(|row| row * 1_000_000)));
    let tags: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>((0..rows).map(|row| Some(vec![Some(row)]))));
    let size: ArrayRef = Arc::new(StructArray::from(vec![(Arc::new(Field::new("w", DataType::Int64, true)), ids.clone())]));
    RecordBatch::try_from_iter_with_nullable([
        ("id", ids, true),
        ("name", names, true),
        ("at", times, true),
        ("tags", tags, true),
        ("size", size, true),
    ])
    .unwrap()
}

fn avro(batches: &[RecordBatch], codec: Option<CompressionCodec>) -> Vec<u8> {
    let schema = batches[0].schema().as_ref().clone();
    let mut writer = WriterBuilder::new(schema).with_compression(codec).build::<_, AvroOcfFormat>(Vec::new()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
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

#[tokio::test]
async fn avro_of_every_codec() {
    use CompressionCodec::{Bzip2, Deflate, Snappy, ZStandard};
    let parts = [batch(300), batch(200)];
    for codec in [None, Some(Deflate), Some(Snappy), Some(ZStandard), Some(Bzip2)] {
        let bytes = avro(&parts, codec);
        let found = usable("a.bin", bytes.clone()).await;
        assert_eq!((found.format.clone(), found.compression, found.rows), (Format::Avro, Compression::None, Some(500)), "{codec:?}");
        let names: Vec<String> = columns(&found).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["id", "name", "at", "tags", "size"]);
        let at = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!((found.schema.field(0).data_type(), found.schema.field(2).data_type()), (&DataType::Int64, &at));
        assert!(refused("a.avro", bytes[..bytes.len() - 5].to_vec()).await.contains("cut off"), "{codec:?}");
        // Longer than the sample.
        let limits = SampleLimits { head_bytes: bytes.len() * 3 / 4, window_bytes: 0 };
        let Finding::Usable(found) = look_with("a.avro", bytes, limits).await else { panic!("usable") };
        let rows = found.rows.unwrap();
        assert!((350..=650).contains(&rows), "{codec:?}: estimated {rows} of 500");
    }
    assert!(refused("a.avro", b"Obj\x01rubbish".to_vec()).await.contains("Avro"));
}

#[tokio::test]
async fn avro_blocks_are_followed_whatever_the_buffers() {
    let bytes = avro(&[batch(100), batch(50)], None);
    let read = |bytes: &[u8], buffer: usize| {
        let mut out = Vec::new();
        let buffered = std::io::BufReader::with_capacity(buffer, bytes);
        std::io::Read::read_to_end(&mut AvroBlocks::new(buffered), &mut out).map(|_| out)
    };
    for buffer in [1, 7, 4096, 1 << 20] {
        assert_eq!(read(&bytes, buffer).unwrap(), bytes);
        for cut in [3, 20, bytes.len() / 2, bytes.len() - 1] {
            assert!(read(&bytes[..cut], buffer).unwrap_err().to_string().contains("cut off"), "{cut} with {buffer}");
        }
    }
}

#[tokio::test]
async fn orc_by_its_tail() {
    let plain = batch(1000).project(&[0, 1]).unwrap();
    let bytes = orc(&plain);
    let found = usable("a.bin", bytes.clone()).await;
    assert_eq!((found.format.clone(), found.rows), (Format::Orc, Some(1000)));
    assert_eq!(columns(&found), [("id".to_owned(), DataType::Int64), ("name".to_owned(), DataType::Utf8)]);
    assert!(refused("a.orc", bytes[..bytes.len() - 10].to_vec()).await.contains("ORC"));
    assert!(refused("a.orc", b"ORC".to_vec()).await.contains("ORC"));
}

/// One of each format that is damaged on purpose elsewhere.
pub(super) fn whole_files() -> Vec<Vec<u8>> {
    let all = batch(20);
    let mut parquet = ::parquet::arrow::ArrowWriter::try_new(Vec::new(), all.schema(), None).unwrap();
    parquet.write(&all).unwrap();
    let text = "id,name\n1,anna\n2,bernd\n";
    vec![
        avro(std::slice::from_ref(&all), Some(CompressionCodec::Snappy)),
        orc(&all.project(&[0, 1]).unwrap()),
        parquet.into_inner().unwrap(),
        gzip(text),
        zstd::encode_all(text.as_bytes(), 1).unwrap(),
    ]
}
