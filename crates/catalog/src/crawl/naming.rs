//! Names of tables.

/// Longer names are cut and told apart by a suffix; another may follow where names clash.
const MAX_CHARS: usize = 230;

/// Lower case; whatever is no letter, digit or underscore becomes an underscore.
pub(super) fn table_name(prefix: &str, name: &str) -> String {
    let whole = format!("{prefix}{name}");
    let name: String = whole.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let mut name = name.to_lowercase();
    if name.chars().count() > MAX_CHARS {
        name = name.chars().take(MAX_CHARS).chain(suffix(&whole).chars()).collect();
    }
    if name.is_empty() { "table".into() } else { name }
}

/// The file's name without what says only how it is stored.
pub(super) fn file_stem(name: &str) -> &str {
    const ENDINGS: &[&str] =
        &[".gz", ".gzip", ".zst", ".zstd", ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".snappy"];
    let mut stem = name;
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| {
        let cut = stem.len().checked_sub(ending.len()).filter(|cut| *cut > 0 && stem.is_char_boundary(*cut))?;
        stem[cut..].eq_ignore_ascii_case(ending).then(|| &stem[..cut])
    }) {
        stem = shorter;
    }
    stem
}

/// Tells apart tables of one name: eight hex digits that depend on the location alone (FNV-1a).
pub(super) fn suffix(location: &str) -> String {
    let hash = location.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("_{hash:08x}")
}
