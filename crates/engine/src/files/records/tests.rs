#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Records;

type Rows = Vec<Vec<Vec<u8>>>;

fn rows(text: &[u8], buffer: usize) -> Rows {
    let mut records = Records::with_buffer(text, b',', b'"', 1, buffer);
    let mut rows = Vec::new();
    while records.advance().unwrap() {
        rows.push(records.iter().map(<[u8]>::to_vec).collect());
    }
    rows
}

/// What the crate `csv` makes of it, by which the crawler looks at files.
fn expected(text: &[u8]) -> Rows {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text);
    reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
}

#[test]
fn every_short_text_is_read_as_the_crawler_reads_it() {
    const LETTERS: &[u8] = b"a,\"\n\r";
    for length in 0..=7_u32 {
        for number in 0..LETTERS.len().pow(length) {
            let text: Vec<u8> = (0..length).map(|place| LETTERS[number / LETTERS.len().pow(place) % LETTERS.len()]).collect();
            let expected = expected(&text);
            for buffer in [1, 3, 64] {
                assert_eq!(rows(&text, buffer), expected, "{:?} with a buffer of {buffer}", String::from_utf8_lossy(&text));
            }
        }
    }
}

#[test]
fn long_fields_are_found_at_every_place_of_a_buffer() {
    for length in 0..40 {
        let field = "x".repeat(length);
        let text = format!("{field},{field}{field}\r\n\"{field}\"\"\n{field}\",é{field}\n\n{field}");
        for buffer in 1..100 {
            assert_eq!(rows(text.as_bytes(), buffer), expected(text.as_bytes()), "{length} and {buffer}");
        }
    }
}

#[test]
fn a_record_has_the_line_on_which_it_begins() {
    let mut records = Records::new(&b"\n1\r\n\r\n\"2\n\n\",x\n3\r4\n5"[..], b',', b'"', 7);
    let mut lines = Vec::new();
    while records.advance().unwrap() {
        lines.push((String::from_utf8_lossy(records.get(0).unwrap()).trim().to_owned(), records.record_line()));
    }
    let expected = [("1", 8), ("2", 10), ("3", 13), ("4", 13), ("5", 14)];
    assert_eq!(lines, expected.map(|(text, line)| (text.to_owned(), line)));
    assert_eq!(records.get(1), None);
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let endless = std::io::Read::chain(&b"a\n\""[..], std::io::repeat(b'x'));
    let mut records = Records::new(endless, b',', b'"', 1);
    assert!(records.advance().unwrap());
    assert_eq!(records.advance().unwrap_err().to_string(), "a record has more than 64 MiB; perhaps a quote is never closed");
}
