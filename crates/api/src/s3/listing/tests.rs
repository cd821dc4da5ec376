#![allow(clippy::unwrap_used)]
use super::*;

fn bucket(keys: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for key in keys {
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, key).unwrap();
    }
    folder
}

/// All pages of the given size, as keys and prefixes in order.
fn all(folder: &Path, prefix: &str, delimiter: Option<&str>, limit: usize) -> Vec<String> {
    let mut listing = Listing { prefix: prefix.into(), delimiter: delimiter.map(Into::into), after: String::new(), limit };
    let mut found = Vec::new();
    loop {
        let page = listing.read(folder).unwrap();
        let mut names: Vec<String> = page.objects.iter().map(|o| o.key.clone()).chain(page.prefixes.clone()).collect();
        names.sort();
        found.extend(names);
        match page.next {
            Some(next) => listing.after = next,
            None => return found,
        }
    }
}

#[test]
fn keys_come_in_the_order_of_their_bytes() {
    // '-' < '.' < '/' < '0': a folder sorts as "a/", not as "a".
    let folder = bucket(&["a/x", "a-b", "a.txt", "a0", "ä/ö", "b/c/d", "b/e"]);
    let expected = ["a-b", "a.txt", "a/x", "a0", "b/c/d", "b/e", "ä/ö"];
    for limit in [1, 2, 3, 100] {
        assert_eq!(all(folder.path(), "", None, limit), expected, "{limit}");
    }
    assert_eq!(all(folder.path(), "b/", None, 100), ["b/c/d", "b/e"]);
    assert_eq!(all(folder.path(), "a", None, 1), ["a-b", "a.txt", "a/x", "a0"]);
    assert_eq!(all(folder.path(), "zz", None, 1), Vec::<String>::new());
}

#[test]
fn a_delimiter_groups_and_pages_go_on_behind_the_group() {
    let folder = bucket(&["a/1", "a/2", "a/b/3", "b", "c/1", "c/2", "c.d"]);
    for limit in [1, 2, 100] {
        assert_eq!(all(folder.path(), "", Some("/"), limit), ["a/", "b", "c.d", "c/"], "{limit}");
        assert_eq!(all(folder.path(), "a/", Some("/"), limit), ["a/1", "a/2", "a/b/"], "{limit}");
        assert_eq!(all(folder.path(), "", Some("."), limit), ["a/1", "a/2", "a/b/3", "b", "c.", "c/1", "c/2"], "{limit}");
    }
}

#[test]
fn folders_without_files_and_unfinished_results_are_not_there() {
    let folder = bucket(&["a", "out/_attempt-job-1-1/part-0.csv", "out/_attempt-job-1-2.csv", "out/_SUCCESS"]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert_eq!(all(folder.path(), "", None, 9), ["a", "out/_SUCCESS"]);
    assert_eq!(all(folder.path(), "", Some("/"), 9), ["a", "out/"]);
}
