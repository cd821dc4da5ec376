//! Connections: kept with their secrets sealed, tested step by step.

mod diagnose;

use connect::{Connection, Diagnosis};
use domain::{ErrorKind, Result};
use serde::{Deserialize, Serialize};
use store::{Resource, Stored, Tx};

use super::{Catalog, Refused};

/// How the last test of a connection went; the store knows when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCheck {
    connection: String,
    /// The step that failed and why; nothing when all passed.
    pub failure: Option<String>,
}

impl Resource for ConnectionCheck {
    const KIND: &'static str = "connection_check";
    fn key(&self) -> String {
        self.connection.clone()
    }
}

impl Catalog {
    /// Secrets are sealed first; without the installation's key a clear secret is refused.
    pub async fn create_connection(&self, connection: Connection) -> Result<()> {
        let sealed = self.checked(&connection)?;
        self.store().create(&sealed).await
    }

    /// With its secrets sealed; [`Connection::without_secrets`] is what may be shown.
    pub async fn get_connection(&self, name: &str) -> Result<Stored<Connection>> {
        self.store().get(name).await
    }

    pub async fn list_connections(&self) -> Result<Vec<Stored<Connection>>> {
        self.store().list().await
    }

    /// Replaces everything but the name: a secret that is left out is gone.
    pub async fn update_connection(&self, name: &str, connection: Connection) -> Result<()> {
        let sealed = self.checked(&Connection { name: name.to_owned(), ..connection })?;
        let mut tx = self.store().begin().await?;
        tx.update::<Connection>(name, |old| {
            *old = sealed;
            Ok(())
        })
        .await?;
        forget_check(&mut tx, name).await?;
        tx.commit().await
    }

    pub async fn delete_connection(&self, name: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        delete(&mut tx, name).await?;
        tx.commit().await
    }

    /// Deletes those that there are; gives back the others.
    pub async fn delete_connections(&self, names: Vec<String>) -> Result<Vec<Refused<String>>> {
        let mut tx = self.store().begin().await?;
        let mut refused = Vec::new();
        for name in names {
            if let Err(error) = delete(&mut tx, &name).await {
                refused.push(Refused { item: name, error });
            }
        }
        tx.commit().await?;
        Ok(refused)
    }

    /// Goes the way to the source and remembers how far it led.
    pub async fn test_connection(&self, name: &str) -> Result<Diagnosis> {
        let connection = self.get_connection(name).await?;
        let diagnosis = self.diagnose_connection(&connection).await?;
        let failure = diagnosis.verdict(name).err().map(|error| error.to_string());
        let mut tx = self.store().begin().await?;
        // It may have been deleted or replaced meanwhile; then this says nothing about it.
        if tx.find::<Connection>(name).await?.is_some_and(|now| now.version == connection.version) {
            tx.put(ConnectionCheck { connection: name.to_owned(), failure }).await?;
        }
        tx.commit().await?;
        Ok(diagnosis)
    }

    /// How far the way to the source leads, for a connection that need not be stored.
    pub async fn diagnose_connection(&self, connection: &Connection) -> Result<Diagnosis> {
        connection.validate()?;
        diagnose::diagnose(self, connection).await
    }

    /// The last test of the connection as it is now.
    pub async fn connection_check(&self, name: &str) -> Result<Option<Stored<ConnectionCheck>>> {
        self.store().find(name).await
    }

    fn checked(&self, connection: &Connection) -> Result<Connection> {
        connection.validate()?;
        connection.sealed(self.sources().secrets())
    }
}

async fn delete(tx: &mut Tx, name: &str) -> Result<()> {
    tx.delete::<Connection>(name).await?;
    forget_check(tx, name).await
}

async fn forget_check(tx: &mut Tx, name: &str) -> Result<()> {
    match tx.delete::<ConnectionCheck>(name).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
