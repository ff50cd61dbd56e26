//! The archive: where recordings go when they are whole, a folder or a store that speaks S3.
//!
//! Owns the names of objects (`<prefix>/<tenant>/<id>.wav`) and that what is kept there is what was sent:
//! [`Archive::keep`] reads it back before it says so. Refuses to know rows: whoever calls it repeats what
//! failed, and what a crash left half done.

mod http;

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    ops::Range,
    os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use api::AudioStream;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use model::{RecordingId, TenantId};
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path,
};
use sha2::{Digest, Sha256};

use super::off_the_runtime;
use crate::config;

/// Octets of one part of an upload; a file that has no more is sent as one. A store takes parts of 5 MiB
/// and more.
const PART: usize = 8 * 1024 * 1024;
/// How long a request is tried again by the client itself: longer outages are the keeper's.
const RETRY: Duration = Duration::from_secs(10);

/// See the module's header.
#[derive(Debug)]
pub struct Archive {
    objects: Arc<dyn ObjectStore>,
    prefix: String,
    /// Where it is, if it is a folder.
    folder: Option<PathBuf>,
}

/// What a file or an object is known by.
#[derive(Debug, PartialEq, Eq)]
struct Sum {
    octets: u64,
    digest: [u8; 32],
}

/// A [`Sum`] in the making.
#[derive(Default)]
struct Summing {
    octets: u64,
    digest: Sha256,
}

impl Archive {
    /// The archive that is configured. No store is asked for anything yet: one that is away holds up no
    /// start.
    pub fn open(settings: config::Archive) -> anyhow::Result<Self> {
        match settings {
            config::Archive::Folder(path) => {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&path)
                    .with_context(|| {
                        format!(
                            "recordings.store: cannot make the folder {}",
                            path.display()
                        )
                    })?;
                // A file is removed here only when the other one outlives a power cut.
                let folder = LocalFileSystem::new_with_prefix(&path)?.with_fsync(true);
                Ok(Self {
                    objects: Arc::new(folder),
                    prefix: String::new(),
                    folder: Some(path),
                })
            }
            config::Archive::Bucket {
                name,
                prefix,
                settings,
            } => {
                let bucket = bucket(&name, settings).context("recordings.store")?;
                let objects = Arc::new(bucket.build().context("recordings.store")?);
                Ok(Self {
                    objects,
                    prefix,
                    folder: None,
                })
            }
        }
    }

    /// Sends a file, and reads back what is kept of it; when this says so it may be removed here.
    pub async fn keep(&self, tenant: TenantId, id: RecordingId, file: File) -> anyhow::Result<()> {
        let place = self.place(tenant, id);
        self.close_folder(tenant).await?;
        let sent = self.send(&place, file).await?;
        self.close_file(&place).await?;
        let kept = self.sum(&place).await.context("it cannot be read back")?;
        if sent != kept {
            let (sent, kept) = (sent.octets, kept.octets);
            bail!("what is kept is not what was sent ({kept} octets, {sent} were sent)");
        }
        Ok(())
    }

    /// A part of the audio of a recording; none if there is no such object.
    pub async fn read(
        &self,
        tenant: TenantId,
        id: RecordingId,
        part: Range<u64>,
    ) -> anyhow::Result<Option<AudioStream>> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(part.clone())),
            ..GetOptions::default()
        };
        let place = self.place(tenant, id);
        match self.objects.get_opts(&place, options).await {
            Ok(found) if found.range == part => {
                let pieces = found.into_stream().map_err(io::Error::other);
                Ok(Some(AudioStream(pieces.boxed())))
            }
            Ok(found) => bail!("octets {:?} came instead of {part:?}", found.range),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an object; there need be none.
    pub async fn erase(&self, tenant: TenantId, id: RecordingId) -> anyhow::Result<()> {
        match self.objects.delete(&self.place(tenant, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn place(&self, tenant: TenantId, id: RecordingId) -> Path {
        Path::from(format!("{}/{tenant}/{id}.wav", self.prefix))
    }

    /// What people say is nobody else's on this machine, also while it is written.
    async fn close_folder(&self, tenant: TenantId) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let (folder, own) = (folder.clone(), folder.join(tenant.to_string()));
        off_the_runtime(move || match DirBuilder::new().mode(0o700).create(&own) {
            // It outlives a power cut, as what is put into it.
            Ok(()) => File::open(folder)?.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::set_permissions(own, Permissions::from_mode(0o700))
            }
            Err(error) => Err(error),
        })
        .await
    }

    /// The same of a file: whoever copies the folder elsewhere copies that too.
    async fn close_file(&self, place: &Path) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let name: &str = place.as_ref();
        let file = folder.join(name);
        off_the_runtime(move || fs::set_permissions(file, Permissions::from_mode(0o600))).await
    }

    async fn send(&self, place: &Path, file: File) -> anyhow::Result<Sum> {
        let (file, mut sum) = (Arc::new(file), Summing::default());
        let first = piece(&file, 0).await?;
        sum.take(&first);
        if first.len() < PART {
            self.objects.put(place, PutPayload::from(first)).await?;
            return Ok(sum.done());
        }
        let mut upload = self.objects.put_multipart(place).await?;
        let sent = async {
            let mut part = first;
            while !part.is_empty() {
                upload.put_part(PutPayload::from(part)).await?;
                part = piece(&file, sum.octets).await?;
                sum.take(&part);
            }
            upload.complete().await?;
            anyhow::Ok(sum.done())
        };
        let sent = sent.await;
        if sent.is_err() {
            // Parts cost money until they are removed. A store that is away now keeps them: operating.md.
            let _ = upload.abort().await;
        }
        sent
    }

    async fn sum(&self, place: &Path) -> anyhow::Result<Sum> {
        let mut pieces = self.objects.get(place).await?.into_stream();
        let mut sum = Summing::default();
        while let Some(piece) = pieces.try_next().await? {
            sum.take(&piece);
        }
        Ok(sum.done())
    }
}

impl Summing {
    fn take(&mut self, piece: &[u8]) {
        self.octets += piece.len() as u64;
        self.digest.update(piece);
    }

    fn done(self) -> Sum {
        Sum {
            octets: self.octets,
            digest: self.digest.finalize().into(),
        }
    }
}

/// The environment tells what the configuration does not.
fn bucket(name: &str, settings: Vec<(String, String)>) -> anyhow::Result<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(name)
        .with_http_connector(http::Connector)
        // One is removed at a time, and not every store knows the other way.
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig {
            max_retries: 3,
            retry_timeout: RETRY,
            ..RetryConfig::default()
        });
    for (name, value) in settings {
        let key = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>();
        let key = key.with_context(|| format!("no setting of a store: {name}"))?;
        builder = builder.with_config(key, value);
    }
    Ok(builder)
}

/// The next [`PART`] octets of a file; fewer at its end.
async fn piece(file: &Arc<File>, from: u64) -> io::Result<Bytes> {
    let file = Arc::clone(file);
    off_the_runtime(move || {
        let left = file.metadata()?.len().saturating_sub(from);
        let mut piece = vec![0; left.min(PART as u64) as usize];
        file.read_exact_at(&mut piece, from)?;
        Ok(piece.into())
    })
    .await
}
