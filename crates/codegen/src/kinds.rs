//! Every kind of node: Glue's, all of them, and ours. One table; what has no meaning here says so.

/// Where a node stands in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Source,
    Transform,
    Target,
}

/// A kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub name: &'static str,
    pub role: Role,
    /// How many inputs it takes, at least and at most.
    pub inputs: (usize, usize),
    /// Why it is refused, and what to do instead; `None` for what is supported.
    pub refusal: Option<&'static str>,
    /// Glue does not know it.
    pub ours: bool,
}

const MANY: usize = usize::MAX;

const fn source(name: &'static str) -> Kind {
    Kind { name, role: Role::Source, inputs: (0, 0), refusal: None, ours: false }
}

const fn transform(name: &'static str, inputs: (usize, usize)) -> Kind {
    Kind { name, role: Role::Transform, inputs, refusal: None, ours: false }
}

const fn target(name: &'static str) -> Kind {
    Kind { name, role: Role::Target, inputs: (1, 1), refusal: None, ours: false }
}

const fn ours(name: &'static str) -> Kind {
    Kind { ours: true, ..transform(name, (1, 1)) }
}

const fn refused(kind: Kind, why: &'static str) -> Kind {
    Kind { refusal: Some(why), ..kind }
}

const LAKE: &str = "tables of Hudi, Delta Lake and Iceberg are not read or written yet; use Parquet files under a prefix";
const DYNAMO: &str = "there is no DynamoDB; export the table to S3 and read it with an S3JsonSource";
const KINESIS: &str = "there is no Kinesis; read the same stream from Kafka with a DirectKafkaSource";
const ORACLE: &str = "there is no driver for Oracle; export the table as CSV or Parquet and read the files";
const SNOWFLAKE: &str = "there is no driver for Snowflake; unload the table as Parquet and read the files";
const MARKETPLACE: &str = "connectors of the AWS Marketplace are Java archives for Spark; use a connection of Penchant's own";
const REDSHIFT_WRITE: &str = "Redshift is read, not written; write Parquet files and COPY them there";
const SQL_SERVER_WRITE: &str = "SQL Server is read, not written; write files and load them there";
const CODE: &str = "a node cannot hold Python or Scala; say it in SQL with a SparkSQL or CustomFunction node, or make it a script job";

/// All kinds, in the order of `aws-surface`: Glue's 79, then ours.
pub const KINDS: &[Kind] = &[
    source("CatalogSource"),
    source("S3CatalogSource"),
    source("RelationalCatalogSource"),
    refused(source("DynamoDBCatalogSource"), DYNAMO),
    source("RedshiftSource"),
    source("GovernedCatalogSource"),
    source("MySQLCatalogSource"),
    source("PostgreSQLCatalogSource"),
    refused(source("OracleSQLCatalogSource"), ORACLE),
    source("MicrosoftSQLServerCatalogSource"),
    refused(source("CatalogKinesisSource"), KINESIS),
    source("CatalogKafkaSource"),
    refused(source("CatalogHudiSource"), LAKE),
    refused(source("S3CatalogHudiSource"), LAKE),
    refused(source("CatalogDeltaSource"), LAKE),
    refused(source("S3CatalogDeltaSource"), LAKE),
    refused(source("CatalogIcebergSource"), LAKE),
    refused(source("S3CatalogIcebergSource"), LAKE),
    source("S3CsvSource"),
    source("S3JsonSource"),
    source("S3ParquetSource"),
    refused(source("S3ExcelSource"), "workbooks are not read; save the sheet as CSV and read it with an S3CsvSource"),
    refused(source("S3HudiSource"), LAKE),
    refused(source("S3DeltaSource"), LAKE),
    source("DirectJDBCSource"),
    source("JDBCConnectorSource"),
    refused(source("SparkConnectorSource"), MARKETPLACE),
    refused(source("AthenaConnectorSource"), MARKETPLACE),
    source("ConnectorDataSource"),
    refused(source("DirectKinesisSource"), KINESIS),
    source("DirectKafkaSource"),
    source("AmazonRedshiftSource"),
    refused(source("SnowflakeSource"), SNOWFLAKE),
    refused(source("DynamoDBELTConnectorSource"), DYNAMO),
    transform("ApplyMapping", (1, 1)),
    transform("SelectFields", (1, 1)),
    transform("DropFields", (1, 1)),
    transform("RenameField", (1, 1)),
    transform("Spigot", (1, 1)),
    transform("Join", (2, 2)),
    transform("SplitFields", (1, 1)),
    transform("SelectFromCollection", (1, 1)),
    transform("FillMissingValues", (1, 1)),
    transform("Filter", (1, 1)),
    refused(transform("CustomCode", (1, MANY)), CODE),
    transform("SparkSQL", (1, MANY)),
    transform("DropNullFields", (1, 1)),
    transform("Merge", (2, 2)),
    // Glue takes two; more mean the same.
    transform("Union", (2, MANY)),
    transform("PIIDetection", (1, 1)),
    transform("Aggregate", (1, 1)),
    transform("DropDuplicates", (1, 1)),
    transform("Route", (1, 1)),
    refused(transform("DynamicTransform", (1, 1)), CODE),
    transform("EvaluateDataQuality", (1, 1)),
    transform("EvaluateDataQualityMultiFrame", (1, MANY)),
    refused(transform("Recipe", (1, 1)), "there is no DataBrew; say the recipe's steps in SQL with a SparkSQL node"),
    target("CatalogTarget"),
    target("S3CatalogTarget"),
    refused(target("RedshiftTarget"), REDSHIFT_WRITE),
    target("GovernedCatalogTarget"),
    target("MySQLCatalogTarget"),
    target("PostgreSQLCatalogTarget"),
    refused(target("OracleSQLCatalogTarget"), ORACLE),
    refused(target("MicrosoftSQLServerCatalogTarget"), SQL_SERVER_WRITE),
    refused(target("S3HudiCatalogTarget"), LAKE),
    refused(target("S3DeltaCatalogTarget"), LAKE),
    refused(target("S3IcebergCatalogTarget"), LAKE),
    target("S3DirectTarget"),
    target("S3GlueParquetTarget"),
    refused(target("S3HudiDirectTarget"), LAKE),
    refused(target("S3DeltaDirectTarget"), LAKE),
    refused(target("S3IcebergDirectTarget"), LAKE),
    refused(target("S3HyperDirectTarget"), "files of Tableau Hyper are not written; write CSV or Parquet with an S3DirectTarget"),
    target("JDBCConnectorTarget"),
    refused(target("SparkConnectorTarget"), MARKETPLACE),
    refused(target("ConnectorDataTarget"), "these servers are not written; write files with an S3DirectTarget"),
    refused(target("AmazonRedshiftTarget"), REDSHIFT_WRITE),
    refused(target("SnowflakeTarget"), SNOWFLAKE),
    ours("Flatten"),
    ours("Relationalize"),
    ours("Pivot"),
    ours("Unpivot"),
    ours("CustomFunction"),
    refused(
        ours("FindMatches"),
        "a job cannot match records yet: it will need the name of a trained matching transform, the key column and the output column `match_id`",
    ),
];

/// A kind by its name.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
