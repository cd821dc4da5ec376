//! Bucket policies: remembered and given back, because every Personalize sample puts one. They have no effect: whoever
//! has the key may do everything.

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use store::{Resource, Store};

#[derive(Debug, Serialize, Deserialize)]
struct BucketPolicy {
    bucket: String,
    policy: String,
}

impl Resource for BucketPolicy {
    const KIND: &'static str = "bucket_policy";

    fn key(&self) -> String {
        self.bucket.clone()
    }
}

pub(super) async fn put(store: &Store, bucket: String, policy: String) -> S3Result<()> {
    if serde_json::from_str::<serde_json::Value>(&policy).is_err() {
        return Err(s3_error!(MalformedPolicy, "A bucket policy is a JSON document."));
    }
    let write = async {
        let mut tx = store.begin().await?;
        tx.put(BucketPolicy { bucket, policy }).await?;
        tx.commit().await
    };
    write.await.map_err(s3s::S3Error::internal_error)
}

pub(super) async fn get(store: &Store, bucket: &str) -> S3Result<String> {
    let found = store.find::<BucketPolicy>(bucket).await.map_err(s3s::S3Error::internal_error)?;
    found.map(|found| found.value.policy).ok_or_else(|| s3_error!(NoSuchBucketPolicy, "Bucket {bucket:?} has no policy."))
}

pub(super) async fn delete(store: &Store, bucket: &str) -> S3Result<()> {
    match store.delete::<BucketPolicy>(bucket).await {
        Err(e) if e.kind != domain::ErrorKind::NotFound => Err(s3s::S3Error::internal_error(e)),
        _ => Ok(()),
    }
}
