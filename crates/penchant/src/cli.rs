//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::nodes::Roles;

/// From the databases you have to a recommendation API.
///
/// A project is a folder with a penchant.yaml: connections, crawlers, jobs, workflows, pipelines. Its state lives in
/// .penchant beside it. The same binary answers boto3 and the AWS CLI (see `penchant credentials`).
///
/// Exit codes: 0 done; 1 the work failed; 2 wrong usage or input; 3 something named does not exist; 4 not possible now
/// (a port in use, another penchant at work).
#[derive(Debug, Parser)]
#[command(name = "penchant", version, max_term_width = 110, after_help = "Start here:  penchant quickstart")]
pub struct Cli {
    /// The project's folder
    #[arg(long, global = true, default_value = ".", env = "PENCHANT_DIR")]
    pub dir: PathBuf,

    /// Say more on standard error (twice: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a demo shop and walk the whole way, from its three stores to recommendations
    #[command(after_help = "Example:\n  penchant quickstart\n  penchant quickstart --shop ./my-shop --seed 7")]
    Quickstart(Quickstart),
    /// Make the stored resources equal to penchant.yaml
    #[command(after_help = "Example:\n  penchant apply --dry-run\n  penchant apply")]
    Apply {
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what an apply and a run of the pipelines would do, and why
    #[command(after_help = "Example:\n  penchant plan\n  penchant plan nightly --json")]
    Plan {
        /// Which pipelines; all when none is named
        pipelines: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// Walk the whole way once: apply, crawl, then the workflow up to the served campaign
    #[command(after_help = "Example:\n  penchant run\n  penchant run --workflow nightly --skip-crawl")]
    Run {
        /// Which workflow; needed only when there are several
        #[arg(long)]
        workflow: Option<String>,
        /// Use the catalog as it is
        #[arg(long)]
        skip_crawl: bool,
    },
    /// Serve the API (Glue, Personalize, S3) and work on queued runs, triggers and events
    #[command(
        after_help = "Example:\n  penchant serve\n  penchant serve --listen 0.0.0.0:7440\n  penchant serve --roles worker\n  AWS_ENDPOINT_URL=http://127.0.0.1:7440 aws personalize list-campaigns"
    )]
    Serve {
        /// Address and port; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:7440", env = "PENCHANT_LISTEN")]
        listen: String,
        /// What this node does: api, worker, scheduler, serving. Several nodes share an installation whose metadata is in PostgreSQL
        #[arg(long, default_value_t = Roles::all(), env = "PENCHANT_ROLES")]
        roles: Roles,
    },
    /// List the nodes that are at work on this installation
    #[command(after_help = "Example:\n  penchant nodes\n  penchant nodes --json")]
    Nodes {
        #[arg(long)]
        json: bool,
    },
    /// Crawl the sources into the catalog
    #[command(after_help = "Example:\n  penchant crawl\n  penchant crawl shop-orders --json")]
    Crawl {
        /// Which crawlers; all when none is named
        names: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// List connections, or find out why one does not work
    #[command(subcommand, after_help = "Example:\n  penchant connection list\n  penchant connection test shop-orders")]
    Connection(ConnectionCommand),
    /// Look into the catalog: find tables and columns, show one table
    #[command(subcommand, after_help = "Example:\n  penchant table find price\n  penchant table show shop.orders")]
    Table(TableCommand),
    /// What a change of a table breaks: jobs, datasets, workflows
    ///
    /// Without --since: what would break if the column (or the whole table) were gone.
    #[command(
        after_help = "Example:\n  penchant impact shop.orders.amount        # who needs this column\n  penchant impact shop.orders --since last  # what the last crawl changed\n  penchant impact shop.orders --since 3"
    )]
    Impact {
        /// database.table, or database.table.column
        what: String,
        /// Compare with an earlier version of the table: its number, or `last` for the one before the current
        #[arg(long)]
        since: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Workflows made from templates, with all that they start
    #[command(
        subcommand,
        after_help = "Example:\n  penchant blueprint list\n  penchant blueprint show export-and-train\n  penchant blueprint apply export-and-train --set Name=nightly --set Bucket=shop --set Database=shop"
    )]
    Blueprint(BlueprintCommand),
    /// Rules that tell people and programs what changed, and what could not be delivered
    #[command(subcommand, after_help = "Example:\n  penchant rule list\n  penchant rule test schema-changes\n  penchant rule dead-letters")]
    Rule(RuleCommand),
    /// List jobs, run one, look at its code, preview its nodes
    #[command(
        subcommand,
        after_help = "Example:\n  penchant job list\n  penchant job show interactions\n  penchant job run interactions\n  penchant job preview interactions --node rename\n  penchant job code interactions\n  penchant job eject interactions\n  penchant job bookmark interactions --reset"
    )]
    Job(JobCommand),
    /// Run a training pipeline: import, train, judge, deploy
    #[command(after_help = "Example:\n  penchant train\n  penchant train nightly")]
    Train {
        /// Which pipeline; needed only when there are several
        pipeline: Option<String>,
    },
    /// Look at campaigns, or take one back to the version it served before
    #[command(subcommand, after_help = "Example:\n  penchant campaign list\n  penchant campaign rollback shop")]
    Campaign(CampaignCommand),
    /// Recommend something to one user, with reasons
    #[command(
        after_help = "Example:\n  penchant recommend --user C-01234\n  penchant recommend --user C-01234 --campaign shop -n 5 --json\n  penchant recommend --user C-01234 --recommender also-viewed --item P-77"
    )]
    Recommend(Recommend),
    /// What the trained recipes are worth, against best-sellers
    #[command(
        after_help = "Example:\n  penchant report\n  penchant report likes --html likes.html\n  penchant report --json | jq '.[].report.next.metrics'"
    )]
    Report(ReportArgs),
    /// List runs, newest first, or show one
    #[command(after_help = "Example:\n  penchant runs\n  penchant runs train-9f31c2aa --json\n  penchant runs --kind import -n 5")]
    Runs(RunsArgs),
    /// Show the log of a run
    #[command(after_help = "Example:\n  penchant logs train-9f31c2aa\n  penchant logs train-9f31c2aa --follow")]
    Logs {
        run: String,
        /// Wait for more until the run has ended
        #[arg(short, long)]
        follow: bool,
    },
    /// Show how AWS clients reach this installation
    #[command(after_help = "Example:\n  penchant credentials\n  eval \"$(penchant credentials --shell)\"")]
    Credentials {
        /// As export statements, for eval
        #[arg(long)]
        shell: bool,
    },
    /// Check that everything penchant needs is there
    #[command(after_help = "Example:\n  penchant doctor")]
    Doctor {
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct Quickstart {
    /// Where the demo shop is made; an existing one is used again
    #[arg(long, default_value = "penchant-shop")]
    pub shop: PathBuf,
    /// Same seed, same shop
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// How many customers the shop has; products and orders grow with it
    #[arg(long, default_value_t = 5_000)]
    pub customers: usize,
}

#[derive(Debug, Subcommand)]
pub enum ConnectionCommand {
    /// List the connections
    List {
        #[arg(long)]
        json: bool,
    },
    /// Go through the steps of reaching the source and name the one that fails
    Test {
        /// Which; all when none is named
        names: Vec<String>,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum TableCommand {
    /// Find tables by words in their names, columns and descriptions; without words all
    Find {
        words: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// Show a table: columns, where its data is, what its profile says
    Show {
        /// database.table
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// Read a sample and find out what the columns hold
    Profile {
        /// database.table
        name: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum CampaignCommand {
    /// List the campaigns: what serves, and what served before
    List {
        #[arg(long)]
        json: bool,
    },
    /// Serve the version again that served before; once more, the one before that
    Rollback { name: String },
}

#[derive(Debug, Subcommand)]
pub enum BlueprintCommand {
    /// List the blueprints, those that come with penchant first
    List {
        #[arg(long)]
        json: bool,
    },
    /// Show a blueprint's parameters
    Show {
        /// A blueprint, or the path of its file
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// Make what a blueprint describes
    Apply {
        /// A blueprint, or the path of its file
        name: String,
        /// A parameter
        #[arg(long = "set", value_name = "KEY=VALUE")]
        settings: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum RuleCommand {
    /// List the rules and their targets
    List {
        #[arg(long)]
        json: bool,
    },
    /// Send a sample event to the targets of a rule
    Test { name: String },
    /// List what could not be delivered
    DeadLetters {
        #[arg(long)]
        json: bool,
    },
    /// Deliver one of them again
    Redeliver { id: String },
    /// Forget one of them
    Drop { id: String },
}

#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// List the jobs and how their last runs ended
    List {
        #[arg(long)]
        json: bool,
    },
    /// Show a job: what it is, reads and writes, and what its last runs came to
    Show {
        name: String,
        #[arg(long)]
        json: bool,
    },
    /// Show how far a job has read its sources, or set that back
    Bookmark {
        name: String,
        /// Back to the beginning: the next run reads everything
        #[arg(long)]
        reset: bool,
        /// As it was just after this run; with --reset back to there
        #[arg(long, value_name = "RUN")]
        after: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Run a job and wait for it
    Run {
        name: String,
        /// KEY=VALUE, as often as needed
        #[arg(long = "argument", value_name = "KEY=VALUE")]
        arguments: Vec<String>,
    },
    /// Print the SQL of a job: one CTE per node of its graph
    Code {
        name: String,
        /// sql is what runs; pyspark is a script for those who leave; mermaid is a picture
        #[arg(long, value_parser = ["sql", "pyspark", "mermaid"], default_value = "sql")]
        language: String,
    },
    /// Write the SQL of a graph into a file that is run from now on, and edit it
    Eject {
        name: String,
        /// The file; jobs/NAME.sql unless another is named
        #[arg(long)]
        to: Option<String>,
    },
    /// Show what a node gives on a sample of the sources, and what came into it
    Preview {
        name: String,
        /// A node of the graph, by id or name; the first target unless one is named
        #[arg(long)]
        node: Option<String>,
        /// Rows read of each table, 1,000,000 at most
        #[arg(long, default_value_t = etl::PREVIEW_ROWS, value_parser = clap::value_parser!(u64).range(1..=etl::MOST_PREVIEW_ROWS))]
        rows: u64,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct Recommend {
    /// The user's id, as in the data; an unknown one gets what is popular
    #[arg(long)]
    pub user: String,
    /// Name of the campaign; needed only when there are several
    #[arg(long)]
    pub campaign: Option<String>,
    /// Name of a recommender, instead of a campaign
    #[arg(long, conflicts_with = "campaign")]
    pub recommender: Option<String>,
    /// The id of an item, for use cases that are asked with one
    #[arg(long)]
    pub item: Option<String>,
    /// How many
    #[arg(short, long = "number", default_value_t = 10)]
    pub number: i64,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Show this run only
    pub run: Option<String>,
    /// crawl, job, import, train, deploy, recommender, workflow or pipeline
    #[arg(long)]
    pub kind: Option<String>,
    /// How many
    #[arg(short, long = "number", default_value_t = 20)]
    pub number: i64,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Of one solution only
    pub solution: Option<String>,
    /// Also write a page with charts; it needs no network
    #[arg(long, value_name = "FILE", requires = "solution")]
    pub html: Option<PathBuf>,
    #[arg(long)]
    pub json: bool,
}
