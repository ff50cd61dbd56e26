use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use api::AudioRefused;
use bytes::Bytes;
use model::{IdSource, TenantId};

use super::{Figures, GRACE, MEMORY, Prompts};
use crate::clock;

static CHIRP: &[u8] = include_bytes!("../../../../tests/corpus/audio/chirp.flac");
static OTHER: &[u8] = include_bytes!("../../../../tests/corpus/audio/chirp-alaw.wav");

fn tenants() -> [TenantId; 2] {
    let mut ids = IdSource::new([4; 32], 0, 0);
    std::array::from_fn(|_| TenantId::mint(&mut ids, 1))
}

async fn keep(prompts: &Prompts, tenant: TenantId, file: &'static [u8]) -> String {
    let kept = prompts.keep(tenant, Bytes::from_static(file)).await;
    kept.unwrap().digest
}

/// Makes every file of a tenant older than any that is left alone.
fn age(data: &Path, tenant: TenantId) {
    let then = Duration::from_millis(clock::unix_ms()).saturating_sub(2 * GRACE);
    for file in data
        .join("prompts")
        .join(tenant.to_string())
        .read_dir()
        .unwrap()
    {
        let file = std::fs::File::options()
            .append(true)
            .open(file.unwrap().path());
        file.unwrap()
            .set_modified(std::time::UNIX_EPOCH + then)
            .unwrap();
    }
}

#[tokio::test]
async fn an_upload_is_decoded_kept_and_played_from_memory() {
    let data = tempfile::tempdir().unwrap();
    let (prompts, [tenant, other]) = (Prompts::new(data.path(), MEMORY), tenants());
    let kept = prompts
        .keep(tenant, Bytes::from_static(CHIRP))
        .await
        .unwrap();
    assert_eq!((kept.duration_ms, kept.octets), (2_000, 64_044));
    let file = prompts.file(tenant, &kept.digest).await.unwrap();
    assert_eq!(file.len() as u64, kept.octets);
    let digests = vec![Arc::from(kept.digest.as_str())];
    assert!(prompts.get_all(&digests).is_none());
    let found = prompts.load_all(tenant, digests.clone()).await.unwrap();
    let prompt = &found[&digests[0]];
    assert_eq!(prompt.duration(), Duration::from_secs(2));
    for again in [
        prompts.get_all(&digests),
        prompts.load_all(tenant, digests.clone()).await,
    ] {
        assert!(Arc::ptr_eq(prompt, &again.unwrap()[&digests[0]]));
    }
    assert!(prompts.file(other, &kept.digest).await.is_none());
    let figures = Figures {
        octets: prompt.octets(),
        loads: 1,
        ..Figures::default()
    };
    assert_eq!(prompts.figures(), figures);
}

#[tokio::test]
async fn what_is_no_audio_leaves_no_file() {
    let data = tempfile::tempdir().unwrap();
    let (prompts, [tenant, _]) = (Prompts::new(data.path(), MEMORY), tenants());
    let refused = prompts.keep(tenant, Bytes::from_static(b"#!/bin/sh")).await;
    let why = "the file is no WAV, FLAC, MP3 or Ogg Vorbis".into();
    assert_eq!(refused, Err(AudioRefused::File(why)));
    assert!(!data.path().join("prompts").exists());
}

#[tokio::test]
async fn a_disk_that_takes_no_file_is_not_the_files_fault() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("prompts"), "no folder").unwrap();
    let (prompts, [tenant, _]) = (Prompts::new(data.path(), MEMORY), tenants());
    let refused = prompts.keep(tenant, Bytes::from_static(CHIRP)).await;
    assert_eq!(refused, Err(AudioRefused::Node));
}

#[tokio::test]
async fn a_file_that_is_gone_is_counted_and_played_by_nobody() {
    let data = tempfile::tempdir().unwrap();
    let (prompts, [tenant, _]) = (Prompts::new(data.path(), MEMORY), tenants());
    let digest = keep(&prompts, tenant, CHIRP).await;
    std::fs::remove_dir_all(data.path().join("prompts")).unwrap();
    for digest in [digest.as_str(), "sha256:../../x"] {
        let found = prompts.load_all(tenant, vec![digest.into()]).await;
        assert!(found.is_none());
    }
    assert_eq!(prompts.figures().failures, 2);
}

#[tokio::test]
async fn files_that_no_row_names_are_swept_when_they_are_old() {
    let data = tempfile::tempdir().unwrap();
    let (prompts, [tenant, other]) = (Prompts::new(data.path(), MEMORY), tenants());
    let (named, unnamed) = (
        keep(&prompts, tenant, CHIRP).await,
        keep(&prompts, tenant, OTHER).await,
    );
    keep(&prompts, other, CHIRP).await;
    let rows = BTreeSet::from([(tenant, named.clone())]);
    let sweep = async || {
        let swept = prompts.sweep(async || Ok::<_, ()>(rows.clone())).await;
        swept.unwrap();
    };
    // Their rows may be about to be written.
    sweep().await;
    assert!(prompts.file(tenant, &unnamed).await.is_some());
    age(data.path(), tenant);
    sweep().await;
    assert!(prompts.file(tenant, &unnamed).await.is_none());
    assert!(prompts.file(tenant, &named).await.is_some());
    assert!(prompts.file(other, &named).await.is_some());

    // Nothing was left over, and nothing changed: the rows are not asked for.
    age(data.path(), other);
    sweep().await;
    let asked = prompts.sweep(async || Err("asked")).await;
    assert_eq!(asked, Ok(()));
    prompts.changed();
    let asked = prompts.sweep(async || Err("asked")).await;
    assert_eq!(asked, Err("asked"));
}
