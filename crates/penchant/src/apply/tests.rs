#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use catalog::ScheduleState;
use tempfile::TempDir;

use super::*;

async fn applied(folder: &TempDir, schedule: &str) -> (Home, Action) {
    let crawler = format!("{{Name: c, DatabaseName: raw, Targets: {{S3Targets: [{{Path: data}}]}}, Schedule: {schedule}}}");
    std::fs::write(folder.path().join(crate::project::FILE), format!("crawlers: [{crawler}]\n")).unwrap();
    let home = Home::open(folder.path()).await.unwrap();
    let changes = apply(&home, Project::read_existing(folder.path()).unwrap(), false).await.unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    (home, changes[0].action)
}

#[tokio::test]
async fn a_schedule_that_was_paused_stays_so() {
    let folder = TempDir::new().unwrap();
    let (home, created) = applied(&folder, "rate(1 hour)").await;
    home.catalog.stop_crawler_schedule("c").await.unwrap();
    let (_, same) = applied(&folder, "rate(1 hour)").await;
    let (home, changed) = applied(&folder, "rate(2 hours)").await;
    assert_eq!([created, same, changed], [Action::Create, Action::Keep, Action::Update]);
    let schedule = home.catalog.get_crawler("c").await.unwrap().value.schedule.unwrap();
    assert_eq!((schedule.schedule_expression.as_str(), schedule.state), ("rate(2 hours)", ScheduleState::NotScheduled));
}
