//! Changes inside the system, in order, for whoever wants to react to them.

use domain::{Error, Result, Timestamp};
use serde_json::Value;

use crate::sql::{Row, sql};
use crate::store::{Store, Tx};

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
    /// Deletes some of the notifications with an id up to `through` that were made before a time: those among the 500 oldest.
    pub async fn forget_notifications(&mut self, through: i64, before: Timestamp) -> Result<u64> {
        sql("DELETE FROM notifications WHERE created_ms < ? AND id IN (SELECT id FROM notifications WHERE id <= ? ORDER BY id LIMIT 500)")
            .bind(before.millis())
            .bind(through)
            .execute(self.connection())
            .await
    }

    /// Tells the world, if and when this transaction commits.
    pub async fn notify(&mut self, kind: &str, subject: &str, detail: &Value) -> Result<()> {
        let now = self.now().millis();
        sql("INSERT INTO notifications (kind, subject, detail, created_ms) VALUES (?, ?, ?, ?)")
            .bind(kind)
            .bind(subject)
            .bind(detail.to_string())
            .bind(now)
            .execute(self.connection())
            .await
            .map(|_| ())
    }
}

impl Store {
    /// Up to `limit` notifications with an id above `after`, oldest first.
    pub async fn notifications(&self, after: i64, limit: i64) -> Result<Vec<Notification>> {
        let rows = sql("SELECT id, kind, subject, detail, created_ms FROM notifications WHERE id > ? ORDER BY id LIMIT ?")
            .bind(after)
            .bind(limit)
            .fetch_all(self.reader().await?.connection())
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<Notification> {
    let detail = serde_json::from_str(&row.text("detail")?).map_err(|e| Error::internal("A stored notification is not JSON.").source(e))?;
    let created = Timestamp(row.integer("created_ms")?);
    Ok(Notification { id: row.integer("id")?, kind: row.text("kind")?, subject: row.text("subject")?, detail, created })
}
