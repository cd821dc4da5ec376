//! The tables, as a list of steps in SQLite's words; the database itself says how many it has seen.

use domain::Error;

/// The refusal of metadata that has seen more steps than there are.
pub(crate) fn newer(found: usize) -> Error {
    let known = STEPS.len();
    Error::invalid_state(format!("This penchant knows metadata version {known}, found {found}: use the newer penchant that wrote it."))
}

/// A step in PostgreSQL's words; text is compared by its bytes, as SQLite does.
#[cfg(feature = "postgres")]
pub(crate) fn for_postgres(step: &str) -> String {
    step.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "SERIAL8 PRIMARY KEY")
        .replace(" INTEGER", " BIGINT")
        .replace(" TEXT", " TEXT COLLATE \"C\"")
        .replace(" WITHOUT ROWID", "")
}

/// Append only: a released step is never edited.
pub(crate) const STEPS: &[&str] = &[
    "
    CREATE TABLE resources (
        kind       TEXT NOT NULL,
        key        TEXT NOT NULL,
        parent     TEXT NOT NULL,
        body       TEXT NOT NULL,
        version    INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE INDEX resources_by_parent ON resources (kind, parent, key);

    CREATE TABLE counter (value INTEGER NOT NULL);
    INSERT INTO counter VALUES (0);

    CREATE TABLE notifications (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        kind       TEXT NOT NULL,
        subject    TEXT NOT NULL,
        detail     TEXT NOT NULL,
        created_ms INTEGER NOT NULL
    );

    CREATE TABLE runs (
        seq          INTEGER PRIMARY KEY AUTOINCREMENT,
        id           TEXT NOT NULL UNIQUE,
        kind         TEXT NOT NULL,
        subject      TEXT NOT NULL,
        parent       TEXT NOT NULL,
        dedup        TEXT UNIQUE,
        input        TEXT NOT NULL,
        state        TEXT NOT NULL,
        attempt      INTEGER NOT NULL,
        max_attempts INTEGER NOT NULL,
        failed_attempts INTEGER NOT NULL,
        lost_leases  INTEGER NOT NULL,
        not_before_ms INTEGER NOT NULL,
        lease_until_ms INTEGER,
        timeout_ms   INTEGER,
        cancel       INTEGER NOT NULL,
        done         INTEGER NOT NULL,
        total        INTEGER NOT NULL,
        unit         TEXT NOT NULL,
        code         TEXT,
        message      TEXT,
        result       TEXT,
        created_ms   INTEGER NOT NULL,
        started_ms   INTEGER,
        ended_ms     INTEGER
    );
    CREATE INDEX runs_by_state ON runs (state, not_before_ms, seq);
    CREATE INDEX runs_by_subject ON runs (kind, subject, seq);
    CREATE INDEX runs_by_parent ON runs (parent, seq);

    CREATE TABLE run_logs (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        run        TEXT NOT NULL,
        level      TEXT NOT NULL,
        line       TEXT NOT NULL,
        created_ms INTEGER NOT NULL
    );
    CREATE INDEX run_logs_by_run ON run_logs (run, id);
",
    // Priorities, limits, and indexes that do not grow with what has ended.
    "
    ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN resource TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN resource_limit INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN node TEXT NOT NULL DEFAULT '';
    DROP INDEX runs_by_state;
    CREATE INDEX runs_queued ON runs (priority DESC, not_before_ms, seq, kind, resource) WHERE state = 'queued';
    CREATE INDEX runs_running ON runs (kind, resource, lease_until_ms) WHERE state = 'running';
    CREATE INDEX runs_ended ON runs (kind, ended_ms) WHERE ended_ms IS NOT NULL;
",
];
