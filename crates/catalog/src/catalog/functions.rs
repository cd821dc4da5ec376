//! User-defined functions: the names of code that clients run; kept and shown, never called here.

use domain::Result;
use serde::{Deserialize, Serialize};
use store::{Resource, Stored};

use super::{Catalog, check_name, fold};
use crate::table::Database;

/// Glue's `UserDefinedFunction` and, without `DatabaseName`, its input. Its name is lower case.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserDefinedFunction {
    pub function_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub database_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_type: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_uris: Vec<ResourceUri>,
}

/// A file that the function needs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceUri {
    pub resource_type: String,
    pub uri: String,
}

impl Resource for UserDefinedFunction {
    const KIND: &'static str = "function";
    fn key(&self) -> String {
        key_of(&self.database_name, &self.function_name)
    }
    fn parent(&self) -> String {
        self.database_name.clone()
    }
}

fn key_of(database: &str, name: &str) -> String {
    format!("{}/{}", fold(database), fold(name))
}

impl Catalog {
    pub async fn create_function(&self, database: &str, input: UserDefinedFunction) -> Result<()> {
        let function = UserDefinedFunction { function_name: fold(&input.function_name), database_name: fold(database), ..input };
        check_name("function", &function.function_name)?;
        let mut tx = self.store().begin().await?;
        tx.get::<Database>(&function.database_name).await?;
        tx.create(&function).await?;
        tx.commit().await
    }

    pub async fn get_function(&self, database: &str, name: &str) -> Result<Stored<UserDefinedFunction>> {
        self.store().get(&key_of(database, name)).await
    }

    /// The functions of a database, or of all.
    pub async fn list_functions(&self, database: Option<&str>) -> Result<Vec<Stored<UserDefinedFunction>>> {
        let Some(database) = database else { return self.store().list().await };
        self.get_database(database).await?;
        self.store().children(&fold(database)).await
    }

    /// Replaces everything but the names.
    pub async fn update_function(&self, database: &str, name: &str, input: UserDefinedFunction) -> Result<()> {
        let function = UserDefinedFunction { function_name: fold(name), database_name: fold(database), ..input };
        self.store()
            .update::<UserDefinedFunction>(&key_of(database, name), |old| {
                *old = function;
                Ok(())
            })
            .await?;
        Ok(())
    }

    pub async fn delete_function(&self, database: &str, name: &str) -> Result<()> {
        self.store().delete::<UserDefinedFunction>(&key_of(database, name)).await
    }
}
