//! The compatibility page, written from the table of operations.

use std::fmt::Write;

use crate::operations::{Operation, Service, all};
use crate::s3;

/// What a user of AWS should know before relying on it.
const NOTES: &[(&str, &str)] = &[
    ("CreateDatasetGroup", "Active at once. Tags are not kept, here and everywhere."),
    ("CreateDatasetImportJob", "`roleArn` is kept and has no effect."),
    ("DescribeDatasetImportJob", "Also shows `importReport`: rows kept and rejected, with file, line, column and reason."),
    ("CreateSolution", "`performAutoML` and `performAutoTraining` are refused: name a recipe, start versions yourself."),
    (
        "CreateCampaign",
        "`minProvisionedTPS` has no effect. Whether items a user already has are left out: `itemExplorationConfig` key `penchant.excludeSeen`.",
    ),
    ("GetRecommendations", "Filters, promotions, metadata columns and recommenders are refused; `context` has no effect."),
    ("GetPersonalizedRanking", "Filters and metadata columns are refused; `context` has no effect."),
    ("GetConnection", "Never shows a secret, whatever `HidePassword` says."),
    ("GetConnections", "Never shows a secret, whatever `HidePassword` says. Filters by type only."),
    ("GetTables", "`Expression` takes letters, digits and `.*`."),
    ("GetPartitions", "Without `Expression`."),
    ("CreateCrawler", "S3 and JDBC targets."),
    ("ListCrawls", "Without `Filters`."),
    ("CreateJob", "The script is a `.sql` file; the result goes where `--target` says. Sizes of clusters are kept and have no effect."),
    ("StartJobRun", "Run ids look like `job-1a2b3c4d`."),
    ("CreateTrigger", "On demand, scheduled and conditional ones; also starts training pipelines (`PipelineName`)."),
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
