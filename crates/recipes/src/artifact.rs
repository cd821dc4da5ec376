//! Models as bytes: a safetensors file whose metadata names the recipe and holds its settings.

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    DecayedPopularity, Model, Popularity, RecentPopularity, RecipeError, Trending, als, blend, decayed_popularity, for_everybody, linear,
    popularity, recent_popularity, rules, similar, transformer, trending,
};

/// The one metadata key. A single key, because the format keeps metadata in a hash map and the bytes must not vary.
const KEY: &str = "penchant";
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    recipe: String,
    settings: serde_json::Value,
}

fn artifact(reason: impl std::fmt::Display) -> RecipeError {
    RecipeError::Artifact(reason.to_string())
}

/// Reads a model that [`Model::save`] wrote, whatever its recipe.
pub fn load(bytes: &[u8]) -> Result<Box<dyn Model>, RecipeError> {
    let reader = Reader::new(bytes)?;
    match reader.header.recipe.as_str() {
        popularity::NAME => for_everybody::load::<Popularity>(&reader),
        recent_popularity::NAME => for_everybody::load::<RecentPopularity>(&reader),
        linear::NAME => linear::load(linear::NAME, &reader),
        trending::NAME => for_everybody::load::<Trending>(&reader),
        decayed_popularity::NAME => for_everybody::load::<DecayedPopularity>(&reader),
        similar::NAME => linear::load(similar::NAME, &reader),
        rules::NAME => linear::load(rules::NAME, &reader),
        als::NAME => als::load(&reader),
        blend::NAME => blend::load(&reader),
        transformer::NAME => transformer::load(&reader),
        other => Err(artifact(format!("expected a known recipe in the metadata, found `{other}`"))),
    }
}

/// Collects named arrays and writes them as one file.
pub(crate) struct Writer {
    recipe: &'static str,
    tensors: Vec<(&'static str, Dtype, usize, Vec<u8>)>,
}

impl Writer {
    pub(crate) fn new(recipe: &'static str) -> Self {
        Self { recipe, tensors: Vec::new() }
    }

    pub(crate) fn floats(self, name: &'static str, values: &[f32]) -> Self {
        self.array(name, Dtype::F32, values, |value| value.to_le_bytes())
    }

    pub(crate) fn indices(self, name: &'static str, values: &[u32]) -> Self {
        self.array(name, Dtype::U32, values, |value| value.to_le_bytes())
    }

    pub(crate) fn offsets(self, name: &'static str, values: &[usize]) -> Self {
        self.array(name, Dtype::U64, values, |value| (value as u64).to_le_bytes())
    }

    pub(crate) fn bytes(self, name: &'static str, values: &[u8]) -> Self {
        self.array(name, Dtype::U8, values, |value| [value])
    }

    fn array<T: Copy, const N: usize>(mut self, name: &'static str, dtype: Dtype, values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Self {
        self.tensors.push((name, dtype, values.len(), values.iter().flat_map(|value| bytes(*value)).collect()));
        self
    }

    pub(crate) fn finish(self, settings: &impl Serialize) -> Result<Vec<u8>, RecipeError> {
        let settings = serde_json::to_value(settings).map_err(artifact)?;
        let header = Header { format: FORMAT, recipe: self.recipe.to_owned(), settings };
        let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(&header).map_err(artifact)?)]);
        let views = self.tensors.iter().map(|(name, dtype, len, bytes)| Ok((*name, TensorView::new(*dtype, vec![*len], bytes)?)));
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|error: safetensors::SafeTensorError| artifact(error))?;
        safetensors::serialize(views, Some(metadata)).map_err(artifact)
    }
}

/// The named arrays and settings of a file.
pub(crate) struct Reader<'a> {
    tensors: SafeTensors<'a>,
    header: Header,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, RecipeError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(artifact)?;
        let text = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
        let text = text.ok_or_else(|| artifact(format!("expected the metadata key `{KEY}`, found none")))?;
        let header: Header = serde_json::from_str(text).map_err(artifact)?;
        if header.format != FORMAT {
            return Err(artifact(format!("expected format {FORMAT}, found {}", header.format)));
        }
        Ok(Self { tensors: SafeTensors::deserialize(bytes).map_err(artifact)?, header })
    }

    pub(crate) fn settings<T: DeserializeOwned>(&self) -> Result<T, RecipeError> {
        serde_json::from_value(self.header.settings.clone()).map_err(artifact)
    }

    /// Fails on values that are not finite: they would make rankings depend on chance.
    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f32>, RecipeError> {
        let values = self.array(name, Dtype::F32, f32::from_le_bytes)?;
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(artifact(format!("expected finite numbers in `{name}`, found {value}"))),
            None => Ok(values),
        }
    }

    pub(crate) fn indices(&self, name: &str) -> Result<Vec<u32>, RecipeError> {
        self.array(name, Dtype::U32, u32::from_le_bytes)
    }

    pub(crate) fn offsets(&self, name: &str) -> Result<Vec<usize>, RecipeError> {
        self.array(name, Dtype::U64, |bytes| u64::from_le_bytes(bytes) as usize)
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, RecipeError> {
        self.array(name, Dtype::U8, |[byte]| byte)
    }

    fn array<T, const N: usize>(&self, name: &str, dtype: Dtype, value: impl Fn([u8; N]) -> T) -> Result<Vec<T>, RecipeError> {
        let tensor = self.tensors.tensor(name).map_err(artifact)?;
        if tensor.dtype() != dtype {
            return Err(artifact(format!("expected {dtype:?} in `{name}`, found {:?}", tensor.dtype())));
        }
        let (chunks, _) = tensor.data().as_chunks::<N>();
        Ok(chunks.iter().map(|bytes| value(*bytes)).collect())
    }
}
