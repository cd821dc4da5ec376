#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Beginnings of every kind, so that what follows reaches every reader.
const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"id,name\n1,\"a\n",
    b"{\"a\": [1, {\"b\": \"",
    b"[{\"a\":1},",
    b"<a><b c=\"1\">&amp;",
    b"<?xml version=\"1.0\"?><!DOCTYPE a [",
    b"\xff\xfea\x00,\x00",
    b"\xfe\xff\x00a",
    b"\xef\xbb\xbfa,b\n",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff",
    b"\x28\xb5\x2f\xfd",
    b"BZh91AY&SY",
    b"\xff\x06\x00\x00sNaPpY",
    b"PAR1",
    b"Obj\x01",
    b"Obj\x01\x04\x14avro.codec\x08null\x16avro.schema",
    b"ORC",
    b"a\x01b\n",
];

fn classifiers() -> Vec<Classifier> {
    let csv = CsvClassifier {
        name: "c".into(),
        delimiter: Some(';'),
        allow_single_column: true,
        header: HeaderRule::Present,
        ..CsvClassifier::default()
    };
    vec![
        Classifier::Csv(csv),
        Classifier::Json { name: "j".into(), json_path: "$.a[*]".into() },
        Classifier::Xml { name: "x".into(), classification: "xml".into(), row_tag: "b".into() },
        Classifier::Grok {
            name: "g".into(),
            classification: "g".into(),
            pattern: "%{WORD:w} %{GREEDYDATA:r}".into(),
            custom_patterns: String::new(),
        },
    ]
}

/// Whatever the bytes, the outcome is a value.
fn survive(cases: u32, bytes: impl Strategy<Value = Vec<u8>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let classifiers = classifiers();
    // Panics of the ORC reader are caught, not silent: they would hide what this test itself has to say.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() }).run(&bytes, |bytes| {
        for (limits, classifiers) in [(SampleLimits::default(), &[][..]), (SampleLimits { head_bytes: 64, window_bytes: 32 }, &classifiers)]
        {
            runtime.block_on(async {
                let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
                let path = Path::from("a.csv");
                store.put(&path, bytes.clone().into()).await.unwrap();
                let meta = store.head(&path).await.unwrap();
                inspect_as(store, &meta, limits, classifiers).await.unwrap();
            });
        }
        Ok(())
    });
    std::panic::set_hook(usual);
    outcome.unwrap();
}

#[test]
fn no_bytes_stop_an_inspection() {
    survive(400, (0..BEGINNINGS.len(), vec(any::<u8>(), 0..300)).prop_map(|(kind, rest)| [BEGINNINGS[kind], &rest].concat()));
}

/// Text made of what the readers look for.
#[test]
fn no_text_stops_an_inspection() {
    let word = prop_oneof![
        "[\\[\\]{}\":,;|\\\\ \n\t<>/&'=a0.é🌊-]{1,8}",
        proptest::sample::select(vec![
            "{\"a\":",
            "[",
            "]",
            "}",
            "<b>",
            "</b>",
            "<b/>",
            "\n",
            "\r\n",
            "\"",
            "\"\"",
            "&#x;",
            "<![CDATA[",
            "-->",
            "1e999",
            "2024-02-30"
        ])
        .prop_map(str::to_owned),
    ];
    survive(400, vec(word, 0..60).prop_map(|words| words.concat().into_bytes()));
}

/// Whole files with some bytes changed or cut off.
#[cfg(all(feature = "avro", feature = "orc"))]
#[test]
fn no_damage_stops_an_inspection() {
    let files = super::binary::whole_files();
    let damage =
        (0..files.len(), vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4), any::<proptest::sample::Index>(), any::<bool>());
    survive(
        400,
        damage.prop_map(move |(file, changes, cut, cuts)| {
            let mut bytes = files[file].clone();
            for (at, byte) in changes {
                // Tails matter most.
                let length = bytes.len();
                let near = length - 1 - at.index(length.min(200));
                bytes[near] = byte;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        }),
    );
}

/// The library that decodes the schema in a Parquet file's footer panics at some of these.
#[tokio::test]
async fn every_byte_at_the_end_of_a_parquet_file_may_be_wrong() {
    let ids = Int32Array::from_iter_values(0..3);
    let rows = RecordBatch::try_from_iter([("id", Arc::new(ids) as arrow::array::ArrayRef)]).unwrap();
    let mut whole = ::parquet::arrow::ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    whole.write(&rows).unwrap();
    let whole = whole.into_inner().unwrap();
    let mut damaged = 0;
    for at in whole.len().saturating_sub(400)..whole.len() {
        for wrong in [b'A', b'/', 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = wrong;
            damaged += usize::from(matches!(look("a.parquet", bytes).await, Finding::Unusable(reason) if reason.contains("it is damaged")));
        }
    }
    assert!(damaged > 0, "none of them panicked: the guard may go");
}
