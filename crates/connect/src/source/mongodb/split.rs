//! A scan in parts that can be read at the same time.

use domain::Result;
use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Client, error::Result as DriverResult};

use super::catalog::Form;
use super::connect::Server;
use super::shape::Shape;
use super::types::Kind;
use crate::source::{Comparison, Literal, Predicate, Scan};

const KEY: &str = "_id";
/// Documents picked by chance for each part; more make the parts more even.
const PICKED_PER_PART: usize = 50;

/// Values of `_id` that lie between the parts, at most `parts` - 1; none where it cannot be split.
pub(crate) async fn bounds(server: &Server, database: &str, collection: &str, shape: &Shape, parts: usize) -> Result<Vec<Literal>> {
    let kind = shape.columns.iter().find(|column| column.name == KEY).map(|column| &column.kind);
    if shape.form != Form::Collection || !matches!(kind, Some(Kind::ObjectId | Kind::Integer)) {
        return Ok(Vec::new());
    }
    let ends = server.ask(async |client| ends(&client, database, collection).await).await?;
    // The index has its values type by type: when its ends are of one type, all are.
    if ends.len() != 2 || !ends.iter().all(|end| literal(end).is_some_and(|end| is_like(&end, kind))) {
        return Ok(Vec::new());
    }
    let mut picked = server.ask(async |client| picked(&client, database, collection, PICKED_PER_PART * parts).await).await?;
    picked.sort_by(order);
    picked.dedup();
    let at = |part: usize| picked.get(part * picked.len() / parts).cloned();
    let mut bounds: Vec<Literal> = (1..parts).filter_map(at).collect();
    bounds.dedup();
    Ok(bounds)
}

/// The scan's parts: below the first bound, between each and the next, and from the last on.
pub(crate) fn parts(scan: &Scan, bounds: Vec<Literal>) -> Vec<Scan> {
    let edges: Vec<Option<Literal>> = std::iter::once(None).chain(bounds.into_iter().map(Some)).chain(std::iter::once(None)).collect();
    let compare = |comparison, edge: &Literal| Predicate::compare(KEY, comparison, edge.clone());
    let part = |from: &Option<Literal>, to: &Option<Literal>| {
        let mut part = scan.clone();
        part.filters.extend(from.iter().map(|edge| compare(Comparison::GreaterOrEqual, edge)));
        part.filters.extend(to.iter().map(|edge| compare(Comparison::Less, edge)));
        part
    };
    edges.iter().zip(edges.iter().skip(1)).map(|(from, to)| part(from, to)).collect()
}

async fn ends(client: &Client, database: &str, collection: &str) -> DriverResult<Vec<Document>> {
    let collection = client.database(database).collection::<Document>(collection);
    let mut ends = Vec::new();
    for direction in [1, -1] {
        ends.extend(collection.find_one(doc! {}).sort(doc! { KEY: direction }).projection(doc! { KEY: 1 }).await?);
    }
    Ok(ends)
}

async fn picked(client: &Client, database: &str, collection: &str, size: usize) -> DriverResult<Vec<Literal>> {
    let pipeline = [doc! { "$sample": { "size": size as i64 } }, doc! { "$project": { KEY: 1 } }];
    let documents = client.database(database).collection::<Document>(collection).aggregate(pipeline).await?;
    documents.try_filter_map(async |document: Document| Ok(literal(&document))).try_collect().await
}

fn literal(document: &Document) -> Option<Literal> {
    match document.get(KEY)? {
        Bson::ObjectId(id) => Some(Literal::Text(id.to_hex())),
        Bson::Int32(value) => Some(Literal::Integer((*value).into())),
        Bson::Int64(value) => Some(Literal::Integer(*value)),
        _ => None,
    }
}

fn is_like(end: &Literal, kind: Option<&Kind>) -> bool {
    matches!((end, kind), (Literal::Text(_), Some(Kind::ObjectId)) | (Literal::Integer(_), Some(Kind::Integer)))
}

fn order(a: &Literal, b: &Literal) -> std::cmp::Ordering {
    match (a, b) {
        (Literal::Text(a), Literal::Text(b)) => a.cmp(b),
        (Literal::Integer(a), Literal::Integer(b)) => a.cmp(b),
        (Literal::Text(_), _) => std::cmp::Ordering::Greater,
        _ => std::cmp::Ordering::Less,
    }
}
