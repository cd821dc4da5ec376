#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "this test measures a duration")]

use std::fmt::Write as _;

use futures::StreamExt;
use object_store::local::LocalFileSystem;

use super::*;

const FILES: usize = 10_000;
/// As many as a crawl looks into at once.
const AT_ONCE: usize = 16;

/// Looks into many small files on disk; run it with `--run-ignored only --no-capture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; run it by name"]
async fn ten_thousand_small_csv_files() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..FILES {
        let mut text = String::from("order_id,sku,quantity,price,ordered_at,town\n");
        for row in 0..40 {
            writeln!(
                text,
                "{},S{:05},{},{}.95,2024-05-{:02} 08:26:00,Town {row}",
                file * 40 + row,
                row * 7,
                row % 5,
                row * 3,
                row % 28 + 1
            )
            .unwrap();
        }
        std::fs::write(folder.path().join(format!("{file:05}.csv")), text).unwrap();
    }
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let files: Vec<_> = store.list(None).map(|meta| meta.unwrap()).collect().await;
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    let start = std::time::Instant::now();
    let found: Vec<Finding> = futures::stream::iter(files)
        .map(|meta| {
            let store = store.clone();
            async move { tokio::spawn(async move { inspect(store, &meta, SampleLimits::default()).await.unwrap() }).await.unwrap() }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let seconds = start.elapsed().as_secs_f64();
    assert!(found.iter().all(|found| matches!(found, Finding::Usable(one) if one.rows == Some(40) && one.schema.fields().len() == 6)));
    println!("{FILES} files of {} bytes in {seconds:.2} s: {:.0} files/s", bytes / FILES as u64, FILES as f64 / seconds);
}
