use super::House;
use crate::functions::epoch_seconds;

#[test]
fn moments_in_every_usual_writing_are_read() {
    let moment = Some(1_741_545_000); // 2025-03-09 18:30:00 UTC
    for text in [
        "2025-03-09T18:30:00Z",
        "2025-03-09T18:30:00",
        "2025-03-09 18:30:00",
        "2025-03-09 18:30",
        "2025-03-09T20:30:00+02:00",
        "2025-03-09T20:30:00+0200",
        "2025-03-09 13:30:00-05:00",
        "2025-03-09T18:30:00.750Z",
        "09.03.2025 18:30",
        "09.03.2025 18:30:00",
        "9.3.2025 18:30",
        "03/09/2025 18:30",
        "03/09/2025 18:30:00",
        " 1741545000 ",
        "1741545000123",
    ] {
        assert_eq!(epoch_seconds(text), moment, "{text}");
    }
    assert_eq!(epoch_seconds("2025-03-09T23:30:00+05"), moment);
    assert_eq!(epoch_seconds("2025-03-09"), Some(1_741_478_400));
    assert_eq!(epoch_seconds("09.03.2025"), Some(1_741_478_400));
    assert_eq!(epoch_seconds("0"), Some(0));
    assert_eq!(epoch_seconds("-86400"), Some(-86_400));
    assert_eq!(epoch_seconds("1969-12-31T23:59:59.5Z"), Some(-1));
}

#[test]
fn what_is_no_moment_is_nothing() {
    for text in [
        "",
        " ",
        "n/a",
        "2025-13-01",
        "31.02.2025",
        "09.03.25",
        "9-3-2025",
        "2025-03-09-01",
        "2025-03-09T18:60",
        "2025-03-09T18:30:00.",
        "2025-03-09 18:30 +99:00",
        "2025-03-09T25:00",
        "2025-03-09 18:30 ish",
        "18:30",
        "1e9",
        "2025",
    ] {
        let found = epoch_seconds(text);
        // A number alone is seconds, whatever it was meant to be.
        assert_eq!(found, (text == "2025").then_some(2025), "{text}");
    }
}

#[tokio::test]
async fn the_function_is_known_in_sql_and_null_stays_null() {
    let house = House::new().await;
    let csv = house.csv("SELECT epoch_seconds('09.03.2025 18:30') AS a, epoch_seconds('never') AS b, EPOCH_SECONDS(NULL) AS c").await;
    assert_eq!(csv, "a,b,c\n1741545000,,\n");
}
