use super::*;

#[test]
fn the_page_names_every_operation_and_every_note_has_one() {
    let page = compatibility_page();
    for row in all() {
        assert!(page.contains(&format!("| {} |", row.name)), "{row:?}");
    }
    for (name, _) in NOTES {
        assert!(all().iter().any(|row| row.name == *name), "{name}");
    }
}
