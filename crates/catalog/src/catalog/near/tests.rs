use super::*;

#[test]
fn what_was_mistyped_is_found() {
    let names = ["prices", "Orders", "weblog", "prizes", "x"];
    assert_eq!(near("prcies", &names), "; near to it are \"prices\", \"prizes\"");
    assert_eq!(near("orders", &names), "; near to it are \"Orders\"");
    assert_eq!(near("web_log", &names), "; near to it are \"weblog\"");
    assert_eq!(near("customers", &names), "");
    assert_eq!(near("prices", &[]), "");
    assert_eq!((steps("", "abc"), steps("abc", ""), steps("abcd", "abdc"), steps("größe", "grosse")), (3, 3, 1, 3));
}
