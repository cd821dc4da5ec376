//! The S3 endpoint: buckets are folders, objects are plain files that the stages read and write too.
//!
//! s3s speaks the protocol and checks the signatures; this module is what it calls. (s3s-fs would do that as well, but it
//! replaces the old object before it has checked the new one, deletes buckets that are not empty, and answers with stale
//! checksums for files that a job rewrote.) Beside the buckets, under names that no bucket can have, live `.unfinished`,
//! `.uploads` and `.attributes`.
//!
//! Start reading at `objects.rs`, the operations, then [`Objects::publish`], by which a file gets its name.

mod attributes;
mod intake;
mod key;
mod listing;
mod multipart;
mod objects;
mod pages;
mod policies;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Clock, Error, Result};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::ETagCondition;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3Result, s3_error};
use store::{Buckets, Store};

use crate::keyring::Keyring;
use crate::sigv4::Refusal;
use attributes::Attributes;
use intake::{Intake, Unfinished};
use key::Place;
use multipart::Uploads;

/// For the compatibility page.
pub(crate) const OPERATIONS: &[&str] = &[
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateBucket",
    "CreateMultipartUpload",
    "DeleteBucket",
    "DeleteBucketPolicy",
    "DeleteObject",
    "DeleteObjects",
    "GetBucketLocation",
    "GetBucketPolicy",
    "GetObject",
    "HeadBucket",
    "HeadObject",
    "ListBuckets",
    "ListObjects",
    "ListObjectsV2",
    "ListParts",
    "PutBucketPolicy",
    "PutObject",
    "UploadPart",
    "UploadPartCopy",
];

/// The service for one router. Cleans up after an earlier process, so one per buckets folder.
pub(crate) fn service(buckets: &Buckets, store: &Store, keyring: &Keyring) -> Result<S3Service> {
    let objects = Objects::open(buckets, store.clone(), Arc::clone(store.clock()))
        .map_err(|e| Error::unavailable(format!("The buckets folder {} cannot be used.", buckets.root().display())).source(e))?;
    let mut builder = S3ServiceBuilder::new(objects);
    builder.set_auth(Holder(keyring.clone()));
    builder.set_access(Holder(keyring.clone()));
    Ok(builder.build())
}

/// Tells s3s the secret that signatures are checked with, and checks the tokens that go with temporary keys.
struct Holder(Keyring);

#[async_trait::async_trait]
impl S3Auth for Holder {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.0.secret(access_key).map(SecretKey::from).map_err(refused)
    }
}

#[async_trait::async_trait]
impl S3Access for Holder {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = request.credentials() else { return Err(s3_error!(AccessDenied, "Signature is required")) };
        self.0.check_token(&credentials.access_key, request.headers(), request.uri()).map_err(refused)
    }
}

fn refused(refusal: Refusal) -> S3Error {
    match refusal {
        Refusal::ExpiredToken => s3_error!(ExpiredToken, "The provided token has expired."),
        Refusal::ForeignToken => s3_error!(InvalidToken, "The token does not belong to the access key."),
        _ => s3_error!(InvalidAccessKeyId, "The access key is not the one of this server."),
    }
}

/// What s3s calls.
#[derive(Debug, Clone)]
struct Objects(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    buckets: Buckets,
    intake: Intake,
    uploads: Uploads,
    store: Store,
    /// Held while a file gets its name, so that "only if it is not there yet" is true for all clients.
    naming: Mutex<()>,
}

/// When a write may happen.
#[derive(Debug, Default)]
struct Conditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl Objects {
    fn open(buckets: &Buckets, store: Store, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let root = buckets.root();
        let (intake, uploads) = (Intake::open(root, !store.is_shared(), clock.now())?, Uploads::open(root, clock)?);
        let inner = Inner { buckets: buckets.clone(), intake, uploads, store, naming: Mutex::new(()) };
        Ok(Self(Arc::new(inner)))
    }

    fn root(&self) -> &Path {
        self.0.buckets.root()
    }

    fn place(&self, bucket: &str, key: &str) -> S3Result<Place> {
        key::place(self.root(), bucket, key)
    }

    /// The folder of a bucket that exists.
    fn bucket(&self, bucket: &str) -> S3Result<PathBuf> {
        let folder = key::bucket_folder(self.root(), bucket)?;
        if folder.is_dir() { Ok(folder) } else { Err(no_such_bucket(bucket)) }
    }

    /// The object's file and what the file system knows of it. `NoSuchBucket`, `NoSuchKey`.
    fn stat(&self, bucket: &str, key: &str) -> S3Result<(Place, fs::Metadata)> {
        self.bucket(bucket)?;
        let place = self.place(bucket, key)?;
        match fs::metadata(&place.path) {
            Ok(metadata) if metadata.is_dir() == place.is_folder => Ok((place, metadata)),
            Err(e) if !matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Err(io_error(e)),
            _ => Err(s3_error!(NoSuchKey, "There is no object {key:?} in bucket {bucket:?}.")),
        }
    }

    /// Gives a received file its name, which replaces what had it. Answers the object's tag.
    fn publish(&self, bucket: &str, key: &str, new: &Unfinished, attributes: &Attributes, conditions: &Conditions) -> S3Result<String> {
        self.bucket(bucket)?;
        let place = self.place(bucket, key)?;
        let tag = attributes::tag(&fs::metadata(&new.path).map_err(io_error)?);
        let _naming = self.0.naming.lock().unwrap_or_else(PoisonError::into_inner);
        conditions.check(fs::metadata(&place.path).ok().as_ref())?;
        if let Some(folder) = place.path.parent() {
            fs::create_dir_all(folder).map_err(|e| folder_error(e, key))?;
        }
        attributes.save(self.root(), bucket, key, &tag)?;
        fs::rename(&new.path, &place.path).map_err(|e| folder_error(e, key))?;
        Ok(tag)
    }

    /// Removes the file and the folders that were only there for it. Nothing there is no error, as in S3.
    fn remove(&self, bucket: &str, key: &str) -> S3Result<()> {
        let bucket_folder = self.bucket(bucket)?;
        let place = self.place(bucket, key)?;
        let _naming = self.0.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = if place.is_folder { fs::remove_dir(&place.path) } else { fs::remove_file(&place.path) };
        match removed {
            Ok(()) => {}
            // A marker of a folder that is in use, a key under a file, or a folder where the key means a file.
            Err(e) if gone(&e) => return Ok(()),
            Err(e) => return Err(io_error(e)),
        }
        Attributes::delete(self.root(), bucket, key)?;
        let mut folder = place.path.parent();
        while let Some(empty) = folder.filter(|folder| *folder != bucket_folder && fs::remove_dir(folder).is_ok()) {
            folder = empty.parent();
        }
        Ok(())
    }
}

impl Conditions {
    fn check(&self, there: Option<&fs::Metadata>) -> S3Result<()> {
        let tag = there.map(attributes::tag);
        if self.if_none_match.is_some() && names(self.if_none_match.as_ref(), tag.as_deref()) {
            return Err(s3_error!(PreconditionFailed, "If-None-Match: the object is there already."));
        }
        if self.if_match.is_some() && !names(self.if_match.as_ref(), tag.as_deref()) {
            return Err(s3_error!(PreconditionFailed, "If-Match: the object is not there or has changed."));
        }
        Ok(())
    }
}

/// Whether the condition names the tag of what is there.
fn names(condition: Option<&ETagCondition>, tag: Option<&str>) -> bool {
    match (condition, tag) {
        (Some(ETagCondition::Any), Some(_)) => true,
        (Some(ETagCondition::ETag(wanted)), Some(tag)) => wanted.value() == tag,
        _ => false,
    }
}

fn gone(error: &io::Error) -> bool {
    use io::ErrorKind::{DirectoryNotEmpty, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory | DirectoryNotEmpty)
}

fn no_such_bucket(bucket: &str) -> S3Error {
    s3_error!(NoSuchBucket, "There is no bucket {bucket:?}.")
}

/// `a` and `a/b` cannot both be files.
fn folder_error(error: io::Error, key: &str) -> S3Error {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory};
    if matches!(error.kind(), AlreadyExists | DirectoryNotEmpty | IsADirectory | NotADirectory) {
        return s3_error!(
            InvalidRequest,
            "Objects are files here, so {key:?} cannot be an object while it, or a part of it, is the folder of another or the other way round."
        );
    }
    io_error(error)
}

fn io_error(error: io::Error) -> S3Error {
    if error.kind() == io::ErrorKind::InvalidFilename {
        return s3_error!(KeyTooLongError, "The key is longer than a file's path may be here.");
    }
    S3Error::internal_error(error)
}
