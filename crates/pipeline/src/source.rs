//! The parameter file as it was read: its text, and which version of it that is.

use domain::{Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Buckets, Location};

use crate::forms;
use crate::pipelines::Pipeline;
use crate::plan::fingerprint;
use crate::wanted::Wanted;

/// Which version of the file a run saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileVersion {
    /// `s3://bucket/key`, a path, or `penchant.yaml` for parameters that are written there.
    pub location: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub e_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_modified: Option<i64>,
    /// SHA-256 over the text.
    pub content: String,
}

/// Text and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub version: FileVersion,
    pub text: String,
    yaml: bool,
}

/// What parameters without a file are said to come from.
const INLINE: &str = "penchant.yaml";

impl Source {
    pub async fn read(buckets: &Buckets, pipeline: &Pipeline) -> Result<Self> {
        if let Some(parameters) = &pipeline.parameters {
            return Ok(Self::of(INLINE.into(), parameters.to_string(), false));
        }
        let location = Location::parse(&pipeline.parameter_file)?;
        let bytes = buckets.read(&location).await?;
        let listed = buckets.list(&location).await?.into_iter().next();
        let text = std::str::from_utf8(&bytes)
            .map_err(|e| Error::invalid_input(format!("The parameter file {location} is not UTF-8.")).source(e))?;
        let yaml = pipeline.parameter_file.ends_with(".yaml") || pipeline.parameter_file.ends_with(".yml");
        let mut source = Self::of(location.to_string(), text.to_owned(), yaml);
        if let Some(file) = listed {
            source.version.last_modified = Some(file.last_modified.timestamp());
            source.version.e_tag = file.e_tag;
            source.version.version_id = file.version;
        }
        Ok(source)
    }

    fn of(location: String, text: String, yaml: bool) -> Self {
        let content = fingerprint(std::iter::once(text.as_str()));
        Self { version: FileVersion { location, e_tag: None, version_id: None, last_modified: None, content }, text, yaml }
    }

    /// What the file wants; the error names the file. A schedule that has fired for the last time is no mistake: the file stays usable.
    pub fn wanted(&self) -> Result<Wanted> {
        self.wanted_from(Timestamp(0))
    }

    /// The same, and every schedule in it is to fire after `now`.
    pub fn wanted_from(&self, now: Timestamp) -> Result<Wanted> {
        forms::parse(&self.text, self.yaml, now).map_err(|error| error.with("file", &self.version.location))
    }

    /// The folder of the file, with a slash at its end: what data without a location is beside.
    pub fn beside(&self) -> String {
        self.version.location.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"))
    }
}

/// What tells versions of a file apart without reading it; nothing while there is none.
pub(crate) async fn mark(buckets: &Buckets, pipeline: &Pipeline) -> Result<Option<String>> {
    if let Some(parameters) = &pipeline.parameters {
        return Ok(Some(fingerprint(std::iter::once(parameters.to_string().as_str()))));
    }
    match buckets.list(&Location::parse(&pipeline.parameter_file)?).await {
        Ok(files) => Ok(files
            .into_iter()
            .next()
            .map(|file| format!("{} {} {}", file.size, file.last_modified.timestamp_millis(), file.e_tag.unwrap_or_default()))),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
