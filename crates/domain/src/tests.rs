#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::arn::Partition;
use crate::{Arn, Error, ErrorKind, Name, RunState};

#[test]
fn a_final_state_is_left_by_no_move() {
    for from in RunState::ALL {
        for to in RunState::ALL {
            assert!(!(from.is_final() && from.may_become(to)), "{from} -> {to}");
            assert_eq!(from.check_move(to).is_ok(), from.may_become(to));
        }
        assert_eq!(RunState::parse(from.as_str()).unwrap(), from);
    }
    assert!(RunState::Queued.may_become(RunState::Running));
    assert!(!RunState::Queued.may_become(RunState::Succeeded));
}

#[test]
fn names_are_checked_and_the_sentence_shows_what_was_found() {
    assert!(Name::new("shop-2_a").is_ok());
    for wrong in ["", "-a", "a b", "ä", &"x".repeat(64)] {
        let error = Name::new(wrong).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        assert!(error.message.contains(&format!("{wrong:?}")), "{error}");
    }
}

#[test]
fn arns_fall_into_their_parts() {
    let arn = Partition::default().personalize("dataset", "shop/ITEMS");
    assert_eq!(arn.as_str(), "arn:aws:personalize:us-east-1:123456789012:dataset/shop/ITEMS");
    assert_eq!((arn.kind(), arn.id()), ("dataset", "shop/ITEMS"));
    assert_eq!(Arn::parse(arn.as_str()).unwrap(), arn);
    assert_eq!(Arn::recipe("aws-sims").as_str(), "arn:aws:personalize:::recipe/aws-sims");
    assert!(Arn::parse("shop").is_err());
}

#[test]
fn an_error_reads_as_message_context_cause() {
    let cause = std::io::Error::other("disk on fire");
    let error = Error::invalid_data("A row is broken.").with("line", 7).source(cause);
    assert_eq!(error.to_string(), "A row is broken. (line: 7) Cause: disk on fire");
}

#[test]
fn a_name_that_was_mistyped_is_guessed_or_all_are_told() {
    use crate::near::{hint, hint_of};
    let names = ["prices", "Orders", "weblog", "prizes", "x"];
    assert_eq!(hint("prcies", &names), "did you mean prices or prizes?");
    assert_eq!(hint("orders", &names), "did you mean Orders?");
    assert_eq!(hint("web_log", &names), "did you mean weblog?");
    assert_eq!(hint("grosse", &["größe"]), "there are größe.");
    assert_eq!(hint("customers", &names), "there are prices, Orders, weblog, prizes, x.");
    assert_eq!(hint("prices", &[]), "there are none.");
    assert_eq!(
        hint_of("ordres", &[("orders", "shop.orders"), ("orders", "old.orders"), ("items", "shop.items")]),
        "did you mean old.orders or shop.orders?"
    );
    let many: Vec<String> = (0..13).map(|at| format!("column{at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(hint("x", &many).ends_with("column11, … (13 in all)."), "{}", hint("x", &many));
}
