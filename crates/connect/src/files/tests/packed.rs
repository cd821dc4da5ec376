#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const TEXT: &str = "id,name\n1,anna\n2,bernd\n";

fn bzip2(text: &str) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn snappy(text: &str) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.into_inner().unwrap()
}

#[tokio::test]
async fn bzip2_and_snappy_are_unpacked_by_content() {
    for (packed, compression) in [(bzip2(TEXT), Compression::Bzip2), (snappy(TEXT), Compression::Snappy)] {
        let found = usable("a.csv", packed.clone()).await;
        assert_eq!((found.compression, found.rows, dialect(&found).has_header), (compression, Some(2), true));
        // Two packed files one after the other are one text.
        let twice = usable("a.csv", [packed.clone(), packed].concat()).await;
        assert_eq!(twice.rows, Some(5));
    }
    assert!(matches!(look("a.csv.bz2", bzip2("")).await, Finding::Empty));
}

#[tokio::test]
async fn what_was_cut_off_is_found_beyond_the_sample_too() {
    let rows: String = (0..30_000_u64).map(|i| format!("{i},{}\n", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let text = format!("id,x\n{rows}");
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for (name, mut packed) in [("gzip", gzip(&text)), ("bzip2", bzip2(&text)), ("zstd", zstd), ("snappy", snappy(&text))] {
        let limits = SampleLimits { head_bytes: 64 << 10, window_bytes: 0 };
        let Finding::Usable(whole) = look_with("a.csv", packed.clone(), limits).await else { panic!("{name}") };
        let rows = whole.rows.unwrap();
        assert!((25_000..=36_000).contains(&rows), "{name}: estimated {rows} of 30000");
        packed.truncate(packed.len() - 100);
        let Finding::Unusable(reason) = look_with("a.csv", packed, limits).await else { panic!("{name}") };
        assert!(reason.contains(name) && reason.contains("damaged or cut off"), "{reason}");
    }
}

#[test]
fn text_is_read_whatever_it_is_packed_and_encoded_in() {
    let words = "id,ort\n1,Köln\n";
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(words.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let latin: Vec<u8> = words.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let read = |bytes: Vec<u8>, encoding: Encoding| {
        let mut out = String::new();
        std::io::Read::read_to_string(&mut text(Box::new(std::io::Cursor::new(bytes)), encoding)?, &mut out)?;
        Ok::<String, std::io::Error>(out)
    };
    type Packing = fn(&[u8]) -> Vec<u8>;
    let packings: [Packing; 2] = [<[u8]>::to_vec, |bytes| zstd::encode_all(bytes, 1).unwrap()];
    for pack in packings {
        assert_eq!(read(pack(words.as_bytes()), Encoding::Utf8).unwrap(), words);
        assert_eq!(read(pack(format!("\u{feff}{words}").as_bytes()), Encoding::Utf8).unwrap(), words);
        assert_eq!(read(pack(&latin), Encoding::Latin1).unwrap(), words);
        // The mark wins over what the catalogue says.
        assert_eq!(read(pack(&utf16), Encoding::Utf8).unwrap(), words);
        assert_eq!(read(pack(&utf16), Encoding::Utf16).unwrap(), words);
    }
    let long = "äöü🌊 ".repeat(200_000);
    let units: Vec<u8> = std::iter::once(0xfeff).chain(long.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(units.clone(), Encoding::Utf16).unwrap(), long);
    assert!(read(units[..units.len() - 1].to_vec(), Encoding::Utf16).unwrap_err().to_string().contains("no UTF-16"));
    assert!(read(words.into(), Encoding::Utf16).err().unwrap().to_string().contains("byte order mark"));
}

/// Files that another language's library wrote.
#[tokio::test]
async fn files_of_python_are_read() {
    let script = r"
import bz2, gzip, json, sys, xml.etree.ElementTree as E
d = sys.argv[1]
with bz2.open(d + '/a.csv.bz2', 'wt', encoding='utf-8') as f: f.write('id,ort\n1,Köln\n2,Bonn\n')
with open(d + '/b.csv', 'w', encoding='utf-16') as f: f.write('id;ort\n1;Köln\n2;Bonn\n')
with gzip.open(d + '/c.json.gz', 'wt') as f: json.dump([{'id': 1, 'ort': 'Köln'}, {'id': 2}], f, indent=2)
r = E.Element('l')
for i in (1, 2): E.SubElement(r, 'e', id=str(i)).text = 'Köln'
E.ElementTree(r).write(d + '/d.xml', encoding='iso-8859-1', xml_declaration=True)
";
    let folder = tempfile::tempdir().unwrap();
    let ran = std::process::Command::new("python3").arg("-c").arg(script).arg(folder.path()).status();
    let Ok(status) = ran else {
        println!("python3 is not here: its files were not read");
        return;
    };
    assert!(status.success());
    for (name, classification, compression, rows) in [
        ("a.csv.bz2", "csv", Compression::Bzip2, 2),
        ("b.csv", "csv", Compression::None, 2),
        ("c.json.gz", "json", Compression::Gzip, 2),
        ("d.xml", "xml", Compression::None, 2),
    ] {
        let found = usable(name, std::fs::read(folder.path().join(name)).unwrap()).await;
        assert_eq!((found.format.classification(), found.compression, found.rows), (classification, compression, Some(rows)), "{name}");
        assert_eq!(found.schema.fields().len(), 2, "{name}");
    }
}
