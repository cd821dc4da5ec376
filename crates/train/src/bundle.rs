//! What serving needs besides the model, in one safetensors file: ids, names and histories, in a form that loads without
//! parsing.

use dataset::IdMap;
use domain::{Error, Result};
use recipes::{HistoryEvent, Interactions};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// Names of the files under [`crate::TrainedModel::artifacts`].
pub const MODEL_FILE: &str = "model.safetensors";
pub const SERVING_FILE: &str = "serving.safetensors";
pub const MANIFEST_FILE: &str = "manifest.json";

/// Everything but the weights. About 16 bytes an event, plus the ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// In byte order; the position is the item's index in the model.
    pub items: Texts,
    /// In byte order; the position is the row of `histories`.
    pub users: Texts,
    /// One per item; empty where the item has no name.
    pub names: Texts,
    pub histories: Histories,
}

/// Many short texts in one piece of memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Texts {
    text: String,
    /// One more than there are texts.
    ends: Vec<u32>,
}

/// Events by user in time order (compressed sparse rows).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histories {
    indptr: Vec<u64>,
    items: Vec<u32>,
    timestamps: Vec<i64>,
    weights: Vec<f32>,
}

impl Texts {
    pub(crate) fn collect<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let (mut text, mut ends) = (String::new(), vec![0]);
        for one in texts {
            text.push_str(one);
            ends.push(u32::try_from(text.len()).map_err(|_| Error::internal("Ids of more than 4 GiB cannot be kept in one file."))?);
        }
        Ok(Self { text, ends })
    }

    pub fn len(&self) -> usize {
        self.ends.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The empty text for an index out of range.
    pub fn get(&self, index: u32) -> &str {
        let index = index as usize;
        match self.ends.get(index..index + 2) {
            Some(bounds) => &self.text[bounds[0] as usize..bounds[1] as usize],
            None => "",
        }
    }

    /// Where a text is; only for texts in byte order.
    pub fn position(&self, text: &str) -> Option<u32> {
        let (mut low, mut high) = (0, self.len() as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle).cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    fn is_sound(&self) -> bool {
        self.ends.first() == Some(&0)
            && self.ends.is_sorted()
            && self.ends.last().is_some_and(|end| *end as usize == self.text.len())
            && self.ends.iter().all(|end| self.text.is_char_boundary(*end as usize))
    }

    fn bytes(&self) -> usize {
        self.text.len() + 4 * self.ends.len()
    }
}

impl Histories {
    fn of(interactions: &Interactions) -> Self {
        let mut histories = Self { indptr: vec![0], ..Self::default() };
        for user in 0..interactions.n_users() as u32 {
            histories.add(interactions.history(user));
        }
        histories
    }

    /// The next user.
    fn add(&mut self, events: impl Iterator<Item = HistoryEvent>) {
        for event in events {
            self.items.push(event.item);
            self.timestamps.push(event.timestamp);
            self.weights.push(event.weight);
        }
        self.indptr.push(self.items.len() as u64);
    }

    /// A user's events in time order; none for an index out of range.
    pub fn of_user(&self, user: u32) -> impl Iterator<Item = HistoryEvent> + '_ {
        let user = user as usize;
        let range = match self.indptr.get(user..user + 2) {
            Some(bounds) => bounds[0] as usize..bounds[1] as usize,
            None => 0..0,
        };
        range.map(|at| HistoryEvent { item: self.items[at], timestamp: self.timestamps[at], weight: self.weights[at] })
    }

    /// When the newest event was, epoch seconds; the beginning of time when there is none.
    pub(crate) fn newest(&self) -> i64 {
        self.timestamps.iter().copied().max().unwrap_or(i64::MIN)
    }

    fn is_sound(&self, users: usize, items: usize) -> bool {
        self.indptr.len() == users + 1
            && self.indptr.first() == Some(&0)
            && self.indptr.is_sorted()
            && self.indptr.last() == Some(&(self.items.len() as u64))
            && self.timestamps.len() == self.items.len()
            && self.weights.len() == self.items.len()
            && self.items.iter().all(|item| (*item as usize) < items)
    }
}

impl Bundle {
    /// `names`: one per item, empty where there is none.
    pub(crate) fn of(users: &IdMap, items: &IdMap, names: &[String], interactions: &Interactions) -> Result<Self> {
        Ok(Self {
            items: Texts::collect(items.ids().iter().map(AsRef::as_ref))?,
            users: Texts::collect(users.ids().iter().map(AsRef::as_ref))?,
            names: Texts::collect(names.iter().map(String::as_str))?,
            histories: Histories::of(interactions),
        })
    }

    /// The same without the users for whom `gone` is true, and how many users and events went; nothing when it knows none of them.
    pub(crate) fn without(&self, gone: impl Fn(&str) -> bool) -> Result<Option<(Self, u64, u64)>> {
        let all = self.users.len() as u32;
        let kept: Vec<u32> = (0..all).filter(|user| !gone(self.users.get(*user))).collect();
        if kept.len() == self.users.len() {
            return Ok(None);
        }
        let mut histories = Histories { indptr: vec![0], ..Histories::default() };
        for user in &kept {
            histories.add(self.histories.of_user(*user));
        }
        let events = (self.histories.items.len() - histories.items.len()) as u64;
        let users = Texts::collect(kept.iter().map(|user| self.users.get(*user)))?;
        let gone = u64::from(all) - kept.len() as u64;
        Ok(Some((Self { items: self.items.clone(), users, names: self.names.clone(), histories }, gone, events)))
    }

    /// The name shown to people: what the items dataset says, else the id.
    pub fn name(&self, item: u32) -> &str {
        match self.names.get(item) {
            "" => self.items.get(item),
            name => name,
        }
    }

    /// Memory it holds, in bytes.
    pub fn bytes(&self) -> usize {
        let texts = self.items.bytes() + self.users.bytes() + self.names.bytes();
        texts + 8 * self.histories.indptr.len() + 16 * self.histories.items.len()
    }

    /// Equal bundles give equal bytes.
    pub(crate) fn save(&self) -> Result<Vec<u8>> {
        let mut arrays: Vec<(String, Dtype, usize, Vec<u8>)> = Vec::new();
        for (name, texts) in [("items", &self.items), ("users", &self.users), ("names", &self.names)] {
            arrays.push((format!("{name}.text"), Dtype::U8, texts.text.len(), texts.text.clone().into_bytes()));
            arrays.push((format!("{name}.ends"), Dtype::U32, texts.ends.len(), little_endian(&texts.ends, |v| v.to_le_bytes())));
        }
        let of = &self.histories;
        arrays.push(("histories.indptr".into(), Dtype::U64, of.indptr.len(), little_endian(&of.indptr, |v| v.to_le_bytes())));
        arrays.push(("histories.items".into(), Dtype::U32, of.items.len(), little_endian(&of.items, |v| v.to_le_bytes())));
        let timestamps = little_endian(&of.timestamps, |v| v.to_le_bytes());
        arrays.push(("histories.timestamps".into(), Dtype::I64, of.timestamps.len(), timestamps));
        arrays.push(("histories.weights".into(), Dtype::F32, of.weights.len(), little_endian(&of.weights, |v| v.to_le_bytes())));
        let views = arrays.iter().map(|(name, dtype, len, bytes)| Ok((name.as_str(), TensorView::new(*dtype, vec![*len], bytes)?)));
        let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>().map_err(unwritable)?;
        safetensors::serialize(views, None).map_err(unwritable)
    }

    /// Reads what [`Bundle::save`] wrote; the error says what is wrong with the file.
    pub fn load(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| broken("it is not in the safetensors format").source(e))?;
        let texts = |name: &str| {
            let text = String::from_utf8(array(&file, &format!("{name}.text"), Dtype::U8, |[byte]| byte)?)
                .map_err(|e| broken(&format!("{name} are not UTF-8")).source(e))?;
            let texts = Texts { text, ends: array(&file, &format!("{name}.ends"), Dtype::U32, u32::from_le_bytes)? };
            if texts.is_sound() { Ok(texts) } else { Err(broken(&format!("{name} do not fit their lengths"))) }
        };
        let histories = Histories {
            indptr: array(&file, "histories.indptr", Dtype::U64, u64::from_le_bytes)?,
            items: array(&file, "histories.items", Dtype::U32, u32::from_le_bytes)?,
            timestamps: array(&file, "histories.timestamps", Dtype::I64, i64::from_le_bytes)?,
            weights: array(&file, "histories.weights", Dtype::F32, f32::from_le_bytes)?,
        };
        let bundle = Self { items: texts("items")?, users: texts("users")?, names: texts("names")?, histories };
        let sound = bundle.histories.is_sound(bundle.users.len(), bundle.items.len()) && bundle.names.len() == bundle.items.len();
        if sound { Ok(bundle) } else { Err(broken("its arrays do not fit together")) }
    }
}

fn little_endian<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

fn array<T, const N: usize>(file: &SafeTensors<'_>, name: &str, dtype: Dtype, value: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
    let tensor = file.tensor(name).map_err(|e| broken(&format!("it has no {name}")).source(e))?;
    if tensor.dtype() != dtype {
        return Err(broken(&format!("{name} is {:?} instead of {dtype:?}", tensor.dtype())));
    }
    let (chunks, _) = tensor.data().as_chunks::<N>();
    Ok(chunks.iter().map(|bytes| value(*bytes)).collect())
}

fn unwritable(error: safetensors::SafeTensorError) -> Error {
    Error::internal(format!("The file {SERVING_FILE} cannot be written.")).source(error)
}

fn broken(reason: &str) -> Error {
    Error::internal(format!("The file {SERVING_FILE} cannot be used: {reason}."))
}
