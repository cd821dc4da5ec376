//! One page of a bucket's keys, in the words of ListObjects and ListObjectsV2.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{CommonPrefix, ETag, EncodingType, Object};
use s3s::{S3Result, s3_error};

use super::listing::{Listed, Listing, Page};
use super::{Objects, io_error};

const MAX_KEYS: i32 = 1000;
/// What S3 leaves as it is when keys are asked for URL-encoded.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What both list operations ask.
pub(super) struct Question {
    pub bucket: String,
    pub prefix: Option<String>,
    pub delimiter: Option<String>,
    pub after: Option<String>,
    pub max_keys: Option<i32>,
    pub encoding: Option<EncodingType>,
}

/// What both list operations answer.
pub(super) struct Answer {
    pub objects: Vec<Object>,
    pub prefixes: Vec<CommonPrefix>,
    pub next: Option<String>,
    pub max_keys: i32,
}

impl Question {
    pub fn encode(&self, text: &str) -> String {
        encode(self.encoding.as_ref(), text)
    }

    pub async fn answer(&self, objects: &Objects) -> S3Result<Answer> {
        let folder = objects.bucket(&self.bucket)?;
        let max_keys = self.max_keys.unwrap_or(MAX_KEYS).min(MAX_KEYS);
        let limit = usize::try_from(max_keys).map_err(|_| s3_error!(InvalidArgument, "max-keys is 0 or more; found {max_keys}."))?;
        let listing = Listing {
            prefix: self.prefix.clone().unwrap_or_default(),
            delimiter: self.delimiter.clone(),
            after: self.after.clone().unwrap_or_default(),
            limit,
        };
        let read = {
            // A page is of one result of a job, never a part of the old and a part of the new.
            let _still = objects.0.buckets.still().await;
            tokio::task::spawn_blocking(move || listing.read(&folder)).await
        };
        let page = read.map_err(s3s::S3Error::internal_error)?.map_err(io_error)?;
        Ok(self.words(page, max_keys))
    }

    fn words(&self, page: Page, max_keys: i32) -> Answer {
        let prefix = |text: String| CommonPrefix { prefix: Some(self.encode(&text)) };
        let object = |listed: Listed| Object {
            key: Some(self.encode(&listed.key)),
            size: i64::try_from(listed.size).ok(),
            last_modified: Some(listed.modified.into()),
            e_tag: Some(ETag::Strong(listed.tag)),
            ..Object::default()
        };
        Answer {
            objects: page.objects.into_iter().map(object).collect(),
            prefixes: page.prefixes.into_iter().map(prefix).collect(),
            next: page.next,
            max_keys,
        }
    }
}

fn encode(encoding: Option<&EncodingType>, text: &str) -> String {
    match encoding {
        Some(encoding) if encoding.as_str() == EncodingType::URL => utf8_percent_encode(text, URL).to_string(),
        _ => text.into(),
    }
}
