//! What `information_schema` says of one table that is written to.

use domain::{Error, Result};
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use crate::sink::plan::{Column, Table};
use crate::sink::slot::{Float, Slot};
use crate::source::mysql::connect::Session;
use crate::source::mysql::sql::text;

const WHAT: &str = "The description of a table";

pub(crate) async fn table(session: &mut Session, database: &str, table: &str) -> Result<Option<Table>> {
    let place = format!("TABLE_SCHEMA = {} AND TABLE_NAME = {}", text(database), text(table));
    let question = format!(
        "SELECT t.TABLE_TYPE, t.ENGINE, e.TRANSACTIONS FROM information_schema.TABLES t
         LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE {place}"
    );
    let rows = session.rows(WHAT, question).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let unfit = match (read::<String>(row, 0)?.as_str(), read::<Option<String>>(row, 2)?.as_deref()) {
        ("BASE TABLE", Some("YES")) => None,
        ("BASE TABLE", _) => {
            let engine = read::<Option<String>>(row, 1)?.unwrap_or_default();
            Some(format!("its engine {engine} has no transactions, so half of the rows could stay; InnoDB has them"))
        }
        (kind, _) => Some(format!("it is a {}", kind.to_lowercase())),
    };
    let columns = columns(session, &place).await?;
    let unique = unique(session, &place).await?;
    let question = format!(
        "SELECT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE UNIQUE_CONSTRAINT_SCHEMA = {} AND REFERENCED_TABLE_NAME = {}
         AND DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION')",
        text(database),
        text(table)
    );
    let dependent = session.rows(WHAT, question).await?.first().map(|row| read(row, 0)).transpose()?;
    Ok(Some(Table { columns, unique, unfit, dependent }))
}

async fn columns(session: &mut Session, place: &str) -> Result<Vec<Column>> {
    let question = format!(
        "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, CHARACTER_MAXIMUM_LENGTH,
                CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT, EXTRA
         FROM information_schema.COLUMNS WHERE {place} ORDER BY ORDINAL_POSITION"
    );
    let column = |row: &MySqlRow| {
        let mut native: String = read(row, 2)?;
        if let (Some(characters), Some(collation)) = (read::<Option<String>>(row, 7)?, read::<Option<String>>(row, 8)?) {
            native = format!("{native} CHARACTER SET {characters} COLLATE {collation}");
        }
        let declared = Declared {
            data_type: read::<String>(row, 1)?.to_lowercase(),
            is_unsigned: native.contains("unsigned"),
            precision: read(row, 3)?,
            scale: read(row, 4)?,
            fraction: read(row, 5)?,
            length: read(row, 6)?,
        };
        let extra = read::<Option<String>>(row, 11)?.unwrap_or_default().to_lowercase();
        Ok(Column {
            name: read(row, 0)?,
            slot: declared.slot(),
            native,
            is_nullable: read::<String>(row, 9)? == "YES",
            has_default: read::<Option<String>>(row, 10)?.is_some() || extra.contains("auto_increment"),
            is_computed: ["virtual generated", "stored generated", "persistent"].iter().any(|word| extra.contains(word)),
        })
    };
    session.rows(WHAT, question).await?.iter().map(column).collect()
}

/// An index over the beginnings of texts tells nothing of the whole.
async fn unique(session: &mut Session, place: &str) -> Result<Vec<Vec<String>>> {
    let question = format!(
        "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE {place} AND NON_UNIQUE = 0
         ORDER BY INDEX_NAME, SEQ_IN_INDEX"
    );
    let mut found: Vec<(String, Vec<String>, bool)> = Vec::new();
    for row in session.rows(WHAT, question).await? {
        let (index, column): (String, Option<String>) = (read(&row, 0)?, read(&row, 1)?);
        let is_whole = column.is_some() && read::<Option<i64>>(&row, 2)?.is_none();
        match found.last_mut().filter(|(name, ..)| *name == index) {
            Some((_, columns, all_whole)) => {
                columns.extend(column);
                *all_whole &= is_whole;
            }
            None => found.push((index, column.into_iter().collect(), is_whole)),
        }
    }
    Ok(found.into_iter().filter(|(.., is_whole)| *is_whole).map(|(_, columns, _)| columns).collect())
}

struct Declared {
    data_type: String,
    is_unsigned: bool,
    precision: Option<u64>,
    scale: Option<u64>,
    fraction: Option<u64>,
    length: Option<u64>,
}

impl Declared {
    fn slot(&self) -> Slot {
        let integer = |bits| Slot::integer(bits, self.is_unsigned);
        let small = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        match self.data_type.as_str() {
            "tinyint" => integer(8),
            "smallint" => integer(16),
            "mediumint" => integer(24),
            "int" | "integer" => integer(32),
            "bigint" => integer(64),
            "bit" => Slot::integer(small(self.precision).clamp(1, 64), true),
            "year" => Slot::Integer { least: 1901, greatest: 2155 },
            "decimal" | "numeric" => Slot::decimal(small(self.precision), small(self.scale)),
            "float" => Slot::Float(float(false)),
            "double" | "real" => Slot::Float(float(true)),
            "date" => Slot::Date,
            "datetime" | "timestamp" => Slot::Timestamp { digits: small(self.fraction) },
            "char" | "varchar" => Slot::Text { longest: self.length },
            "tinytext" | "text" | "mediumtext" | "longtext" => Slot::Text { longest: None },
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Slot::Binary,
            "time" => Slot::Parsed { digits: Some(small(self.fraction)) },
            _ => Slot::PARSED,
        }
    }
}

/// Finite ones only.
pub(crate) fn float(is_double: bool) -> Float {
    Float { is_double, nan: false, infinite: false }
}

/// The server's views call their texts this or that; what they hold is known.
fn read<'r, T>(row: &'r MySqlRow, index: usize) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::MySql>,
{
    row.try_get_unchecked(index).map_err(|e| Error::internal("The server's own views answered in a way that was not understood.").source(e))
}
