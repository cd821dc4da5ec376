#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

#[test]
fn texts_are_taken_apart() {
    let prefix = |word: &str| Term::Prefix(word.into());
    assert_eq!(terms("Order_id  zu"), [prefix("order"), prefix("id"), prefix("zu")]);
    assert_eq!(terms("a \"B c\" d"), [prefix("a"), Term::Phrase(vec!["b".into(), "c".into()]), prefix("d")]);
    assert!(has_phrase("customer-link", &words("link")) && !has_phrase("xxlinkyy", &words("link")));
    assert!(has_phrase("a b c", &words("B-c")) && !has_phrase("a b c", &words("a c")));
}
