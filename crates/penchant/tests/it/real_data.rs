//! A real retailer: a year of baskets in Parquet.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::binary::{ask, ask_json, repository};
use crate::project::copy;

pub fn complete_journey() -> Option<PathBuf> {
    let shared = std::env::var_os("PENCHANT_SHARED_DATA").map_or_else(|| repository().join("../shared/data"), PathBuf::from);
    let folder = shared.join("complete-journey");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("not run: {} is absent", folder.display());
    None
}

#[test]
fn the_way_is_walked_on_the_complete_journey() {
    let Some(data) = complete_journey() else { return };
    let project = TempDir::new().unwrap();
    copy(&repository().join("examples/complete-journey"), project.path());
    for table in ["transactions", "products", "demographics"] {
        let folder = project.path().join("sources").join(table);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(data.join(format!("{table}.parquet")), folder.join(format!("{table}.parquet"))).unwrap();
    }
    ask(project.path(), &["run"]);

    let report = ask_json(project.path(), &["report", "--json"]);
    let of = |solution: &str| {
        let entry = report.as_array().unwrap().iter().find(|entry| entry["solutionVersionArn"].as_str().unwrap().contains(solution));
        entry.unwrap()["report"].clone()
    };
    let personal = of("/personal/");
    // A handful of the 2,469 households bought nothing but petrol or unknown products.
    let households = personal["users"].as_u64().unwrap();
    assert!((2460..=2469).contains(&households), "{households}");
    let ndcg = |report: &serde_json::Value| report["next"]["metrics"]["normalized_discounted_cumulative_gain_at_10"].as_f64().unwrap();
    eprintln!("NDCG@10 {:.4}, best-sellers {:.4}", ndcg(&personal), ndcg(&of("/best-sellers/")));
    assert!(ndcg(&personal) > ndcg(&of("/best-sellers/")), "{report:#}");
    let items = ask_json(project.path(), &["recommend", "--user", "900", "--json"]);
    assert_eq!(items.as_array().unwrap().len(), 10);
}
