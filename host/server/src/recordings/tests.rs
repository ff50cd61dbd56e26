use std::fs;

use futures_util::TryStreamExt;
use model::{CallId, IdSource, Recording, SessionId, TenantId};
use store::Page;

use super::*;

pub(crate) fn recording(ids: &mut IdSource) -> Recording {
    Recording {
        id: RecordingId::mint(ids, 1),
        tenant: TenantId::mint(&mut IdSource::new([1; 32], 0, 0), 1),
        call: CallId::mint(ids, 1),
        session: SessionId::mint(ids, 1),
        name: "memo".into(),
        begin: 1,
        state: RecordingState::Open,
    }
}

/// All octets of a stream.
pub(super) async fn bytes(stream: api::AudioStream) -> io::Result<Vec<u8>> {
    let pieces: Vec<bytes::Bytes> = stream.0.try_collect().await?;
    Ok(pieces.concat())
}

/// Makes the file of a recording.
pub(super) fn write(data: &Path, id: RecordingId, octets: &[u8]) {
    fs::create_dir_all(folder(data)).unwrap();
    fs::write(file(data, id), octets).unwrap();
}

/// Makes that tenant.
pub(super) async fn tenant(store: &Store, id: TenantId) {
    let new = store::NewTenant {
        id,
        name: "acme".into(),
        domain: "acme.example".into(),
        key: model::KeyId::mint(&mut IdSource::new([3; 32], 0, 0), 1),
        secret: "jf_1".into(),
    };
    let component = store::NewVersion {
        digest: "sha256:0".into(),
        imports: vec![],
        exports: vec![],
        bytes: vec![],
    };
    let name = "makecall".into();
    let built_in = store::BuiltIn { name, component };
    let made = admin::create_tenant(store, &new, &built_in, 1).await;
    made.unwrap();
}

/// A data folder with a store.
pub(super) async fn home() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", home.path().join("db").display());
    let store = Store::open(&url).await.unwrap();
    (home, store)
}

#[tokio::test]
async fn recordings_that_a_lost_process_left_open_are_made_whole_and_those_without_audio_have_failed()
 {
    let (home, store) = home().await;
    assert_eq!(close_open(home.path(), &store).await.unwrap(), 0);
    let mut ids = IdSource::new([9; 32], 0, 0);
    let rows: Vec<Recording> = (0..300).map(|_| recording(&mut ids)).collect();
    for rows in rows.chunks(100) {
        let begun: Vec<_> = rows.iter().cloned().map(RecordingChange::Begun).collect();
        admin::record(&store, begun.as_slice()).await.unwrap();
    }
    // A header that promises nothing, and a second of both channels.
    let mut octets = media::wav::header(2, 8_000, 0).to_vec();
    octets.resize(44 + 32_000 + 3, 7);
    fs::write(file(home.path(), rows[0].id), &octets).unwrap();
    // A disk that was full: nothing of it, and a part of it, whose header tells that.
    fs::write(file(home.path(), rows[1].id), []).unwrap();
    octets[4..8].fill(0);
    fs::write(file(home.path(), rows[2].id), &octets).unwrap();
    assert_eq!(close_open(home.path(), &store).await.unwrap(), 300);
    let tenant = rows[0].tenant;
    let mended = store.recording(tenant, rows[0].id).await.unwrap();
    let audio = Audio {
        duration_ms: 1_000,
        octets: 44 + 32_000,
    };
    assert_eq!(mended.state, RecordingState::Ready(audio));
    for lost in [&rows[1], &rows[2], &rows[299]] {
        let lost = store.recording(tenant, lost.id).await.unwrap();
        assert_eq!(lost.state, RecordingState::Failed);
    }
    let filter = store::RecordingFilter::default();
    let page = store.recordings(tenant, &filter, &Page::first(100)).await;
    assert!(page.unwrap().has_more);
    assert_eq!(close_open(home.path(), &store).await.unwrap(), 0);
}

#[tokio::test]
async fn files_that_have_no_row_are_found() {
    let (home, store) = home().await;
    close_open(home.path(), &store).await.unwrap();
    let mut ids = IdSource::new([9; 32], 0, 0);
    let mut rows: Vec<Recording> = (0..200).map(|_| recording(&mut ids)).collect();
    for row in &rows {
        write(home.path(), row.id, b"RIFF");
    }
    fs::write(folder(home.path()).join("notes.txt"), "").unwrap();
    let strange = rows.split_off(150);
    for rows in rows.chunks(50) {
        let begun: Vec<_> = rows.iter().cloned().map(RecordingChange::Begun).collect();
        admin::record(&store, begun.as_slice()).await.unwrap();
    }
    let found = without_row(home.path(), &store).await.unwrap();
    let mut strange: Vec<_> = strange.into_iter().map(|row| row.id).collect();
    strange.sort_unstable();
    assert_eq!(found, strange);
}
