//! The operations: each decodes what s3s hands over, touches one file, and answers.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use futures::stream::{self, Stream};
use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio::task::spawn_blocking;

use super::attributes::{self, Attributes};
use super::intake::Claims;
use super::listing::Listing;
use super::multipart::{Upload, Uploads};
use super::pages::Question;
use super::{Conditions, Objects, io_error, key, names, policies};

const CHUNK_BYTES: usize = 64 * 1024;
/// What S3 says of an object whose type nobody gave.
const UNKNOWN_TYPE: &str = "binary/octet-stream";

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait::async_trait]
impl S3 for Objects {
    /// Creating one's own bucket again is fine, as in us-east-1: scripts rely on it.
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        let bucket = request.input.bucket;
        let folder = key::bucket_folder(self.root(), &bucket)?;
        fs::create_dir_all(folder).map_err(io_error)?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{bucket}")) }))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        let bucket = request.input.bucket;
        let folder = self.bucket(&bucket)?;
        let any = Listing { limit: 1, ..Listing::default() }.read(&folder).map_err(io_error)?;
        if !any.objects.is_empty() {
            return Err(s3_error!(BucketNotEmpty, "Bucket {bucket:?} still has objects, {:?} for one.", any.objects[0].key));
        }
        fs::remove_dir_all(folder).map_err(io_error)?;
        Attributes::delete_bucket(self.root(), &bucket)?;
        policies::delete(&self.0.store, &bucket).await?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.bucket(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        self.bucket(&request.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(self.root()).map_err(io_error)? {
            let entry = entry.map_err(io_error)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let metadata = entry.metadata().map_err(io_error)?;
            if metadata.is_dir() && s3s::path::check_bucket_name(&name) {
                let created = metadata.created().or_else(|_| metadata.modified()).map_err(io_error)?;
                buckets.push(Bucket { name: Some(name), creation_date: Some(created.into()), ..Bucket::default() });
            }
        }
        buckets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets), ..ListBucketsOutput::default() }))
    }

    async fn put_bucket_policy(&self, request: S3Request<PutBucketPolicyInput>) -> Answer<PutBucketPolicyOutput> {
        self.bucket(&request.input.bucket)?;
        policies::put(&self.0.store, request.input.bucket, request.input.policy).await?;
        Ok(S3Response::new(PutBucketPolicyOutput {}))
    }

    async fn get_bucket_policy(&self, request: S3Request<GetBucketPolicyInput>) -> Answer<GetBucketPolicyOutput> {
        self.bucket(&request.input.bucket)?;
        let policy = policies::get(&self.0.store, &request.input.bucket).await?;
        Ok(S3Response::new(GetBucketPolicyOutput { policy: Some(policy) }))
    }

    async fn delete_bucket_policy(&self, request: S3Request<DeleteBucketPolicyInput>) -> Answer<DeleteBucketPolicyOutput> {
        self.bucket(&request.input.bucket)?;
        policies::delete(&self.0.store, &request.input.bucket).await?;
        Ok(S3Response::new(DeleteBucketPolicyOutput {}))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let ListObjectsInput { bucket, delimiter, encoding_type, marker, max_keys, prefix, .. } = request.input;
        let question = Question {
            bucket: bucket.clone(),
            prefix: prefix.clone(),
            delimiter: delimiter.clone(),
            after: marker.clone(),
            max_keys,
            encoding: encoding_type.clone(),
        };
        let answer = question.answer(self).await?;
        let encoded = |text: Option<String>| text.map(|text| question.encode(&text));
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(bucket),
            prefix: encoded(Some(prefix.unwrap_or_default())),
            marker: encoded(Some(marker.unwrap_or_default())),
            max_keys: Some(answer.max_keys),
            is_truncated: Some(answer.next.is_some()),
            next_marker: encoded(answer.next),
            contents: Some(answer.objects),
            common_prefixes: Some(answer.prefixes),
            delimiter: encoded(delimiter),
            encoding_type,
            ..ListObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let ListObjectsV2Input { bucket, delimiter, encoding_type, continuation_token, start_after, max_keys, prefix, .. } = request.input;
        let question = Question {
            bucket: bucket.clone(),
            prefix: prefix.clone(),
            delimiter: delimiter.clone(),
            after: continuation_token.clone().max(start_after.clone()),
            max_keys,
            encoding: encoding_type.clone(),
        };
        let answer = question.answer(self).await?;
        let encoded = |text: Option<String>| text.map(|text| question.encode(&text));
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(bucket),
            prefix: encoded(Some(prefix.unwrap_or_default())),
            max_keys: Some(answer.max_keys),
            key_count: i32::try_from(answer.objects.len() + answer.prefixes.len()).ok(),
            is_truncated: Some(answer.next.is_some()),
            continuation_token,
            next_continuation_token: answer.next,
            contents: Some(answer.objects),
            common_prefixes: Some(answer.prefixes),
            delimiter: encoded(delimiter),
            encoding_type,
            start_after: encoded(start_after),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let mut input = request.input;
        self.bucket(&input.bucket)?;
        let place = self.place(&input.bucket, &input.key)?;
        let claims = Claims::of_object(&input, request.trailing_headers);
        let (new, checksum) = self.0.intake.receive(input.body.take(), &claims).await?;
        if place.is_folder {
            return self.put_folder(&place.path, &new.path);
        }
        let attributes = Attributes {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            metadata: input.metadata,
        };
        let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let tag = self.publish(&input.bucket, &input.key, &new, &attributes, &conditions)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(tag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        let (place, _) = self.stat(&input.bucket, &input.key)?;
        if place.is_folder {
            return Ok(S3Response::new(GetObjectOutput { content_length: Some(0), ..GetObjectOutput::default() }));
        }
        // Size, tag and bytes come from one open file: a job may replace it at any moment.
        let mut file = tokio::fs::File::open(&place.path).await.map_err(io_error)?;
        let found = Found::new(self, &input.bucket, &input.key, &file.metadata().await.map_err(io_error)?)?;
        found.check(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let range = match &input.range {
            Some(range) => range.check(found.size)?,
            None => 0..found.size,
        };
        file.seek(SeekFrom::Start(range.start)).await.map_err(io_error)?;
        let content_range = input.range.is_some().then(|| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), found.size));
        let Attributes { content_type, content_encoding, content_disposition, content_language, cache_control, metadata } =
            found.attributes;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            body: Some(StreamingBlob::wrap(read(file, &range))),
            last_modified: Some(found.modified.into()),
            e_tag: Some(ETag::Strong(found.tag)),
            content_type: input.response_content_type.or(content_type).or(Some(UNKNOWN_TYPE.into())),
            content_encoding: input.response_content_encoding.or(content_encoding),
            content_disposition: input.response_content_disposition.or(content_disposition),
            content_language: input.response_content_language.or(content_language),
            cache_control: input.response_cache_control.or(cache_control),
            metadata,
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = request.input;
        let (place, metadata) = self.stat(&input.bucket, &input.key)?;
        let mut found = Found::new(self, &input.bucket, &input.key, &metadata)?;
        if place.is_folder {
            found.size = 0;
        }
        found.check(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let Attributes { content_type, content_encoding, content_disposition, content_language, cache_control, metadata } =
            found.attributes;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: i64::try_from(found.size).ok(),
            last_modified: Some(found.modified.into()),
            e_tag: Some(ETag::Strong(found.tag)),
            content_type: content_type.or(Some(UNKNOWN_TYPE.into())),
            content_encoding,
            content_disposition,
            content_language,
            cache_control,
            metadata,
            ..HeadObjectOutput::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.remove(&request.input.bucket, &request.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let input = request.input;
        self.bucket(&input.bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            match self.remove(&input.bucket, &object.key) {
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(e) => errors.push(Error {
                    key: Some(object.key),
                    code: Some(e.code().as_str().to_owned()),
                    message: e.message().map(Into::into),
                    ..Error::default()
                }),
            }
        }
        let quiet = input.delete.quiet.unwrap_or(false);
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let input = request.input;
        let (bucket, key) = source(&input.copy_source)?;
        let (place, metadata) = self.stat(bucket, key)?;
        let found = Found::new(self, bucket, key, &metadata)?;
        found.check(input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref())?;
        self.bucket(&input.bucket)?;
        let new = self.0.intake.unfinished();
        copy(place.path, 0..found.size, new.path.clone()).await?;
        let replace = input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let attributes = if replace {
            Attributes {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
                metadata: input.metadata,
            }
        } else {
            found.attributes
        };
        let tag = self.publish(&input.bucket, &input.key, &new, &attributes, &Conditions::default())?;
        let (_, metadata) = self.stat(&input.bucket, &input.key)?;
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(tag)),
            last_modified: Some(metadata.modified().map_err(io_error)?.into()),
            ..CopyObjectResult::default()
        };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
    }

    async fn create_multipart_upload(&self, request: S3Request<CreateMultipartUploadInput>) -> Answer<CreateMultipartUploadOutput> {
        let input = request.input;
        self.bucket(&input.bucket)?;
        self.place(&input.bucket, &input.key)?;
        let attributes = Attributes {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            metadata: input.metadata,
        };
        let upload = Upload { bucket: input.bucket, key: input.key, attributes };
        let id = self.0.uploads.begin(&upload)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(upload.bucket),
            key: Some(upload.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let mut input = request.input;
        let (_, folder) = self.0.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let part = Uploads::part(&folder, input.part_number)?;
        let claims = Claims::of_part(&input, request.trailing_headers);
        let (new, checksum) = self.0.intake.receive(input.body.take(), &claims).await?;
        let tag = attributes::tag(&fs::metadata(&new.path).map_err(io_error)?);
        fs::rename(&new.path, part).map_err(io_error)?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(tag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..UploadPartOutput::default()
        }))
    }

    async fn upload_part_copy(&self, request: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        let input = request.input;
        let (_, folder) = self.0.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let part = Uploads::part(&folder, input.part_number)?;
        let (bucket, key) = source(&input.copy_source)?;
        let (place, metadata) = self.stat(bucket, key)?;
        let range = copy_range(input.copy_source_range.as_deref(), metadata.len())?;
        let new = self.0.intake.unfinished();
        copy(place.path, range, new.path.clone()).await?;
        let tag = attributes::tag(&fs::metadata(&new.path).map_err(io_error)?);
        fs::rename(&new.path, part).map_err(io_error)?;
        let result = CopyPartResult {
            e_tag: Some(ETag::Strong(tag)),
            last_modified: Some(metadata.modified().map_err(io_error)?.into()),
            ..CopyPartResult::default()
        };
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = request.input;
        let (_, folder) = self.0.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let parts = Uploads::arrived(&folder)?.into_iter().map(|part| Part {
            part_number: Some(part.number),
            size: i64::try_from(part.size).ok(),
            e_tag: Some(ETag::Strong(part.tag)),
            last_modified: Some(part.modified.into()),
            ..Part::default()
        });
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            parts: Some(parts.collect()),
            is_truncated: Some(false),
            ..ListPartsOutput::default()
        }))
    }

    async fn complete_multipart_upload(&self, request: S3Request<CompleteMultipartUploadInput>) -> Answer<CompleteMultipartUploadOutput> {
        let input = request.input;
        let (upload, folder) = self.0.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        let chosen = chosen(input.multipart_upload)?;
        let new = self.0.intake.unfinished();
        let (parts, target) = (folder.clone(), new.path.clone());
        spawn_blocking(move || Uploads::join(&parts, &chosen, &target)).await.map_err(S3Error::internal_error)??;
        let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let tag = self.publish(&input.bucket, &input.key, &new, &upload.attributes, &conditions)?;
        Uploads::end(&folder)?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(tag)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(&self, request: S3Request<AbortMultipartUploadInput>) -> Answer<AbortMultipartUploadOutput> {
        let input = request.input;
        let (_, folder) = self.0.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
        Uploads::end(&folder)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

impl Objects {
    /// `name/` with no bytes is how clients make an empty folder.
    fn put_folder(&self, folder: &Path, body: &Path) -> Answer<PutObjectOutput> {
        let size = fs::metadata(body).map_err(io_error)?.len();
        if size > 0 {
            return Err(s3_error!(InvalidRequest, "A key that ends in '/' is a folder here and has no bytes of its own; found {size}."));
        }
        fs::create_dir_all(folder).map_err(|e| super::folder_error(e, &folder.to_string_lossy()))?;
        let tag = attributes::tag(&fs::metadata(folder).map_err(io_error)?);
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(ETag::Strong(tag)), ..PutObjectOutput::default() }))
    }
}

/// An object that is there.
struct Found {
    size: u64,
    tag: String,
    modified: SystemTime,
    attributes: Attributes,
}

impl Found {
    fn new(objects: &Objects, bucket: &str, key: &str, metadata: &fs::Metadata) -> S3Result<Self> {
        let tag = attributes::tag(metadata);
        let attributes = Attributes::load(objects.root(), bucket, key, &tag);
        Ok(Self { size: metadata.len(), tag, modified: metadata.modified().map_err(io_error)?, attributes })
    }

    fn check(&self, if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<()> {
        if if_match.is_some() && !names(if_match, Some(&self.tag)) {
            return Err(s3_error!(PreconditionFailed, "If-Match: the object has changed."));
        }
        if names(if_none_match, Some(&self.tag)) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

fn source(source: &CopySource) -> S3Result<(&str, &str)> {
    match source {
        CopySource::Bucket { bucket, key, .. } => Ok((bucket, key)),
        _ => Err(s3_error!(NotImplemented, "A copy's source is bucket/key here; access points do not exist.")),
    }
}

fn copy_range(range: Option<&str>, size: u64) -> S3Result<Range<u64>> {
    let Some(range) = range else { return Ok(0..size) };
    let wrong = || s3_error!(InvalidArgument, "A copy's range is bytes=first-last within the {size} bytes of its source; found {range:?}.");
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(wrong)?;
    let (first, last): (u64, u64) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    if first <= last && last < size { Ok(first..last + 1) } else { Err(wrong()) }
}

async fn copy(from: PathBuf, range: Range<u64>, to: PathBuf) -> S3Result<()> {
    let copied = spawn_blocking(move || {
        use io::{Read, Seek};
        let mut from = fs::File::open(from)?;
        from.seek(SeekFrom::Start(range.start))?;
        let mut to = fs::File::create(to)?;
        io::copy(&mut from.take(range.end - range.start), &mut to)?;
        to.sync_data()
    });
    copied.await.map_err(S3Error::internal_error)?.map_err(io_error)
}

fn chosen(upload: Option<CompletedMultipartUpload>) -> S3Result<Vec<(i32, Option<String>)>> {
    let parts = upload.and_then(|upload| upload.parts).unwrap_or_default();
    let one = |part: CompletedPart| {
        let number = part.part_number.ok_or_else(|| s3_error!(MalformedXML, "Every part of the list needs its PartNumber."))?;
        Ok((number, part.e_tag.map(|tag| tag.value().to_owned())))
    };
    parts.into_iter().map(one).collect()
}

/// The bytes of the range, as long as the file has them.
fn read(file: tokio::fs::File, range: &Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    stream::try_unfold((file, range.end - range.start), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES)];
        let count = file.read(&mut chunk).await?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
        chunk.truncate(count);
        Ok(Some((Bytes::from(chunk), (file, left - count as u64))))
    })
}
