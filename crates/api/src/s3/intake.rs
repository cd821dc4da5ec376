//! Receiving bytes: into a file nobody sees, checked against what the client said about them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use futures::StreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumAlgorithm, PutObjectInput, StreamingBlob, UploadPartInput};

use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::io_error;

const FOLDER: &str = ".unfinished";
const DAY_MS: i64 = 86_400_000;

/// A file under construction; removed unless it gets its name.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub path: PathBuf,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Already renamed in the good case. What stays behind after a fault is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where unfinished files live: on the file system of the buckets, so that a rename is all it takes.
#[derive(Debug)]
pub(super) struct Intake {
    folder: PathBuf,
    count: AtomicU64,
}

/// What the client claims about the bytes it sends.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub checksum: Checksum,
    pub algorithm: Option<ChecksumAlgorithm>,
    pub md5: Option<String>,
    pub trailers: Option<TrailingHeaders>,
}

impl Claims {
    pub fn of_object(input: &PutObjectInput, trailers: Option<TrailingHeaders>) -> Self {
        let checksum = Checksum {
            checksum_crc32: input.checksum_crc32.clone(),
            checksum_crc32c: input.checksum_crc32c.clone(),
            checksum_crc64nvme: input.checksum_crc64nvme.clone(),
            checksum_sha1: input.checksum_sha1.clone(),
            checksum_sha256: input.checksum_sha256.clone(),
            ..Checksum::default()
        };
        Self { checksum, algorithm: input.checksum_algorithm.clone(), md5: input.content_md5.clone(), trailers }
    }

    pub fn of_part(input: &UploadPartInput, trailers: Option<TrailingHeaders>) -> Self {
        let checksum = Checksum {
            checksum_crc32: input.checksum_crc32.clone(),
            checksum_crc32c: input.checksum_crc32c.clone(),
            checksum_crc64nvme: input.checksum_crc64nvme.clone(),
            checksum_sha1: input.checksum_sha1.clone(),
            checksum_sha256: input.checksum_sha256.clone(),
            ..Checksum::default()
        };
        Self { checksum, algorithm: input.checksum_algorithm.clone(), md5: input.content_md5.clone(), trailers }
    }

    fn hasher(&self) -> ChecksumHasher {
        let named = |name: &str| self.algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() == name);
        let claimed = &self.checksum;
        ChecksumHasher {
            crc32: (claimed.checksum_crc32.is_some() || named(ChecksumAlgorithm::CRC32)).then(Default::default),
            crc32c: (claimed.checksum_crc32c.is_some() || named(ChecksumAlgorithm::CRC32C)).then(Default::default),
            sha1: (claimed.checksum_sha1.is_some() || named(ChecksumAlgorithm::SHA1)).then(Default::default),
            sha256: (claimed.checksum_sha256.is_some() || named(ChecksumAlgorithm::SHA256)).then(Default::default),
            crc64nvme: (claimed.checksum_crc64nvme.is_some() || named(ChecksumAlgorithm::CRC64NVME)).then(Default::default),
        }
    }

    /// Fails with `BadDigest` on the first claim that the bytes do not bear out. The trailers come after the bytes.
    fn check(&self, found: &Checksum) -> S3Result<()> {
        let trailers = self.trailers.as_ref().and_then(TrailingHeaders::take).unwrap_or_default();
        let claims = [
            ("crc32", &self.checksum.checksum_crc32, &found.checksum_crc32),
            ("crc32c", &self.checksum.checksum_crc32c, &found.checksum_crc32c),
            ("crc64nvme", &self.checksum.checksum_crc64nvme, &found.checksum_crc64nvme),
            ("sha1", &self.checksum.checksum_sha1, &found.checksum_sha1),
            ("sha256", &self.checksum.checksum_sha256, &found.checksum_sha256),
        ];
        for (name, header, found) in claims {
            let trailer = trailers.get(format!("x-amz-checksum-{name}")).and_then(|value| value.to_str().ok());
            let Some(claimed) = header.as_deref().or(trailer) else { continue };
            if found.as_deref().is_some_and(|found| found != claimed) {
                let found = found.as_deref().unwrap_or_default();
                return Err(s3_error!(BadDigest, "The {name} checksum of the bytes is {found:?}; the request says {claimed:?}."));
            }
        }
        Ok(())
    }
}

impl Intake {
    /// Removes what an earlier process left unfinished. Where other nodes may be receiving too (not `alone`), each has a folder of its
    /// own, and only folders that nobody has touched for a day are removed.
    pub fn open(root: &Path, alone: bool, now: Timestamp) -> std::io::Result<Self> {
        let all = root.join(FOLDER);
        if alone {
            match std::fs::remove_dir_all(&all) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => std::fs::create_dir_all(&all)?,
            }
            return Ok(Self { folder: all, count: AtomicU64::new(0) });
        }
        std::fs::create_dir_all(&all)?;
        for entry in std::fs::read_dir(&all)? {
            let entry = entry?;
            let touched = entry.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            if now.millis() - i64::try_from(touched.as_millis()).unwrap_or(i64::MAX) > DAY_MS && entry.path().is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        let folder = all.join(format!("{}-{now}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, count: AtomicU64::new(0) })
    }

    pub fn unfinished(&self) -> Unfinished {
        // Where it is gone, who writes to it is told.
        let _ = std::fs::create_dir_all(&self.folder);
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        Unfinished { path: self.folder.join(number.to_string()) }
    }

    /// Writes the whole body to a new file and onto the disk. Nothing remains when the body breaks off or a claim is wrong.
    pub async fn receive(&self, body: Option<StreamingBlob>, claims: &Claims) -> S3Result<(Unfinished, Checksum)> {
        let target = self.unfinished();
        let mut file = File::create(&target.path).await.map_err(io_error)?;
        let mut hasher = claims.hasher();
        let mut md5 = claims.md5.as_ref().map(|_| Md5::new());
        if let Some(mut body) = body {
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(broken_body)?;
                hasher.update(&chunk);
                if let Some(md5) = &mut md5 {
                    md5.update(&chunk);
                }
                file.write_all(&chunk).await.map_err(io_error)?;
            }
        }
        file.flush().await.map_err(io_error)?;
        file.sync_data().await.map_err(io_error)?;
        let found = hasher.finalize();
        claims.check(&found)?;
        let md5 = md5.map(|md5| STANDARD.encode(md5.finalize()));
        if md5 != claims.md5 {
            return Err(s3_error!(BadDigest, "The MD5 of the bytes is not what Content-MD5 says."));
        }
        Ok((target, found))
    }
}

/// s3s reports a wrong payload hash, chunk signature or length through the stream; such errors know their own answer.
fn broken_body(error: s3s::StdError) -> S3Error {
    match error.downcast::<S3Error>() {
        Ok(error) => *error,
        Err(error) => {
            let mut answer =
                S3Error::with_message(S3ErrorCode::IncompleteBody, format!("The body could not be read as it was announced: {error}."));
            answer.set_source(error);
            answer
        }
    }
}
