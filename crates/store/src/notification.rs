//! Changes inside the system, in order, for whoever wants to react to them.

use domain::{Result, Timestamp};
use serde_json::Value;
use sqlx::Row;

use crate::sqlite::{Store, Tx, database_error};

/// A change that was committed. `kind` is stable (`catalog.table_changed`), `subject` names what changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub id: i64,
    pub kind: String,
    pub subject: String,
    pub detail: Value,
    pub created: Timestamp,
}

impl Tx {
    /// Deletes notifications with an id up to `through` that were made before a time.
    pub async fn forget_notifications(&mut self, through: i64, before: Timestamp) -> Result<u64> {
        let done = sqlx::query("DELETE FROM notifications WHERE id <= ? AND created_ms < ?")
            .bind(through)
            .bind(before.millis())
            .execute(self.connection())
            .await
            .map_err(database_error)?;
        Ok(done.rows_affected())
    }

    /// Tells the world, if and when this transaction commits.
    pub async fn notify(&mut self, kind: &str, subject: &str, detail: &Value) -> Result<()> {
        let now = self.now().millis();
        sqlx::query("INSERT INTO notifications (kind, subject, detail, created_ms) VALUES (?, ?, ?, ?)")
            .bind(kind)
            .bind(subject)
            .bind(detail.to_string())
            .bind(now)
            .execute(self.connection())
            .await
            .map_err(database_error)?;
        Ok(())
    }
}

impl Store {
    /// Up to `limit` notifications with an id above `after`, oldest first.
    pub async fn notifications(&self, after: i64, limit: i64) -> Result<Vec<Notification>> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query("SELECT id, kind, subject, detail, created_ms FROM notifications WHERE id > ? ORDER BY id LIMIT ?")
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *connection)
            .await
            .map_err(database_error)?;
        rows.iter()
            .map(|row| {
                Ok(Notification {
                    id: row.get("id"),
                    kind: row.get("kind"),
                    subject: row.get("subject"),
                    detail: serde_json::from_str(row.get("detail"))
                        .map_err(|e| domain::Error::internal("A stored notification is not JSON.").source(e))?,
                    created: Timestamp(row.get("created_ms")),
                })
            })
            .collect()
    }
}
