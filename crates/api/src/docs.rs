//! The compatibility page, written from the table of operations.

use std::fmt::Write;

use crate::operations::{Operation, Service, all};
use crate::s3;

/// What a user of AWS should know before relying on it.
const NOTES: &[(&str, &str)] = &[
    ("CreateDatasetGroup", "Active at once. `tags`, here and everywhere: kept with everything but schemas."),
    ("CreateDatasetImportJob", "`roleArn` is kept and has no effect."),
    ("DescribeDatasetImportJob", "Also shows `importReport`: rows kept and rejected, with file, line, column and reason."),
    (
        "CreateSolution",
        "`performAutoML` tries all recipes for users, tunes and blends them; `performAutoTraining` is false unless it is asked for.",
    ),
    ("UpdateSolution", "`performIncrementalUpdate` is refused: trainingMode UPDATE of CreateSolutionVersion does it when it is asked to."),
    ("CreateSolutionVersion", "UPDATE, of any recipe: trains on all data with the settings that the last FULL version found."),
    (
        "CreateCampaign",
        "`minProvisionedTPS` has no effect. With `syncWithLatestSolutionVersion` it follows new FULL versions that are not worse by more than chance. Whether items a user already has are left out: `itemExplorationConfig` key `penchant.excludeSeen`.",
    ),
    (
        "CreateRecommender",
        "In a dataset group with a domain; trains and answers by itself. `minRecommendationRequestsPerSecond` has no effect. What the user bought or watched is left out where the use case says so, over the whole history.",
    ),
    (
        "UpdateRecommender",
        "Always trains again, on the data as it is now; the version before answers until the new one is loaded. When the data changed it is also trained again once a week, and a version that is worse by more than chance does not answer.",
    ),
    ("StopRecommender", "INACTIVE at once; the model's memory is freed."),
    ("StartRecommender", "ACTIVE at once, with the model that it had."),
    ("GetRecommendations", "Metadata columns are refused; `context` has no effect."),
    ("GetPersonalizedRanking", "Metadata columns are refused; `context` has no effect."),
    (
        "CreateConnection",
        "Secrets are sealed with the installation's key, or named: `${env:NAME}`, `${file:path}`. `ValidateCredentials` tests at once. `AuthenticationConfiguration` is refused; networks and `SparkProperties` have no effect.",
    ),
    (
        "UpdateConnection",
        "Replaces the whole, as in AWS: since no answer shows a password, give it again (or as `${env:NAME}`), else the connection has none.",
    ),
    ("GetConnection", "Never shows a secret, whatever `HidePassword` says (AWS does unless it is hidden)."),
    ("GetConnections", "Never shows a secret, whatever `HidePassword` says."),
    (
        "TestConnection",
        "The exception names the step that failed: DNS, TCP and TLS as `FederationSourceException`, authentication, database and permission as `InvalidInputException`. For S3 a bucket is listed: that of the property `BUCKET`, or one that a crawler reads.",
    ),
    ("ListConnectionTypes", "The types that this server reaches."),
    ("GetTables", "`Expression` is a regular expression over the whole name, without looking around and references to groups."),
    ("GetUserDefinedFunctions", "`Pattern` as `Expression` of `GetTables`."),
    ("CreateUserDefinedFunction", "Kept for clients; never called here."),
    (
        "SearchTables",
        "Every word of `SearchText` begins a word in the table's name, description, columns or their comments; words in double quotes stand next to each other as they are. Sorts by `Name`, `DatabaseName`, `CreateTime`, `UpdateTime`.",
    ),
    ("UpdateTable", "`VersionId` is checked: another version now is a `ConcurrentModificationException`."),
    ("PenchantGetTableVersionDiff", "Our own: columns added, removed, retyped, renamed-looking between two versions."),
    (
        "PenchantRollbackCampaign",
        "Our own: the campaign serves the version before again, once its model is loaded; asked again, the one before that.",
    ),
    ("CreatePartitionIndex", "Active at once, without effect on answers."),
    ("GetPartitions", "`Expression` errors name the character that does not fit. `QueryAsOfTime` and `TransactionId` have no effect."),
    ("BatchGetPartition", "Partitions that do not exist come back as `UnprocessedKeys`."),
    ("GetResourcePolicy", "There is none: always `EntityNotFoundException`."),
    ("GetDataCatalogEncryptionSettings", "Metadata is a plain file; passwords of connections are sealed."),
    ("CreateCrawler", "`S3Targets`, `JdbcTargets`, `MongoDBTargets`, and `KafkaTargets` of our own."),
    (
        "StartColumnStatisticsTaskRun",
        "Looks at all columns, over a sample of rows; `ColumnNameList`, `SampleSize` and `Role` have no effect.",
    ),
    (
        "CreateColumnStatisticsTaskSettings",
        "`Schedule` starts runs; `ColumnNameList`, `SampleSize` and `SecurityConfiguration` are kept and have no effect.",
    ),
    ("ListCrawls", "Times in `Filters` are seconds since 1970."),
    (
        "CreateJob",
        "A graph (`CodeGenConfigurationNodes`), a `.sql` file whose result goes where `--target` says, or a Python shell script; Spark programs are refused: see jobs.md. A kind of node that is not offered is refused by its name. Sizes of clusters, connections, queuing and version control are kept and have no effect; the `AuthToken` of version control is not kept.",
    ),
    ("UpdateJob", "Members left out are reset, as in AWS."),
    (
        "StartJobRun",
        "Run ids look like `job-1a2b3c4d`. `JobRunId` repeats a run with its arguments and its timeout; arguments that are given win. `JobRunQueuingEnabled` does not queue: beyond `MaxConcurrentRuns` it is `ConcurrentRunsExceededException`.",
    ),
    (
        "GetJobRun",
        "`Attempt` counts the tries within the run; `Result` (ours) has rows, bytes, memory and spill by target, and rules of data quality.",
    ),
    ("GetMapping", "Each column of the source, or of it those that the first of `Sinks` has, with its type."),
    (
        "GetPlan",
        "`PythonScript` is plain PySpark, without `awsglue`. Targets are `Sinks`, or `path` of `Location.S3` as Parquet. No Scala.",
    ),
    ("GetJobBookmark", "`JobBookmark` is JSON by table; with `RunId` as that run left it, of the newest 32. See bookmarks.md."),
    ("ResetJobBookmark", "With `RunId` back to just after that run. While a run moves it: `ConcurrentModificationException`."),
    ("CreateTrigger", "On demand, scheduled and conditional ones; also starts training pipelines (`PipelineName`)."),
    ("PutRule", "On the default bus, with an `EventPattern`; schedules are Glue's triggers."),
    ("PutTargets", "Webhooks (`https://…`), mail (`mailto:…`), Kafka (`kafka:host:port/topic`); commands only in penchant.yaml."),
    ("CreateRole", "Roles are remembered and have no effect: whoever has the key may do everything."),
    ("PutRolePolicy", "Remembered, without effect."),
    ("AttachRolePolicy", "Remembered, without effect."),
];

/// Markdown: every operation this server answers, by service.
pub fn compatibility_page() -> String {
    let rows = all();
    let mut page = String::from(
        "# What of AWS this server speaks\n\n\
         Written from the table of operations in `crates/api/src/operations.rs`. Every other operation is answered with\n\
         `UnknownOperationException` (400).\n",
    );
    for service in Service::ALL {
        let of_service: Vec<&Operation> = rows.iter().filter(|row| row.service == service).collect();
        // Writing to a text cannot fail.
        let _ = write!(
            page,
            "\n## {} ({} operations)\n\n| Operation | Required members | To know |\n|---|---|---|\n",
            service.client(),
            of_service.len()
        );
        for row in of_service {
            let note = NOTES.iter().find(|(name, _)| *name == row.name).map_or("", |(_, note)| note);
            let _ = writeln!(page, "| {} | {} | {note} |", row.name, row.required.join(", "));
        }
    }
    let _ = write!(page, "\n## s3 ({} operations)\n\n", s3::OPERATIONS.len());
    page.push_str("Buckets are folders and objects plain files in them, so a key's parts are file names: none is empty, `.`, `..` or longer than\n255 bytes, and `a` and `a/b` cannot both be objects. ETags are not MD5 sums. Versions, ACLs and tags do not exist; bucket\npolicies are remembered and have no effect.\n\n");
    page.push_str(&s3::OPERATIONS.join(", "));
    page.push_str(".\n");
    page
}

#[cfg(test)]
mod tests;
