//! Fields of items or users in memory, by number of the item or user: what each has, and who has what.

use std::collections::HashMap;
use std::sync::Arc;

use dataset::{Cell, Field, FieldType};
use roaring::RoaringBitmap;

use super::syntax::Sign;
use super::values::Scalar;

/// No cell.
const NONE: u32 = u32::MAX;

/// One field.
#[derive(Debug)]
pub(crate) enum Column {
    Texts(Texts),
    /// True and false are 1 and 0; NaN where there is none.
    Numbers(Vec<f64>),
}

/// Text by number. A cell is stored once however many have it; where it is categorical it is several values.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// Which cell each number has.
    cells: Vec<u32>,
    /// Which values are in a cell.
    values: Vec<Vec<u32>>,
    value_ids: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    /// Which numbers have a value.
    having: Vec<RoaringBitmap>,
    any: RoaringBitmap,
}

impl Column {
    /// The numbers that have one of the values.
    pub(crate) fn among(&self, wanted: &[Scalar]) -> RoaringBitmap {
        match self {
            Self::Texts(texts) => {
                let ids = wanted.iter().filter_map(|value| match value {
                    Scalar::Text(text) => texts.value_ids.get(text.as_str()),
                    Scalar::Number(_) => None,
                });
                texts.having_one_of(ids.copied())
            }
            Self::Numbers(numbers) => {
                let wanted: Vec<f64> = wanted
                    .iter()
                    .filter_map(|value| match value {
                        Scalar::Number(number) => Some(*number),
                        Scalar::Text(_) => None,
                    })
                    .collect();
                where_true(numbers, |number| wanted.contains(&number))
            }
        }
    }

    /// The numbers for which the comparison holds; never those without a value, except for `!=`, which is the opposite of `=`.
    pub(crate) fn compared(&self, sign: Sign, with: f64) -> RoaringBitmap {
        match self {
            Self::Texts(_) => RoaringBitmap::new(),
            Self::Numbers(numbers) => where_true(numbers, |number| !number.is_nan() && sign.holds(number, with)),
        }
    }

    /// The numbers that have a value.
    pub(crate) fn any(&self) -> RoaringBitmap {
        match self {
            Self::Texts(texts) => texts.any.clone(),
            Self::Numbers(numbers) => where_true(numbers, |number| !number.is_nan()),
        }
    }

    /// What a number has.
    pub(crate) fn of(&self, number: u32) -> Vec<Scalar> {
        match self {
            Self::Texts(texts) => {
                let name = |id: &u32| texts.names.get(*id as usize).map(|name| Scalar::Text(name.to_string()));
                texts.values_of(number).iter().filter_map(name).collect()
            }
            Self::Numbers(numbers) => {
                let value = numbers.get(number as usize).copied().filter(|value| !value.is_nan());
                value.map(Scalar::Number).into_iter().collect()
            }
        }
    }

    /// Something that is equal for equal values, and for nothing else: what LIMIT counts by.
    pub(crate) fn marks(&self, number: u32) -> Vec<u64> {
        match self {
            Self::Texts(texts) => texts.values_of(number).iter().map(|id| u64::from(*id)).collect(),
            Self::Numbers(numbers) => {
                let value = numbers.get(number as usize).copied().filter(|value| !value.is_nan());
                value.map(|value| (value + 0.0).to_bits()).into_iter().collect()
            }
        }
    }
}

impl Texts {
    fn values_of(&self, number: u32) -> &[u32] {
        let cell = self.cells.get(number as usize).copied().unwrap_or(NONE);
        self.values.get(cell as usize).map_or(&[], Vec::as_slice)
    }

    fn value_id(&mut self, word: &str) -> u32 {
        if let Some(id) = self.value_ids.get(word) {
            return *id;
        }
        let (id, name) = (self.names.len() as u32, Arc::<str>::from(word));
        self.names.push(name.clone());
        self.value_ids.insert(name, id);
        id
    }

    fn having_one_of(&self, ids: impl Iterator<Item = u32>) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        for having in ids.filter_map(|id| self.having.get(id as usize)) {
            all |= having;
        }
        all
    }
}

/// Eight answers to a byte, then at once into a bitmap: a scan of a hundred thousand numbers takes a fraction of a millisecond.
fn where_true(numbers: &[f64], holds: impl Fn(f64) -> bool) -> RoaringBitmap {
    let bytes: Vec<u8> = numbers
        .chunks(8)
        .map(|eight| eight.iter().enumerate().fold(0, |byte, (at, number)| byte | (u8::from(holds(*number)) << at)))
        .collect();
    RoaringBitmap::from_lsb0_bytes(0, &bytes)
}

/// A column while its dataset is read. A later row about the same number replaces the earlier.
pub(crate) struct Builder {
    is_text: bool,
    /// Cells with `|` are several values.
    categorical: bool,
    numbers: Vec<f64>,
    cells: Vec<u32>,
    cell_ids: HashMap<Arc<str>, u32>,
}

impl Builder {
    pub(crate) fn of(field: &Field) -> Self {
        let (is_text, categorical) = (field.field_type == FieldType::Text, field.categorical);
        Self { is_text, categorical, numbers: Vec::new(), cells: Vec::new(), cell_ids: HashMap::new() }
    }

    pub(crate) fn put(&mut self, number: u32, cell: Cell<'_>) {
        let at = number as usize;
        if self.is_text {
            let id = match cell {
                Cell::Text(text) => self.cell_id(text),
                Cell::Null | Cell::Number(_) | Cell::Truth(_) => NONE,
            };
            if self.cells.len() <= at {
                self.cells.resize(at + 1, NONE);
            }
            self.cells[at] = id;
            return;
        }
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, f64::NAN);
        }
        self.numbers[at] = match cell {
            Cell::Number(number) => number,
            Cell::Truth(truth) => f64::from(u8::from(truth)),
            Cell::Null | Cell::Text(_) => f64::NAN,
        };
    }

    fn cell_id(&mut self, text: &str) -> u32 {
        if let Some(id) = self.cell_ids.get(text) {
            return *id;
        }
        let id = self.cell_ids.len() as u32;
        self.cell_ids.insert(text.into(), id);
        id
    }

    pub(crate) fn finish(self) -> Column {
        if !self.is_text {
            return Column::Numbers(self.numbers);
        }
        let mut texts = Texts { cells: self.cells, values: vec![Vec::new(); self.cell_ids.len()], ..Texts::default() };
        for (cell, id) in &self.cell_ids {
            let words: Vec<&str> = if self.categorical { cell.split('|').collect() } else { vec![cell.as_ref()] };
            for word in words.into_iter().filter(|word| !word.is_empty()) {
                let value = texts.value_id(word);
                texts.values[*id as usize].push(value);
            }
        }
        texts.having = vec![RoaringBitmap::new(); texts.names.len()];
        for (number, cell) in texts.cells.iter().enumerate() {
            for value in texts.values.get(*cell as usize).into_iter().flatten() {
                texts.having[*value as usize].insert(number as u32);
                texts.any.insert(number as u32);
            }
        }
        Column::Texts(texts)
    }
}
