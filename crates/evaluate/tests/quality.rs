//! The recipes on real data, against the figures of an independent implementation (NumPy/SciPy, same protocols).
//!
//! Temporal figures have no chance in them and must agree closely; `users10` holds out other users than the reference did, so
//! its figures agree within the 95 % half-width. Prints what was not run when the data folder is absent.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use evaluate::{COVERAGE, Evaluation, NDCG_AT_10, Split, compare, evaluate, temporal, users10};
use recipes::{
    Als, DecayedPopularity, FitContext, Interaction, Interactions, Linear, LinearModel, Model, Recipe, RecipeError, Rules, Similar,
    Transformer, Trending, recipe,
};

/// As published, nothing thinned out: what the reference computes.
const EASE: Linear = Linear {
    lambda: 300.0,
    p: 0.0,
    xi: 0.0,
    alpha: 1.0,
    window: 20,
    tau_train: 5.0,
    tau_inf: f32::INFINITY,
    kappa: 0.0,
    top_per_row: 100_000,
    max_items: 16_000,
    min_support: 2,
    max_history: 10_000,
};
const RDLAE: Linear = Linear { lambda: 100.0, p: 0.5, xi: 0.3, ..EASE };
const SLIST: Linear = Linear { lambda: 100.0, alpha: 0.3, ..EASE };

fn archive(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("PENCHANT_SHARED_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../../shared/data"));
    let path = data.join(name).join(format!("{name}.zip"));
    if !path.is_file() {
        println!("not run: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// One file of an archive, through `unzip` or Python.
fn extract(archive: &Path, member: &str) -> String {
    let unzip = Command::new("unzip").arg("-p").arg(archive).arg(member).output();
    let output = match unzip {
        Ok(output) if output.status.success() => output,
        _ => {
            let script = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
            Command::new("python3").arg("-c").arg(script).arg(archive).arg(member).output().unwrap()
        }
    };
    assert!(output.status.success(), "{member} could not be read: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `user SEPARATOR item SEPARATOR rating SEPARATOR timestamp` by line.
fn ratings(text: &str, separator: &str) -> Interactions {
    let index = |name: &str, known: &mut BTreeMap<String, u32>| {
        let next = known.len() as u32;
        *known.entry(name.to_owned()).or_insert(next)
    };
    let (mut users, mut items) = (BTreeMap::new(), BTreeMap::new());
    let events: Vec<Interaction> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(separator).collect();
            let (user, item) = (index(fields[0], &mut users), index(fields[1], &mut items));
            Interaction { user, item, timestamp: fields[3].parse().unwrap(), weight: 1.0 }
        })
        .collect();
    Interactions::new(users.len(), items.len(), events).unwrap()
}

fn context(split: &Split) -> FitContext<'static> {
    FitContext { seed: 1, cancel: &|| false, progress: &|_, _| (), reference_time: split.train.newest().unwrap() }
}

fn fit(linear: &Linear, split: &Split) -> LinearModel {
    linear.fit_model(&split.train, &context(split)).unwrap()
}

fn judge(name: &str, model: &dyn Model, split: &Split) -> Evaluation {
    let evaluation = evaluate(model, &split.cases, true).unwrap();
    let ndcg = evaluation.interval(NDCG_AT_10, 1).unwrap();
    let coverage = evaluation.mean(COVERAGE).unwrap();
    println!(
        "{name:32} NDCG@10 {:.4} [{:.4}, {:.4}], coverage {coverage:.3}, {} users",
        ndcg.mean,
        ndcg.low,
        ndcg.high,
        evaluation.n_users()
    );
    evaluation
}

fn baseline(name: &str, split: &Split) -> Evaluation {
    judge(name, &*recipe(name, &BTreeMap::new()).unwrap().fit(&split.train, &context(split)).unwrap(), split)
}

fn assert_near(evaluation: &Evaluation, reference: f64, tolerance: f64) {
    let found = evaluation.mean(NDCG_AT_10).unwrap();
    assert!((found - reference).abs() <= tolerance, "NDCG@10 {found:.4}, the reference has {reference:.4} ± {tolerance}");
}

fn assert_better(model: &Evaluation, than: &Evaluation, margin: f64) {
    let comparison = compare(model, than, NDCG_AT_10, 1).unwrap();
    assert!(comparison.difference.low > 0.0 && comparison.difference.mean >= margin && comparison.p_value < 0.01, "{comparison:?}");
}

#[test]
fn movielens_100k_next_action() {
    let Some(archive) = archive("ml-100k") else { return };
    let data = ratings(&extract(&archive, "ml-100k/u.data"), "\t");
    // 94 users are few: five draws take the chance out of our side of the comparison.
    let splits: Vec<Split> = (1..=5).map(|seed| users10(&data, seed).unwrap()).collect();
    let (mut popular, mut ease, mut linear) = (Vec::new(), Vec::new(), Vec::new());
    for split in &splits {
        assert_eq!(split.cases.len(), 94);
        popular.push(baseline("popularity", split));
        ease.push(judge("EASE", &fit(&EASE, split), split));
        linear.push(judge("linear, defaults", &fit(&Linear::default(), split), split));
    }
    for (linear, popular) in linear.iter().zip(&popular) {
        assert_better(linear, popular, 0.06);
    }
    for (evaluations, reference) in [(popular, 0.0692), (ease, 0.1455), (linear, 0.2207)] {
        let mean = evaluations.iter().filter_map(|evaluation| evaluation.mean(NDCG_AT_10)).sum::<f64>() / 5.0;
        println!("mean of five draws NDCG@10 {mean:.4}, reference {reference:.4}");
        assert!((mean - reference).abs() < 0.045, "NDCG@10 {mean:.4}, the reference has {reference:.4}");
    }
}

#[test]
fn movielens_100k_coming_period() {
    let Some(archive) = archive("ml-100k") else { return };
    let split = temporal(&ratings(&extract(&archive, "ml-100k/u.data"), "\t"), 0.9).unwrap();
    assert_eq!((split.train.len(), split.cases.len()), (90_000, 90));
    let popular = baseline("popularity", &split);
    assert_near(&popular, 0.1506, 0.002);
    assert_near(&judge("EASE", &fit(&EASE, &split), &split), 0.2149, 0.001);
    assert_near(&judge("RDLAE", &fit(&RDLAE, &split), &split), 0.2156, 0.001);
    assert_near(&judge("SLIST", &fit(&SLIST, &split).with_inference(20.0, 0.0), &split), 0.2230, 0.004);
    let linear = judge("linear, longer memory", &fit(&Linear::default(), &split).with_inference(20.0, 0.0), &split);
    assert_better(&linear, &popular, 0.05);
}

#[test]
fn movielens_1m() {
    let Some(archive) = archive("ml-1m") else { return };
    let data = ratings(&extract(&archive, "ml-1m/ratings.dat"), "::");
    let split = users10(&data, 42).unwrap();
    let popular = baseline("popularity", &split);
    assert_near(&popular, 0.0624, 0.018);
    let linear = judge("linear, defaults", &fit(&Linear::default(), &split), &split);
    assert_near(&linear, 0.2208, 0.018);
    assert_better(&linear, &popular, 0.12);
    let split = temporal(&data, 0.9).unwrap();
    assert_eq!(split.cases.len(), 1180);
    assert_near(&baseline("popularity", &split), 0.2539, 0.0005);
    assert_near(&judge("EASE", &fit(&EASE, &split), &split), 0.2559, 0.001);
    assert_near(&judge("RDLAE", &fit(&RDLAE, &split), &split), 0.2623, 0.001);
}

/// What the reference computes: nothing thinned out, no cap on histories.
const COOCCURRENCE: Similar = Similar {
    history_discount: 1.0,
    popularity_discount: 0.5,
    power: 1.0,
    tau_inf: 3.0,
    half_life_days: f32::INFINITY,
    min_users: 1,
    min_support: 1,
    top_per_row: 400,
    max_history: 10_000,
};
const MARKOV: Rules = Rules {
    window: 10,
    popularity_discount: 0.25,
    tau_inf: 3.0,
    half_life_days: f32::INFINITY,
    min_users: 1,
    min_support: 1,
    top_per_row: 100_000,
    max_history: 10_000,
};

fn timed(name: &str, recipe: &dyn Recipe, split: &Split) -> Evaluation {
    let begin = std::time::Instant::now();
    let model = recipe.fit(&split.train, &context(split)).unwrap();
    println!("{name:32} fit {:.2} s", begin.elapsed().as_secs_f64());
    judge(name, &*model, split)
}

/// Half of an event is forgotten after this part of the time that the data span.
fn forgetting(part: f64, split: &Split) -> DecayedPopularity {
    let times = split.train.timestamps();
    let span = times.iter().max().unwrap() - times.iter().min().unwrap();
    DecayedPopularity { half_life_days: (span as f64 * part / 86_400.0) as f32 }
}

fn cheap_recipes(split: &Split) -> [Evaluation; 7] {
    let month = Trending { hours: 720.0, baseline: 3, smoothing: 10.0 };
    [
        timed("popularity", &*recipe("popularity", &BTreeMap::new()).unwrap(), split),
        timed("linear", &Linear::default(), split),
        timed("similar", &Similar::default(), split),
        timed("rules", &Rules::default(), split),
        timed("trending, 24 hours", &Trending::default(), split),
        timed("trending, 30 days", &month, split),
        timed("decayed_popularity, 7 days", &DecayedPopularity::default(), split),
    ]
}

#[test]
fn cheap_recipes_on_movielens_100k() {
    let Some(archive) = archive("ml-100k") else { return };
    let data = ratings(&extract(&archive, "ml-100k/u.data"), "\t");
    let splits: Vec<Split> = (1..=5).map(|seed| users10(&data, seed).unwrap()).collect();
    let means =
        splits.iter().map(|split| judge("rules as the reference", &MARKOV_LONG.fit_model(&split.train, &context(split)).unwrap(), split));
    let mean = means.filter_map(|evaluation| evaluation.mean(NDCG_AT_10)).sum::<f64>() / 5.0;
    assert!((mean - 0.2260).abs() < 0.045, "NDCG@10 {mean:.4}, the reference has 0.2260");
    cheap_recipes(&splits[0]);
    let split = temporal(&data, 0.9).unwrap();
    assert_near(&timed("rules as the reference", &MARKOV_LONG, &split), 0.1909, 0.002);
    assert_near(&timed("decayed_popularity, tenth", &forgetting(0.1, &split), &split), 0.2152, 0.002);
    cheap_recipes(&split);
}

const MARKOV_LONG: Rules = Rules { window: 20, tau_inf: 10.0, ..MARKOV };

#[test]
fn cheap_recipes_on_movielens_1m() {
    let Some(archive) = archive("ml-1m") else { return };
    let data = ratings(&extract(&archive, "ml-1m/ratings.dat"), "::");
    let split = users10(&data, 42).unwrap();
    let cooccurrence = timed("similar as the reference", &COOCCURRENCE, &split);
    assert_near(&cooccurrence, 0.1469, 0.018);
    assert_near(&timed("rules as the reference", &MARKOV, &split), 0.2043, 0.018);
    let [popular, _, similar, rules, ..] = cheap_recipes(&split);
    assert_better(&similar, &popular, 0.05);
    assert_better(&rules, &popular, 0.1);
    let split = temporal(&data, 0.9).unwrap();
    assert_near(&timed("rules as the reference", &MARKOV_LONG, &split), 0.1777, 0.002);
    assert_near(&timed("decayed_popularity, 1/200", &forgetting(0.005, &split), &split), 0.2727, 0.002);
    cheap_recipes(&split);
}

/// The recipe with its defaults and with every setting (`a=1 b=2; a=2`) that the variable holds.
fn settings_of<R>(variable: &str, recipe: impl Fn(&BTreeMap<String, String>) -> Result<R, RecipeError>) -> Vec<(String, R)> {
    let more = std::env::var(variable).unwrap_or_default();
    let all = std::iter::once("").chain(more.split(';').map(str::trim).filter(|settings| !settings.is_empty()));
    let read = |settings: &str| {
        let given = settings.split_whitespace().filter_map(|pair| pair.split_once('='));
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        (settings.to_owned(), recipe(&given).unwrap())
    };
    all.map(read).collect()
}

/// What `als` costs and finds beside popularity, `linear` and, where `PENCHANT_IMPLICIT_PYTHON` names a Python with the package
/// `implicit` 0.7, beside that. `ALS="factors=64 epochs=16; factors=128"` fits these settings too.
///
/// `RAYON_NUM_THREADS=2 cargo nextest run -p evaluate --test quality --run-ignored only --no-capture als_beside_peers`
#[test]
#[ignore = "a measurement"]
fn als_beside_peers() {
    for (name, member, separator) in [("ml-100k", "u.data", "\t"), ("ml-1m", "ratings.dat", "::")] {
        let Some(archive) = archive(name) else { continue };
        let data = ratings(&extract(&archive, &format!("{name}/{member}")), separator);
        for (protocol, split) in [("users10", users10(&data, 7).unwrap()), ("temporal", temporal(&data, 0.9).unwrap())] {
            println!("-- {name}, {protocol}: {} events, {} users", split.train.len(), split.cases.len());
            baseline("popularity", &split);
            timed("linear", &Linear::default(), &split);
            for (settings, recipe) in settings_of("ALS", Als::from_parameters) {
                timed(&format!("als {settings}"), &recipe, &split);
            }
            beside_implicit(&split);
        }
    }
}

/// What `transformer` costs and finds beside `linear` and `als`. `DATA="ml-100k"` takes one set only,
/// `TRANSFORMER="length=200 epochs=20; heads=2"` fits these settings too.
///
/// `RAYON_NUM_THREADS=2 cargo nextest run -p evaluate --test quality --run-ignored only --no-capture transformer_beside_peers`
#[test]
#[ignore = "a measurement"]
fn transformer_beside_peers() {
    let only = std::env::var("DATA").unwrap_or_default();
    for (name, member, separator) in [("ml-100k", "u.data", "\t"), ("ml-1m", "ratings.dat", "::")] {
        let Some(archive) = archive(name).filter(|_| only.is_empty() || only == name) else { continue };
        let data = ratings(&extract(&archive, &format!("{name}/{member}")), separator);
        for (protocol, split) in [("users10", users10(&data, 42).unwrap()), ("temporal", temporal(&data, 0.9).unwrap())] {
            println!("-- {name}, {protocol}: {} events, {} users", split.train.len(), split.cases.len());
            timed("linear", &Linear::default(), &split);
            timed("als", &Als::default(), &split);
            for (settings, recipe) in settings_of("TRANSFORMER", Transformer::from_parameters) {
                timed(&format!("transformer {settings}"), &recipe, &split);
            }
        }
    }
}

/// Hands the split to `implicit_peer.py`, which fits, judges in the same way and prints its own lines.
fn beside_implicit(split: &Split) {
    let Some(python) = std::env::var_os("PENCHANT_IMPLICIT_PYTHON") else {
        return println!("not run: PENCHANT_IMPLICIT_PYTHON names no Python with the package implicit");
    };
    let file = std::env::temp_dir().join(format!("penchant-implicit-{}.txt", std::process::id()));
    let words = |items: &mut dyn Iterator<Item = u32>| items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ");
    let train = (0..split.train.n_users() as u32).map(|user| words(&mut split.train.items_of(user).iter().copied()));
    let cases = split.cases.iter().map(|case| {
        let known = words(&mut case.history.iter().map(|event| event.item));
        format!("{known}|{}", words(&mut case.truth.iter().copied()))
    });
    let lines: Vec<String> = std::iter::once(split.train.n_items().to_string()).chain(train).chain(cases).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let script = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/implicit_peer.py");
    let status = Command::new(python).arg(script).arg(&file).env("OPENBLAS_NUM_THREADS", "1").status().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(status.success());
}
