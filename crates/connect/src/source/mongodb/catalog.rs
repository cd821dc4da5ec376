//! What there is: databases, collections, their statistics, and samples of their documents.

use domain::Result;
use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::Collation;
use mongodb::{Client, error::Result as DriverResult};

use super::connect::Server;
use super::error::{OPTION_NOT_SUPPORTED_ON_VIEW, server_code};
use super::shape::{Sample, Shape};

/// Documents that MongoDB picks by chance; a collection that has no more is looked at whole.
pub(crate) const SAMPLE_DOCUMENTS: i64 = 1_000;
/// Documents looked at from either end of a collection (in the order of `_id`), where the oldest and the newest forms are.
pub(crate) const END_DOCUMENTS: i64 = 100;
/// MongoDB's own databases.
const OWN_DATABASES: &[&str] = &["admin", "config", "local"];

/// What kind of collection a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Collection,
    View,
    TimeSeries,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub name: String,
    pub form: Form,
}

/// All databases that the user may see and that are not MongoDB's own, by name.
pub(crate) async fn databases(server: &Server) -> Result<Vec<String>> {
    let names = async |client: Client| client.list_database_names().authorized_databases(true).await;
    let mut names = server.ask(names).await?;
    names.retain(|name| !OWN_DATABASES.contains(&name.as_str()));
    names.sort_unstable();
    Ok(names)
}

/// The database's collections and views by name, one command; or the one of that name.
pub(crate) async fn collections(server: &Server, database: &str, only: Option<&str>) -> Result<Vec<Listed>> {
    let filter = only.map_or_else(|| doc! {}, |name| doc! { "name": name });
    let list = async |client: Client| -> DriverResult<Vec<Document>> {
        let command = doc! { "listCollections": 1, "nameOnly": true, "authorizedCollections": true, "filter": &filter };
        client.database(database).run_cursor_command(command).await?.try_collect().await
    };
    let mut listed: Vec<Listed> = server.ask(list).await?.iter().filter_map(listed).collect();
    listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(listed)
}

fn listed(found: &Document) -> Option<Listed> {
    let name = found.get_str("name").ok().filter(|name| !name.starts_with("system."))?;
    let form = match found.get_str("type") {
        Ok("view") => Form::View,
        Ok("timeseries") => Form::TimeSeries,
        _ => Form::Collection,
    };
    Some(Listed { name: name.to_owned(), form })
}

/// Number of documents and their bytes, from MongoDB's own bookkeeping; nothing for views and for whoever may not ask.
pub(crate) async fn statistics(server: &Server, database: &str, listed: &Listed) -> (Option<u64>, Option<u64>) {
    if listed.form == Form::View {
        return (None, None);
    }
    let pipeline =
        [doc! { "$collStats": { "storageStats": {}, "count": {} } }, doc! { "$project": { "count": 1, "bytes": "$storageStats.size" } }];
    let ask = async |client: Client| -> DriverResult<Vec<Document>> {
        client.database(database).collection::<Document>(&listed.name).aggregate(pipeline.clone()).await?.try_collect().await
    };
    // Statistics are not worth failing for; what is wrong with the collection itself shows when it is sampled.
    let shards = server.ask(ask).await.unwrap_or_else(|error| {
        tracing::debug!(%error, collection = listed.name, "no statistics");
        Vec::new()
    });
    let sum = |name: &str| shards.iter().map(|shard| shard.get(name).and_then(number)).sum::<Option<u64>>().filter(|_| !shards.is_empty());
    (sum("count"), sum("bytes"))
}

fn number(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(value) => u64::try_from(*value).ok(),
        Bson::Int64(value) => u64::try_from(*value).ok(),
        Bson::Double(value) if *value >= 0.0 => Some(*value as u64),
        _ => None,
    }
}

/// The collection's columns. A small collection is looked at whole; of a larger one both ends and [`SAMPLE_DOCUMENTS`] picked by
/// chance. Views and time series have no index on `_id` to find their ends by, and a view would be computed whole to pick from it:
/// of views it is the first documents.
pub(crate) async fn shape(server: &Server, database: &str, listed: &Listed) -> Result<Shape> {
    let pick = || vec![doc! { "$sample": { "size": SAMPLE_DOCUMENTS } }];
    let end = |direction: i32, documents: i64| vec![doc! { "$sort": { "_id": direction } }, doc! { "$limit": documents }];
    let pipelines = match listed.form {
        Form::View => vec![vec![doc! { "$limit": SAMPLE_DOCUMENTS }]],
        Form::TimeSeries => vec![pick()],
        Form::Collection if count(server, database, &listed.name).await? <= SAMPLE_DOCUMENTS as u64 => vec![end(1, SAMPLE_DOCUMENTS)],
        Form::Collection => vec![end(1, END_DOCUMENTS), end(-1, END_DOCUMENTS), pick()],
    };
    let mut sample: Option<Sample> = None;
    let mut collated = false;
    for pipeline in pipelines {
        let (part, by_collation) = server.ask(async |client| sampled(&client, database, listed, &pipeline).await).await?;
        collated |= by_collation;
        match &mut sample {
            Some(sample) => sample.merge(part),
            None => sample = Some(part),
        }
    }
    Ok(Shape::of(sample.unwrap_or_default(), listed.form, collated))
}

/// What MongoDB's bookkeeping says; exact unless the server crashed or documents are moving between shards.
pub(crate) async fn count(server: &Server, database: &str, name: &str) -> Result<u64> {
    server.ask(async |client: Client| client.database(database).collection::<Document>(name).estimated_document_count().await).await
}

/// The sample, and whether the collection is a view that insists on its own collation.
async fn sampled(client: &Client, database: &str, listed: &Listed, pipeline: &[Document]) -> DriverResult<(Sample, bool)> {
    let collection = client.database(database).collection::<Document>(&listed.name);
    let simple = collection.aggregate(pipeline.to_vec()).allow_disk_use(true).collation(simple_collation());
    let (mut cursor, collated) = match simple.with_type::<RawDocumentBuf>().await {
        Err(error) if server_code(&error) == Some(OPTION_NOT_SUPPORTED_ON_VIEW) => {
            (collection.aggregate(pipeline.to_vec()).with_type::<RawDocumentBuf>().await?, true)
        }
        outcome => (outcome?, false),
    };
    let mut sample = Sample::default();
    while cursor.advance().await? {
        sample.note(cursor.current())?;
    }
    Ok((sample, collated))
}

/// Texts in the order of their bytes, whatever the collection's own collation.
pub(crate) fn simple_collation() -> Collation {
    Collation::builder().locale("simple").build()
}
