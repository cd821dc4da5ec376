#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::sync::Arc;

use connect::files::CsvDialect;

use super::{Look, Piece, Start, starts};
use crate::files::records::Records;

/// Records with their lines.
fn records(text: &[u8], line: u64) -> Vec<(u64, Vec<Vec<u8>>)> {
    let mut records = Records::with_buffer(text, b',', b'"', line, 16);
    let mut found = Vec::new();
    while records.advance().unwrap() {
        found.push((records.record_line(), records.iter().map(<[u8]>::to_vec).collect()));
    }
    found
}

/// The same from pieces, for ranges with these bounds.
fn in_pieces(text: &[u8], bounds: &[usize], chunk: usize) -> Vec<(u64, Vec<Vec<u8>>)> {
    let look = |range: &[usize]| {
        let mut look = Look::new();
        for (index, part) in text[range[0]..range[1]].chunks(chunk).enumerate() {
            look.take(part, (range[0] + index * chunk) as u64, CsvDialect::default());
        }
        look
    };
    let looks: Vec<Look> = bounds.windows(2).map(look).collect();
    let starts = starts(&looks, text.len() as u64);
    assert_eq!(starts.len(), bounds.len() - 1);
    let ends = starts.iter().skip(1).map(|start| start.offset).chain([text.len() as u64]);
    starts.iter().zip(ends).flat_map(|(start, end)| records(&text[start.offset as usize..end as usize], start.line)).collect()
}

fn assert_same(text: &[u8], bounds: &[usize], chunk: usize) {
    let shown = String::from_utf8_lossy(text);
    assert_eq!(in_pieces(text, bounds, chunk), records(text, 1), "{shown:?} in ranges {bounds:?}, {chunk} bytes at a time");
}

#[test]
fn every_short_text_cut_anywhere_gives_the_same_records_and_lines() {
    const LETTERS: &[u8] = b"a,\"\n\r";
    for length in 0..=6_u32 {
        for number in 0..LETTERS.len().pow(length) {
            let text: Vec<u8> = (0..length).map(|place| LETTERS[number / LETTERS.len().pow(place) % LETTERS.len()]).collect();
            for cut in 0..=text.len() {
                assert_same(&text, &[0, cut, text.len()], 2);
            }
            // A range for every byte.
            assert_same(&text, &(0..=text.len()).collect::<Vec<_>>(), 1);
        }
    }
}

const TEXTS: [&str; 7] = [
    "id,note\n1,plain\n2,\"with, comma\"\n3,\"two\nlines \"\"quoted\"\"\n\"\n4,5\" pipe\n5,\"closed\"after\n6,last",
    "id,note\r\n1,a\r\n\r\n2,\"b\r\nc\"\r\n3,d\r\n",
    "id,\"a header\nof two lines\"\n1,a\n2,b\n",
    "\n\n1,a\n\n\n2\n3,a,surplus\n4,\n",
    "1,a\r2,b\r3,\"c\rd\"\r",
    "\"never closed,\n1,a\n2,b\n",
    "a header and nothing else, longer than its ranges are\n",
];

#[test]
fn two_and_three_ranges_with_bounds_anywhere_give_the_same_records_and_lines() {
    for text in TEXTS.map(str::as_bytes) {
        for first in 0..=text.len() {
            for second in first..=text.len() {
                assert_same(text, &[0, first, second, text.len()], 1 + second % 7);
            }
        }
    }
}

#[tokio::test]
async fn any_number_of_pieces_of_a_file_gives_its_rows() {
    for text in TEXTS {
        for mark in ["", "\u{feff}"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(mark.as_bytes()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let (file, whole) = (Arc::new(file), [mark.as_bytes(), text.as_bytes()].concat());
            for count in 1..=whole.len() + 2 {
                let mut found = Vec::new();
                for piece in Piece::all(count) {
                    let (Start { offset, line }, end) = piece.bounds(&file, whole.len() as u64, CsvDialect::default()).await.unwrap();
                    let begin = if offset == 0 { mark.len() } else { offset as usize };
                    found.extend(records(whole.get(begin..end as usize).unwrap_or_default(), line));
                }
                assert_eq!(found, records(text.as_bytes(), 1), "{count} pieces of {text:?}");
            }
        }
    }
}
