//! The table of everything this server answers. It feeds the dispatch, the compatibility page and the coverage test.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use domain::Result;

use crate::app::App;
use crate::input::Input;
use crate::wire::Answer;
use crate::{eventbridge, events, glue, personalize, runtime, sts};

/// Whose wire an operation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    Personalize,
    Runtime,
    Events,
    Glue,
    EventBridge,
    Sts,
    Iam,
}

impl Service {
    pub const ALL: [Service; 7] = [Self::Personalize, Self::Runtime, Self::Events, Self::Glue, Self::EventBridge, Self::Sts, Self::Iam];

    /// boto3's name of the client.
    pub fn client(self) -> &'static str {
        match self {
            Self::Personalize => "personalize",
            Self::Runtime => "personalize-runtime",
            Self::Events => "personalize-events",
            Self::Glue => "glue",
            Self::EventBridge => "events",
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    /// What a signature's scope calls it.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Personalize | Self::Runtime | Self::Events => "personalize",
            Self::Glue => "glue",
            Self::EventBridge => "events",
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    /// awsJson1.1: the operation is named in X-Amz-Target.
    pub(crate) fn is_json_target(self) -> bool {
        matches!(self, Self::Personalize | Self::Glue | Self::EventBridge)
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;
type Handler = Box<dyn Fn(Arc<App>, Input) -> Answering + Send + Sync>;

/// One row.
pub struct Operation {
    pub service: Service,
    pub name: &'static str,
    /// The HTTP status of success.
    pub status: u16,
    /// The path of a rest-json operation (always POST); `/` for the others.
    pub path: &'static str,
    /// Members that must be there; checked before the handler is called.
    pub required: &'static [&'static str],
    pub(crate) handler: Handler,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.service.client(), self.name)
    }
}

fn row<F, A>(service: Service, name: &'static str, required: &'static [&'static str], handler: F) -> Operation
where
    F: Fn(Arc<App>, Input) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Answer>> + Send + 'static,
{
    Operation { service, name, status: 200, path: "/", required, handler: Box::new(move |app, input| Box::pin(handler(app, input))) }
}

impl Operation {
    /// Tags of a Create are kept under the ARN that it answers with.
    fn tagged(mut self) -> Self {
        let inner = self.handler;
        self.handler = Box::new(move |app, input| {
            let tags = personalize::tags::of(&input);
            let answering = inner(Arc::clone(&app), input);
            Box::pin(async move { personalize::tags::keep(&app, tags?, answering.await?).await })
        });
        self
    }

    /// What a Delete deletes, named by its only member, has no tags any more.
    fn untagged(mut self) -> Self {
        let (inner, names) = (self.handler, self.required);
        self.handler = Box::new(move |app, input| {
            let arns: Result<Vec<_>> = names.iter().map(|name| input.arn(name)).collect();
            let answering = inner(Arc::clone(&app), input);
            Box::pin(async move { personalize::tags::forget(&app, &arns?, answering.await?).await })
        });
        self
    }

    fn at(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }
}

/// Finds rows by what a request names.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Operation>,
    by_name: HashMap<(Service, &'static str), usize>,
    by_path: HashMap<&'static str, usize>,
}

impl Table {
    pub fn new() -> Self {
        let rows = all();
        let by_name = rows.iter().enumerate().map(|(index, row)| ((row.service, row.name), index)).collect();
        let by_path = rows.iter().enumerate().filter(|(_, row)| row.path != "/").map(|(index, row)| (row.path, index)).collect();
        Self { rows, by_name, by_path }
    }

    pub fn by_name(&self, service: Service, name: &str) -> Option<&Operation> {
        self.by_name.get(&(service, name)).map(|index| &self.rows[*index])
    }

    pub fn by_path(&self, path: &str) -> Option<&Operation> {
        self.by_path.get(path).map(|index| &self.rows[*index])
    }
}

/// Every row, in the order of the services and of the way of the data.
pub fn all() -> Vec<Operation> {
    let mut rows = personalize_rows();
    rows.extend(campaign_rows());
    rows.extend(connection_rows());
    rows.extend(catalog_rows());
    rows.extend(partition_rows());
    rows.extend(crawler_rows());
    rows.extend(job_rows());
    rows.extend(workflow_rows());
    rows.extend(eventbridge_rows());
    rows.extend(query_rows());
    rows
}

fn personalize_rows() -> Vec<Operation> {
    use Service::Personalize as P;
    use personalize::{dataset_groups, datasets, import_jobs, recipes, schemas, solution_versions, solutions};
    vec![
        row(P, "CreateDatasetGroup", &["name"], dataset_groups::create).tagged(),
        row(P, "DescribeDatasetGroup", &["datasetGroupArn"], dataset_groups::describe),
        row(P, "ListDatasetGroups", &[], dataset_groups::list),
        row(P, "DeleteDatasetGroup", &["datasetGroupArn"], dataset_groups::delete).untagged(),
        row(P, "CreateSchema", &["name", "schema"], schemas::create),
        row(P, "DescribeSchema", &["schemaArn"], schemas::describe),
        row(P, "ListSchemas", &[], schemas::list),
        row(P, "DeleteSchema", &["schemaArn"], schemas::delete),
        row(P, "CreateDataset", &["name", "schemaArn", "datasetGroupArn", "datasetType"], datasets::create).tagged(),
        row(P, "DescribeDataset", &["datasetArn"], datasets::describe),
        row(P, "ListDatasets", &[], datasets::list),
        row(P, "DeleteDataset", &["datasetArn"], datasets::delete).untagged(),
        row(P, "CreateDatasetImportJob", &["jobName", "datasetArn", "dataSource"], import_jobs::create).tagged(),
        row(P, "DescribeDatasetImportJob", &["datasetImportJobArn"], import_jobs::describe),
        row(P, "ListDatasetImportJobs", &[], import_jobs::list),
        row(P, "ListRecipes", &[], recipes::list),
        row(P, "DescribeRecipe", &["recipeArn"], recipes::describe),
        row(P, "CreateSolution", &["name", "datasetGroupArn"], solutions::create).tagged(),
        row(P, "DescribeSolution", &["solutionArn"], solutions::describe),
        row(P, "ListSolutions", &[], solutions::list),
        row(P, "DeleteSolution", &["solutionArn"], solutions::delete).untagged(),
        row(P, "UpdateSolution", &["solutionArn"], solutions::update),
        row(P, "CreateSolutionVersion", &["solutionArn"], solution_versions::create).tagged(),
        row(P, "DescribeSolutionVersion", &["solutionVersionArn"], solution_versions::describe),
        row(P, "ListSolutionVersions", &[], solution_versions::list),
        row(P, "StopSolutionVersionCreation", &["solutionVersionArn"], solution_versions::stop),
        row(P, "GetSolutionMetrics", &["solutionVersionArn"], solution_versions::metrics),
    ]
}

fn campaign_rows() -> Vec<Operation> {
    use Service::{Events, Personalize as P, Runtime};
    use personalize::{batch_inference_jobs, campaigns, data_deletion_jobs, event_trackers, filters, recommenders, tags};
    vec![
        row(P, "CreateCampaign", &["name", "solutionVersionArn"], campaigns::create).tagged(),
        row(P, "DescribeCampaign", &["campaignArn"], campaigns::describe),
        row(P, "ListCampaigns", &[], campaigns::list),
        row(P, "UpdateCampaign", &["campaignArn"], campaigns::update),
        row(P, "DeleteCampaign", &["campaignArn"], campaigns::delete).untagged(),
        row(P, "PenchantRollbackCampaign", &["campaignArn"], campaigns::rollback),
        row(P, "CreateRecommender", &["name", "datasetGroupArn", "recipeArn"], recommenders::create).tagged(),
        row(P, "DescribeRecommender", &["recommenderArn"], recommenders::describe),
        row(P, "ListRecommenders", &[], recommenders::list),
        row(P, "UpdateRecommender", &["recommenderArn", "recommenderConfig"], recommenders::update),
        row(P, "StartRecommender", &["recommenderArn"], recommenders::start),
        row(P, "StopRecommender", &["recommenderArn"], recommenders::stop),
        row(P, "DeleteRecommender", &["recommenderArn"], recommenders::delete).untagged(),
        row(P, "CreateFilter", &["name", "datasetGroupArn", "filterExpression"], filters::create).tagged(),
        row(P, "DescribeFilter", &["filterArn"], filters::describe),
        row(P, "ListFilters", &[], filters::list),
        row(P, "DeleteFilter", &["filterArn"], filters::delete).untagged(),
        row(P, "CreateBatchInferenceJob", &["jobName", "solutionVersionArn", "jobInput", "jobOutput"], batch_inference_jobs::create)
            .tagged(),
        row(P, "DescribeBatchInferenceJob", &["batchInferenceJobArn"], batch_inference_jobs::describe),
        row(P, "ListBatchInferenceJobs", &[], batch_inference_jobs::list),
        row(P, "CreateDataDeletionJob", &["jobName", "datasetGroupArn", "dataSource", "roleArn"], data_deletion_jobs::create).tagged(),
        row(P, "DescribeDataDeletionJob", &["dataDeletionJobArn"], data_deletion_jobs::describe),
        row(P, "ListDataDeletionJobs", &[], data_deletion_jobs::list),
        row(P, "CreateEventTracker", &["name", "datasetGroupArn"], event_trackers::create).tagged(),
        row(P, "DescribeEventTracker", &["eventTrackerArn"], event_trackers::describe),
        row(P, "ListEventTrackers", &[], event_trackers::list),
        row(P, "DeleteEventTracker", &["eventTrackerArn"], event_trackers::delete).untagged(),
        row(P, "TagResource", &["resourceArn", "tags"], tags::add),
        row(P, "UntagResource", &["resourceArn", "tagKeys"], tags::remove),
        row(P, "ListTagsForResource", &["resourceArn"], tags::list),
        row(Runtime, "GetRecommendations", &[], runtime::get_recommendations).at("/recommendations"),
        row(Runtime, "GetPersonalizedRanking", &["campaignArn", "inputList", "userId"], runtime::get_personalized_ranking)
            .at("/personalize-ranking"),
        row(Events, "PutEvents", &["trackingId", "sessionId", "eventList"], events::put_events).at("/events"),
    ]
}

fn connection_rows() -> Vec<Operation> {
    use Service::Glue as G;
    use glue::{classifiers, connection_types, connections};
    vec![
        row(G, "CreateConnection", &["ConnectionInput"], connections::create),
        row(G, "GetConnection", &["Name"], connections::get),
        row(G, "GetConnections", &[], connections::list),
        row(G, "UpdateConnection", &["Name", "ConnectionInput"], connections::update),
        row(G, "DeleteConnection", &["ConnectionName"], connections::delete),
        row(G, "BatchDeleteConnection", &["ConnectionNameList"], connections::delete_batch),
        row(G, "TestConnection", &[], connections::test),
        row(G, "ListConnectionTypes", &[], connection_types::list),
        row(G, "DescribeConnectionType", &["ConnectionType"], connection_types::describe),
        row(G, "CreateClassifier", &[], classifiers::create),
        row(G, "GetClassifier", &["Name"], classifiers::get),
        row(G, "GetClassifiers", &[], classifiers::list),
        row(G, "UpdateClassifier", &[], classifiers::update),
        row(G, "DeleteClassifier", &["Name"], classifiers::delete),
    ]
}

fn catalog_rows() -> Vec<Operation> {
    use Service::Glue as G;
    use glue::{databases, functions, impact, search, settings, table_versions, tables};
    vec![
        row(G, "CreateDatabase", &["DatabaseInput"], databases::create),
        row(G, "GetDatabase", &["Name"], databases::get),
        row(G, "GetDatabases", &[], databases::list),
        row(G, "UpdateDatabase", &["Name", "DatabaseInput"], databases::update),
        row(G, "DeleteDatabase", &["Name"], databases::delete),
        row(G, "CreateTable", &["DatabaseName", "TableInput"], tables::create),
        row(G, "GetTable", &["DatabaseName", "Name"], tables::get),
        row(G, "GetTables", &["DatabaseName"], tables::list),
        row(G, "SearchTables", &[], search::tables),
        row(G, "UpdateTable", &["DatabaseName", "TableInput"], tables::update),
        row(G, "DeleteTable", &["DatabaseName", "Name"], tables::delete),
        row(G, "BatchDeleteTable", &["DatabaseName", "TablesToDelete"], tables::delete_batch),
        row(G, "GetTableVersion", &["DatabaseName", "TableName"], table_versions::get),
        row(G, "GetTableVersions", &["DatabaseName", "TableName"], table_versions::list),
        row(G, "PenchantGetTableVersionDiff", &["DatabaseName", "TableName", "FromVersionId", "ToVersionId"], table_versions::diff),
        row(G, "PenchantGetImpact", &["DatabaseName", "TableName"], impact::get),
        row(G, "DeleteTableVersion", &["DatabaseName", "TableName", "VersionId"], table_versions::delete),
        row(G, "BatchDeleteTableVersion", &["DatabaseName", "TableName", "VersionIds"], table_versions::delete_batch),
        row(G, "CreateUserDefinedFunction", &["DatabaseName", "FunctionInput"], functions::create),
        row(G, "GetUserDefinedFunction", &["DatabaseName", "FunctionName"], functions::get),
        row(G, "GetUserDefinedFunctions", &["Pattern"], functions::list),
        row(G, "UpdateUserDefinedFunction", &["DatabaseName", "FunctionName", "FunctionInput"], functions::update),
        row(G, "DeleteUserDefinedFunction", &["DatabaseName", "FunctionName"], functions::delete),
        row(G, "GetCatalogImportStatus", &[], settings::import_status),
        row(G, "GetDataCatalogEncryptionSettings", &[], settings::encryption),
        row(G, "GetResourcePolicy", &[], settings::resource_policy),
    ]
}

fn partition_rows() -> Vec<Operation> {
    use Service::Glue as G;
    use glue::{column_statistics as statistics, partition_indexes as indexes, partitions};
    vec![
        row(G, "CreatePartition", &["DatabaseName", "TableName", "PartitionInput"], partitions::create),
        row(G, "BatchCreatePartition", &["DatabaseName", "TableName", "PartitionInputList"], partitions::create_batch),
        row(G, "GetPartition", &["DatabaseName", "TableName", "PartitionValues"], partitions::get),
        row(G, "BatchGetPartition", &["DatabaseName", "TableName", "PartitionsToGet"], partitions::get_batch),
        row(G, "GetPartitions", &["DatabaseName", "TableName"], partitions::list),
        row(G, "UpdatePartition", &["DatabaseName", "TableName", "PartitionValueList", "PartitionInput"], partitions::update),
        row(G, "BatchUpdatePartition", &["DatabaseName", "TableName", "Entries"], partitions::update_batch),
        row(G, "DeletePartition", &["DatabaseName", "TableName", "PartitionValues"], partitions::delete),
        row(G, "BatchDeletePartition", &["DatabaseName", "TableName", "PartitionsToDelete"], partitions::delete_batch),
        row(G, "CreatePartitionIndex", &["DatabaseName", "TableName", "PartitionIndex"], indexes::create),
        row(G, "GetPartitionIndexes", &["DatabaseName", "TableName"], indexes::list),
        row(G, "DeletePartitionIndex", &["DatabaseName", "TableName", "IndexName"], indexes::delete),
        row(G, "UpdateColumnStatisticsForTable", &["DatabaseName", "TableName", "ColumnStatisticsList"], statistics::update),
        row(G, "GetColumnStatisticsForTable", &["DatabaseName", "TableName", "ColumnNames"], statistics::get),
        row(G, "DeleteColumnStatisticsForTable", &["DatabaseName", "TableName", "ColumnName"], statistics::delete),
        row(
            G,
            "UpdateColumnStatisticsForPartition",
            &["DatabaseName", "TableName", "PartitionValues", "ColumnStatisticsList"],
            statistics::update,
        ),
        row(G, "GetColumnStatisticsForPartition", &["DatabaseName", "TableName", "PartitionValues", "ColumnNames"], statistics::get),
        row(G, "DeleteColumnStatisticsForPartition", &["DatabaseName", "TableName", "PartitionValues", "ColumnName"], statistics::delete),
    ]
}

fn crawler_rows() -> Vec<Operation> {
    use Service::Glue as G;
    use glue::{crawlers, statistics_runs, statistics_settings};
    vec![
        row(G, "CreateCrawler", &["Name", "Role", "Targets"], crawlers::create),
        row(G, "GetCrawler", &["Name"], crawlers::get),
        row(G, "GetCrawlers", &[], crawlers::list),
        row(G, "BatchGetCrawlers", &["CrawlerNames"], crawlers::get_batch),
        row(G, "ListCrawlers", &[], crawlers::list_names),
        row(G, "UpdateCrawler", &["Name"], crawlers::update),
        row(G, "DeleteCrawler", &["Name"], crawlers::delete),
        row(G, "StartCrawler", &["Name"], crawlers::start),
        row(G, "StopCrawler", &["Name"], crawlers::stop),
        row(G, "ListCrawls", &["CrawlerName"], crawlers::crawls),
        row(G, "GetCrawlerMetrics", &[], crawlers::metrics),
        row(G, "StartCrawlerSchedule", &["CrawlerName"], crawlers::start_schedule),
        row(G, "StopCrawlerSchedule", &["CrawlerName"], crawlers::stop_schedule),
        row(G, "UpdateCrawlerSchedule", &["CrawlerName"], crawlers::update_schedule),
        row(G, "StartColumnStatisticsTaskRun", &["DatabaseName", "TableName", "Role"], statistics_runs::start),
        row(G, "GetColumnStatisticsTaskRun", &["ColumnStatisticsTaskRunId"], statistics_runs::get),
        row(G, "GetColumnStatisticsTaskRuns", &["DatabaseName", "TableName"], statistics_runs::list),
        row(G, "ListColumnStatisticsTaskRuns", &[], statistics_runs::list_ids),
        row(G, "StopColumnStatisticsTaskRun", &["DatabaseName", "TableName"], statistics_runs::stop),
        row(G, "CreateColumnStatisticsTaskSettings", &["DatabaseName", "TableName", "Role"], statistics_settings::create),
        row(G, "GetColumnStatisticsTaskSettings", &["DatabaseName", "TableName"], statistics_settings::get),
        row(G, "UpdateColumnStatisticsTaskSettings", &["DatabaseName", "TableName"], statistics_settings::update),
        row(G, "DeleteColumnStatisticsTaskSettings", &["DatabaseName", "TableName"], statistics_settings::delete),
        row(G, "StartColumnStatisticsTaskRunSchedule", &["DatabaseName", "TableName"], statistics_settings::start_schedule),
        row(G, "StopColumnStatisticsTaskRunSchedule", &["DatabaseName", "TableName"], statistics_settings::stop_schedule),
    ]
}

fn job_rows() -> Vec<Operation> {
    use Service::Glue as G;
    use glue::{bookmarks, job_runs, jobs, plans, workbench};
    vec![
        row(G, "CreateJob", &["Name", "Role", "Command"], jobs::create),
        row(G, "GetJob", &["JobName"], jobs::get),
        row(G, "GetJobs", &[], jobs::list),
        row(G, "BatchGetJobs", &["JobNames"], jobs::batch_get),
        row(G, "ListJobs", &[], jobs::list_names),
        row(G, "UpdateJob", &["JobName", "JobUpdate"], jobs::update),
        row(G, "DeleteJob", &["JobName"], jobs::delete),
        row(G, "StartJobRun", &["JobName"], job_runs::start),
        row(G, "GetJobRun", &["JobName", "RunId"], job_runs::get),
        row(G, "GetJobRuns", &["JobName"], job_runs::list),
        row(G, "BatchStopJobRun", &["JobName", "JobRunIds"], job_runs::stop),
        row(G, "GetMapping", &["Source"], plans::mapping),
        row(G, "GetPlan", &["Mapping", "Source"], plans::plan),
        row(G, "PenchantGetJobCode", &["JobName"], workbench::code),
        row(G, "PenchantEjectJob", &["JobName"], workbench::eject),
        row(G, "PenchantPreviewJob", &["JobName"], workbench::preview),
        row(G, "GetJobBookmark", &["JobName"], bookmarks::get),
        row(G, "ResetJobBookmark", &["JobName"], bookmarks::reset),
    ]
}

fn workflow_rows() -> Vec<Operation> {
    use Service::Glue as G;
    use glue::{blueprints, tags, triggers, workflow_runs, workflows};
    vec![
        row(G, "CreateTrigger", &["Name", "Type", "Actions"], triggers::create),
        row(G, "GetTrigger", &["Name"], triggers::get),
        row(G, "GetTriggers", &[], triggers::list),
        row(G, "ListTriggers", &[], triggers::list_names),
        row(G, "BatchGetTriggers", &["TriggerNames"], triggers::batch_get),
        row(G, "UpdateTrigger", &["Name", "TriggerUpdate"], triggers::update),
        row(G, "DeleteTrigger", &["Name"], triggers::delete),
        row(G, "StartTrigger", &["Name"], triggers::start),
        row(G, "StopTrigger", &["Name"], triggers::stop),
        row(G, "CreateBlueprint", &["Name", "BlueprintLocation"], blueprints::create),
        row(G, "GetBlueprint", &["Name"], blueprints::get),
        row(G, "BatchGetBlueprints", &["Names"], blueprints::batch_get),
        row(G, "ListBlueprints", &[], blueprints::list),
        row(G, "UpdateBlueprint", &["Name", "BlueprintLocation"], blueprints::update),
        row(G, "DeleteBlueprint", &["Name"], blueprints::delete),
        row(G, "StartBlueprintRun", &["BlueprintName", "RoleArn"], blueprints::start),
        row(G, "GetBlueprintRun", &["BlueprintName", "RunId"], blueprints::get_run),
        row(G, "GetBlueprintRuns", &["BlueprintName"], blueprints::list_runs),
        row(G, "GetTags", &["ResourceArn"], tags::get),
        row(G, "TagResource", &["ResourceArn", "TagsToAdd"], tags::add),
        row(G, "UntagResource", &["ResourceArn", "TagsToRemove"], tags::remove),
        row(G, "CreateWorkflow", &["Name"], workflows::create),
        row(G, "GetWorkflow", &["Name"], workflows::get),
        row(G, "BatchGetWorkflows", &["Names"], workflows::batch_get),
        row(G, "ListWorkflows", &[], workflows::list_names),
        row(G, "UpdateWorkflow", &["Name"], workflows::update),
        row(G, "DeleteWorkflow", &["Name"], workflows::delete),
        row(G, "StartWorkflowRun", &["Name"], workflow_runs::start),
        row(G, "GetWorkflowRun", &["Name", "RunId"], workflow_runs::get),
        row(G, "GetWorkflowRuns", &["Name"], workflow_runs::list),
        row(G, "GetWorkflowRunProperties", &["Name", "RunId"], workflow_runs::properties),
        row(G, "PutWorkflowRunProperties", &["Name", "RunId", "RunProperties"], workflow_runs::put_properties),
        row(G, "ResumeWorkflowRun", &["Name", "RunId", "NodeIds"], workflow_runs::resume),
        row(G, "StopWorkflowRun", &["Name", "RunId"], workflow_runs::stop),
    ]
}

fn eventbridge_rows() -> Vec<Operation> {
    use Service::EventBridge as E;
    use eventbridge::{bus, rules, targets};
    vec![
        row(E, "PutRule", &["Name"], rules::put),
        row(E, "DescribeRule", &["Name"], rules::describe),
        row(E, "ListRules", &[], rules::list),
        row(E, "DeleteRule", &["Name"], rules::delete),
        row(E, "EnableRule", &["Name"], rules::enable),
        row(E, "DisableRule", &["Name"], rules::disable),
        row(E, "PutTargets", &["Rule", "Targets"], targets::put),
        row(E, "RemoveTargets", &["Rule", "Ids"], targets::remove),
        row(E, "ListTargetsByRule", &["Rule"], targets::list),
        row(E, "ListRuleNamesByTarget", &["TargetArn"], targets::rule_names),
        row(E, "TestEventPattern", &["EventPattern", "Event"], bus::test_pattern),
        row(E, "PutEvents", &["Entries"], bus::put_events),
        row(E, "ListEventBuses", &[], bus::list_buses),
    ]
}

fn query_rows() -> Vec<Operation> {
    use Service::{Iam, Sts};
    vec![
        row(Sts, "GetCallerIdentity", &[], sts::get_caller_identity),
        row(Sts, sts::GET_SESSION_TOKEN, &[], sts::get_session_token),
        row(Iam, "CreateRole", &["RoleName", "AssumeRolePolicyDocument"], sts::create_role),
        row(Iam, "GetRole", &["RoleName"], sts::get_role),
        row(Iam, "DeleteRole", &["RoleName"], sts::delete_role),
        row(Iam, "PutRolePolicy", &["RoleName", "PolicyName", "PolicyDocument"], sts::put_role_policy),
        row(Iam, "DeleteRolePolicy", &["RoleName", "PolicyName"], sts::delete_role_policy),
        row(Iam, "AttachRolePolicy", &["RoleName", "PolicyArn"], sts::attach_role_policy),
        row(Iam, "DetachRolePolicy", &["RoleName", "PolicyArn"], sts::detach_role_policy),
    ]
}
