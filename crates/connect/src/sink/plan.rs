//! What is written where, decided before anything is: the rows' columns against the table's.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use domain::{Error, Result};

use super::cells::{Cell, Cells, is_nested, plain_type};
use super::slot::{Created, Slot};
use super::{COLUMN_REQUIRED, COLUMN_TYPE, COLUMN_UNKNOWN, KEY_MISSING, Mode, TABLE_MISSING, TABLE_UNFIT, VALUE_UNFIT, Write};

/// A table as its database describes it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub columns: Vec<Column>,
    /// Columns of each unique index that any row must keep.
    pub unique: Vec<Vec<String>>,
    /// Why rows cannot be written there at all: it is a view, it has no transactions.
    pub unfit: Option<String>,
    /// A table whose rows would go, or change, with the rows that an overwrite deletes.
    pub dependent: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub name: String,
    /// The type as the database writes it, complete enough to declare another column with.
    pub native: String,
    pub slot: Slot,
    pub is_nullable: bool,
    /// The database has a value where a row has none.
    pub has_default: bool,
    /// The database makes the value and takes none.
    pub is_computed: bool,
}

/// A column of the rows and its place.
#[derive(Debug)]
pub(crate) struct Target {
    pub column: Column,
    pub is_key: bool,
    /// Where it stands in the rows.
    index: usize,
}

/// One write, ready to be carried out.
#[derive(Debug)]
pub(crate) struct Plan {
    pub write: Write,
    pub targets: Vec<Target>,
    /// The keys of an upsert as the table spells them.
    pub keys: Vec<String>,
    /// The table must be made first.
    pub creates: bool,
}

impl Plan {
    /// Fails where the rows and the table do not go together. `create` gives a type for a column and whether it is a key.
    pub(crate) fn new(
        write: Write,
        schema: &Schema,
        table: Option<Table>,
        create: impl Fn(&DataType, bool, bool) -> Created,
    ) -> Result<Self> {
        let what = &write.table;
        if schema.fields().is_empty() {
            return Err(Error::invalid_data(format!("The rows for table {what} have no columns.")).code(COLUMN_REQUIRED));
        }
        let creates = table.is_none();
        let table = match table {
            Some(table) => table,
            None if write.create => created(&write, schema, create)?,
            None => {
                return Err(Error::new(
                    domain::ErrorKind::NotFound,
                    format!("Table {what} is to be written to and does not exist; it may be made from the rows where the target says so."),
                )
                .code(TABLE_MISSING));
            }
        };
        check_table(&write, &table)?;
        let mut targets: Vec<Target> = Vec::new();
        for (index, field) in schema.fields().iter().enumerate() {
            let column = find(&write, &table, schema, field.name())?.clone();
            let plain = plain_type(field)?;
            if column.is_computed || !column.slot.takes(&plain, is_nested(field.data_type())) {
                let why = if column.is_computed { "is computed by the database" } else { "does not take it" };
                return Err(Error::invalid_data(format!(
                    "Column {:?} of the rows is of type {}; column {:?} of table {what} is {} and {why}: cast it or leave it out in the job.",
                    field.name(),
                    field.data_type(),
                    column.name,
                    column.native
                ))
                .code(COLUMN_TYPE));
            }
            targets.push(Target { column, is_key: false, index });
        }
        check_required(&write, &table, &targets)?;
        let keys = keys(&write, schema, &table, &mut targets)?;
        Ok(Self { write, targets, keys, creates })
    }

    /// The columns of one batch, each value known to fit. `before` rows came already.
    pub(crate) fn checked(&self, batch: &RecordBatch, before: u64) -> Result<Vec<Cells>> {
        self.targets
            .iter()
            .map(|target| {
                let cells = Cells::of(batch, target.index)?;
                let refuses_null = target.is_key || !target.column.is_nullable;
                let unfit = (0..batch.num_rows()).find(|&row| match cells.get(row) {
                    Cell::Null => refuses_null,
                    cell => !target.column.slot.fits(&cell),
                });
                match unfit {
                    None => Ok(cells),
                    Some(row) => Err(self.unfit(target, &cells.get(row), before + row as u64 + 1)),
                }
            })
            .collect()
    }

    fn unfit(&self, target: &Target, cell: &Cell<'_>, row: u64) -> Error {
        let (column, table) = (&target.column, &self.write.table);
        let expected = match (cell, target.is_key) {
            (Cell::Null, true) => "is a key, which is never null".to_owned(),
            (Cell::Null, false) => "is NOT NULL".to_owned(),
            _ => format!("holds {}", column.native),
        };
        Error::invalid_data(format!("Column {:?} of table {table} {expected}; row {row} has {cell}: nothing was written.", column.name))
            .code(VALUE_UNFIT)
    }

    /// What the server itself found wrong with a value, in its own words.
    pub(crate) fn refused(&self, said: &str, row: Option<u64>) -> Error {
        let row = row.map_or_else(|| "A row".to_owned(), |row| format!("Row {row}"));
        Error::invalid_data(format!("{row} cannot be put into table {}: {said}; nothing was written.", self.write.table)).code(VALUE_UNFIT)
    }

    /// Names of the columns written, quoted by `quote`, with `prefix` before each.
    pub(crate) fn list(&self, prefix: &str, quote: impl Fn(&str) -> String) -> String {
        self.targets.iter().map(|target| format!("{prefix}{}", quote(&target.column.name))).collect::<Vec<_>>().join(", ")
    }

    /// The columns that an upsert gives new values.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter(|target| !target.is_key).map(|target| target.column.name.as_str())
    }

    /// For messages: `writing to table shop.public.orders`.
    pub(crate) fn what(&self) -> String {
        format!("writing to table {}", self.write.table)
    }
}

fn created(write: &Write, schema: &Schema, create: impl Fn(&DataType, bool, bool) -> Created) -> Result<Table> {
    let keys: &[String] = if let Mode::Upsert { keys } = &write.mode { keys } else { &[] };
    let column = |field: &arrow::datatypes::FieldRef| {
        let is_key = keys.iter().any(|key| key.eq_ignore_ascii_case(field.name()));
        let (native, slot) = create(&plain_type(field)?, is_nested(field.data_type()), is_key)?;
        Ok(Column { name: field.name().clone(), native, slot, is_nullable: !is_key, has_default: false, is_computed: false })
    };
    let columns: Vec<Column> = schema.fields().iter().map(column).collect::<Result<_>>()?;
    let unique = columns.iter().filter(|column| !column.is_nullable).map(|column| column.name.clone()).collect();
    Ok(Table { columns, unique: vec![unique], ..Table::default() })
}

fn check_table(write: &Write, table: &Table) -> Result<()> {
    if let Some(why) = &table.unfit {
        return Err(Error::invalid_input(format!("Table {} cannot be written to: {why}.", write.table)).code(TABLE_UNFIT));
    }
    if let (Mode::Overwrite, Some(dependent)) = (&write.mode, &table.dependent) {
        return Err(Error::invalid_input(format!(
            "Table {} cannot be overwritten: rows of table {dependent} refer to its rows and would be deleted or changed with them; use upsert.",
            write.table
        ))
        .code(TABLE_UNFIT));
    }
    Ok(())
}

/// By name; without regard to case where that leaves one column on either side.
fn find<'a>(write: &Write, table: &'a Table, schema: &Schema, name: &str) -> Result<&'a Column> {
    if let Some(column) = table.columns.iter().find(|column| column.name == name) {
        return Ok(column);
    }
    let folded = name.to_lowercase();
    let found: Vec<&Column> = table.columns.iter().filter(|column| column.name.to_lowercase() == folded).collect();
    let alike = schema.fields().iter().filter(|field| field.name().to_lowercase() == folded).count();
    match found.as_slice() {
        [column] if alike == 1 => Ok(column),
        found => {
            let why = if found.is_empty() { "which the table lacks" } else { "which more than one column is like" };
            let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).take(20).collect();
            Err(Error::invalid_data(format!(
                "The rows for table {} have a column {name:?}, {why} (it has: {}).",
                write.table,
                names.join(", ")
            ))
            .code(COLUMN_UNKNOWN))
        }
    }
}

fn check_required(write: &Write, table: &Table, targets: &[Target]) -> Result<()> {
    let is_given = |column: &Column| targets.iter().any(|target| target.column.name == column.name);
    let missing = table.columns.iter().find(|column| !(column.is_nullable || column.has_default || column.is_computed || is_given(column)));
    match missing {
        None => Ok(()),
        Some(column) => Err(Error::invalid_data(format!(
            "Column {:?} of table {} is NOT NULL and has no default; the rows have no such column.",
            column.name, write.table
        ))
        .code(COLUMN_REQUIRED)),
    }
}

/// Marks the keys among the targets and finds their unique index.
fn keys(write: &Write, schema: &Schema, table: &Table, targets: &mut [Target]) -> Result<Vec<String>> {
    let Mode::Upsert { keys } = &write.mode else { return Ok(Vec::new()) };
    let what = &write.table;
    if keys.is_empty() {
        return Err(Error::invalid_input(format!("An upsert into table {what} needs at least one key; found none.")).code(KEY_MISSING));
    }
    let mut names: Vec<String> = Vec::new();
    for key in keys {
        let name = find(write, table, schema, key).map(|column| column.name.clone()).ok();
        let target = name.as_ref().and_then(|name| targets.iter_mut().find(|target| target.column.name == *name));
        let Some(target) = target else {
            return Err(Error::invalid_input(format!(
                "Key {key:?} of an upsert into table {what} is not a column of the rows and the table."
            ))
            .code(KEY_MISSING));
        };
        target.is_key = true;
        if !names.contains(&target.column.name) {
            names.push(target.column.name.clone());
        }
    }
    let is_over_keys = |index: &Vec<String>| index.len() == names.len() && index.iter().all(|column| names.contains(column));
    if !table.unique.iter().any(is_over_keys) {
        let list = names.join(", ");
        return Err(Error::invalid_input(format!(
            "An upsert into table {what} by ({list}) needs a unique index over just these columns; it has none: CREATE UNIQUE INDEX … ON {what} ({list})."
        ))
        .code(KEY_MISSING));
    }
    Ok(names)
}
