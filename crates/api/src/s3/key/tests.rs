#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn keys_stay_in_their_bucket() {
    let root = Path::new("/r");
    assert_eq!(place(root, "shop", "a b/ä=1/x.csv").unwrap().path, Path::new("/r/shop/a b/ä=1/x.csv"));
    assert!(place(root, "shop", "a/").unwrap().is_folder);
    for key in ["..", "a/../../x", "/etc/passwd", "a//b", "./a", "a/.", "//", "/", "", "a\0b", "a\nb", "part#12", "x/_attempt-1"] {
        assert!(place(root, "shop", key).is_err(), "{key:?}");
    }
    for bucket in ["..", ".attributes", "a/b", "", "Up"] {
        assert!(place(root, bucket, "x").is_err(), "{bucket:?}");
    }
    assert!(place(root, "shop", &"x".repeat(256)).is_err());
}
