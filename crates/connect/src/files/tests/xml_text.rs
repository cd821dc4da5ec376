#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const CATALOG: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- books --><catalog xmlns:x="http://example.com/x">
  <updated>2024-05-17</updated>
  <book id="1" x:lang="de"><title>Köln &amp; B&#246;nn</title><author>A</author><author>B</author><price currency="EUR">9.5</price><sold/></book>
  <book id="2"><title><![CDATA[<raw>]]></title><author>C</author><price>12</price><sold>2024-05-17</sold></book>
</catalog>"#;

#[tokio::test]
async fn rows_are_the_elements_that_are_most() {
    let found = usable("books.xml", CATALOG).await;
    assert_eq!(found.format, Format::Xml(XmlForm { row_tag: "book".into(), encoding: Encoding::Utf8 }));
    let price = vec![Field::new("_currency", DataType::Utf8, true), Field::new("_VALUE", DataType::Float64, true)];
    let expected = [
        ("_id", DataType::Int64),
        ("_lang", DataType::Utf8),
        ("title", DataType::Utf8),
        ("author", DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))),
        ("price", DataType::Struct(price.into())),
        ("sold", DataType::Date32),
    ];
    assert_eq!(columns(&found), expected.map(|(name, data_type)| (name.to_owned(), data_type)));
    assert_eq!(found.rows, Some(2));
}

#[test]
fn rows_are_handed_out_with_their_lines() {
    let mut rows = Vec::new();
    xml_rows("books.xml", &mut std::io::BufReader::with_capacity(7, CATALOG.as_bytes()), "book", &mut |line, row| {
        rows.push((line, row.to_string()));
        Ok(true)
    })
    .unwrap();
    let first =
        r#"{"_id":"1","_lang":"de","title":"Köln & Bönn","author":["A","B"],"price":{"_currency":"EUR","_VALUE":"9.5"},"sold":null}"#;
    let second = r#"{"_id":"2","title":"<raw>","author":"C","price":"12","sold":"2024-05-17"}"#;
    assert_eq!(rows, [(4, first.to_owned()), (5, second.to_owned())]);
}

#[test]
fn what_is_no_xml_or_ends_too_early_is_told_with_its_line() {
    for (text, line) in [("<a>\n<b>1</b>\n<b>2", "line 3"), ("<a>\n<b>1</c></a>", "line 2"), ("<a><b/>", "line 1")] {
        let error = xml_rows("x.xml", &mut text.as_bytes(), "b", &mut |_, _| Ok(true)).unwrap_err().to_string();
        assert!(error.contains(line) && error.contains("x.xml"), "{text:?}: {error}");
    }
    let deep = "<b>".repeat(100_000);
    assert!(xml_rows("x.xml", &mut deep.as_bytes(), "b", &mut |_, _| Ok(true)).unwrap_err().to_string().contains("nested too deeply"));
    let open = std::io::Read::chain(&b"<a><!--"[..], std::io::Read::take(std::io::repeat(b'x'), 1 << 33));
    let error = xml_rows("x.xml", &mut std::io::BufReader::new(open), "b", &mut |_, _| Ok(true)).unwrap_err().to_string();
    assert!(error.contains("64 MiB"), "{error}");
}

#[tokio::test]
async fn latin_and_utf16_xml_are_read() {
    let text = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><l><r><ort>K\u{f6}ln</ort></r><r/></l>";
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let found = usable("a.xml", latin).await;
    assert_eq!(found.format, Format::Xml(XmlForm { row_tag: "r".into(), encoding: Encoding::Latin1 }));
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(usable("a.xml", utf16).await.rows, Some(2));
}
