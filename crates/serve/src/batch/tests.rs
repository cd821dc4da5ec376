#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

use super::executor::{BYTES_AT_ONCE, some_lines};
use super::line::{Answers, Line, MOST_LINE_BYTES};
use crate::filter::CreateFilter;
use crate::tests::Stall;
use crate::tests::fixture::{titles, walks};

#[tokio::test]
async fn a_filter_that_is_deleted_during_a_job_serves_it_to_its_end() {
    let stall = Stall::open(&walks(), Some(&titles())).await;
    let version = stall.shop.trained("likes", "aws-user-personalization").await;
    let new = CreateFilter {
        name: "teas".into(),
        dataset_group_arn: stall.shop.group.clone(),
        filter_expression: r#"INCLUDE ItemID WHERE Items.GENRE = "1""#.into(),
    };
    let filter = stall.serving.create_filter(new).await.unwrap().filter_arn;
    let place = |name: &str| json!({"path": format!("s3://shop-data/{name}/")});
    let request = json!({
        "jobName": "all", "solutionVersionArn": version.solution_version_arn, "filterArn": filter, "numResults": 5,
        "jobInput": {"s3DataSource": place("in")}, "jobOutput": {"s3DataDestination": place("out")},
    });
    let job = stall.serving.create_batch_inference_job(serde_json::from_value(request).unwrap()).await.unwrap();
    let answers = Answers::of(stall.serving.clone(), &job).await.unwrap();
    let line = Line::Whole(r#"{"userId":"u4"}"#.into());
    let (before, fault) = answers.answer(&line);
    assert!(fault.is_none(), "{fault:?}");
    stall.serving.delete_filter(&filter).await.unwrap();
    assert_eq!(answers.answer(&line).0, before);
    let items = serde_json::from_str::<Value>(&before).unwrap()["output"]["recommendedItems"].take();
    let items = items.as_array().unwrap();
    assert!(items.len() == 5 && items.iter().all(|item| item.as_str().unwrap().starts_with("tea")), "{items:?}");
}

/// All lines of a text, as often as some are read.
fn readings(text: &str) -> Vec<Vec<Line>> {
    let (mut reader, mut read) = (text.as_bytes(), 0);
    let readings = std::iter::from_fn(|| Some(some_lines(&mut reader, &mut read).unwrap()).filter(|lines| !lines.is_empty()));
    let readings = readings.collect();
    assert_eq!(read, text.len() as u64);
    readings
}

#[test]
fn long_lines_are_held_a_few_at_a_time() {
    let line = "x".repeat(MOST_LINE_BYTES - 1);
    let readings = readings(&format!("{line}\n\n").repeat(40));
    assert_eq!(readings.iter().map(Vec::len).sum::<usize>(), 40);
    for lines in readings {
        assert!(lines.len() * line.len() < BYTES_AT_ONCE + MOST_LINE_BYTES, "{} lines", lines.len());
        assert!(lines.iter().all(|read| *read == Line::Whole(line.clone())));
    }
    assert_eq!(self::readings(&"{}\n".repeat(5_000)).iter().map(Vec::len).collect::<Vec<_>>(), [2_048, 2_048, 904]);
}

#[test]
fn a_line_is_cut_where_it_is_longer_than_a_line_may_be_and_only_then() {
    let longest = "x".repeat(MOST_LINE_BYTES);
    let cut = || Line::Cut(format!("{}…", "x".repeat(60)));
    let whole = || Line::Whole(longest.clone());
    let last = || Line::Whole("last".into());
    assert_eq!(readings(&longest), [[whole()]]);
    assert_eq!(readings(&format!("{longest}\nlast")), [[whole(), last()]]);
    for more in ["x", "x\n", " \n", longest.as_str()] {
        assert_eq!(readings(&format!("{longest}{more}")), [[cut()]], "{} more", more.len());
    }
    assert_eq!(readings(&format!("{longest}{longest}{longest}\nlast\n")), [[cut(), last()]]);
}
