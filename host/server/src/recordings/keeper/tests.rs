mod moto;

use std::{fs::Permissions, os::unix::fs::PermissionsExt, sync::atomic::Ordering::Relaxed};

use model::{Audio, IdSource, Recording, RecordingState};
use tempfile::TempDir;

use super::*;
use crate::recordings::{
    archive::Archive,
    bucket::Bucket,
    tests::{bytes, home, recording, tenant, write},
};

/// A node with recordings that are whole.
struct Scene {
    home: TempDir,
    store: Store,
    rows: Vec<Recording>,
}

impl Scene {
    /// So many, of so many octets each.
    async fn of(count: usize, octets: usize) -> Self {
        let (home, store) = home().await;
        let mut ids = IdSource::new([9; 32], 0, 0);
        let mut rows = Vec::new();
        for _ in 0..count {
            let row = recording(&mut ids);
            let audio = Audio {
                duration_ms: 1,
                octets: octets as u64,
            };
            let ready = RecordingState::Ready(audio);
            let changes = [
                RecordingChange::Begun(row.clone()),
                RecordingChange::Ended(row.id, ready),
            ];
            admin::record(&store, changes.as_slice()).await.unwrap();
            write(home.path(), row.id, &Self::octets(octets));
            rows.push(row);
        }
        Self { home, store, rows }
    }

    fn octets(count: usize) -> Vec<u8> {
        (0..count).map(|at| (at * at / 77) as u8).collect()
    }

    fn keeper(&self, archive: Option<Archive>) -> Keeper {
        let shelf = Arc::new(Shelf::new(self.home.path(), archive));
        let settings = config::Recordings {
            keep_days: 30,
            ..config::Recordings::default()
        };
        Keeper::new(&self.store, shelf, &settings).unwrap()
    }

    /// Whose files are in the node's own folder.
    fn here(&self) -> Vec<bool> {
        let is_here = |row: &Recording| file(self.home.path(), row.id).exists();
        self.rows.iter().map(is_here).collect()
    }

    async fn waiting(&self) -> Vec<Place> {
        let rows = admin::waiting_recordings(&self.store, None).await.unwrap();
        rows.into_iter().map(|it| it.place).collect()
    }

    async fn delete(&self, row: &Recording) {
        let deleted = self.store.delete_recording(row.tenant, row.id).await;
        deleted.unwrap();
    }

    /// What is heard of one.
    async fn heard(&self, keeper: &Keeper, row: &Recording, part: std::ops::Range<u64>) -> Vec<u8> {
        let audio = keeper.shelf.audio(row.tenant, row.id, part).await;
        bytes(audio.unwrap()).await.unwrap()
    }
}

fn folder_archive(path: &Path) -> Archive {
    Archive::open(config::Archive::Folder(path.join("archive"))).unwrap()
}

fn counts(keeper: &Keeper) -> [u64; 4] {
    let it = &keeper.shelf.figures;
    [&it.archived, &it.not_archived, &it.erased, &it.not_erased].map(|it| it.load(Relaxed))
}

#[tokio::test]
async fn recordings_go_into_the_archive_are_heard_from_there_and_erased_there() {
    let bucket = Bucket::start().await;
    for is_bucket in [true, false] {
        // More than are looked at at one time.
        let scene = Scene::of(70, 5_000).await;
        let archive = if is_bucket {
            bucket.archive()
        } else {
            folder_archive(scene.home.path())
        };
        let keeper = scene.keeper(Some(archive));
        assert_eq!(keeper.look().await, Ok(true));
        assert!(scene.here().iter().all(|is_here| !is_here));
        assert_eq!(scene.waiting().await, []);
        let row = &scene.rows[69];
        let whole = scene.heard(&keeper, row, 0..5_000).await;
        assert!(whole == Scene::octets(5_000));
        let part = scene.heard(&keeper, row, 4_000..4_010).await;
        assert_eq!(part, whole[4_000..4_010]);
        scene.delete(row).await;
        assert_eq!(keeper.look().await, Ok(true));
        let gone = keeper.shelf.audio(row.tenant, row.id, 0..1).await;
        assert!(gone.is_none());
        assert_eq!(counts(&keeper), [70, 0, 1, 0]);
        assert_eq!(admin::gone_recordings(&scene.store, None).await, Ok(vec![]));
    }
    let objects = bucket.objects();
    assert_eq!(objects.all.len(), 69);
    let first = objects.all.keys().next();
    let name = first.unwrap();
    assert!(
        name.starts_with("p/ten_") && name.contains("/rec_"),
        "{name}"
    );
}

#[tokio::test]
async fn a_long_one_goes_in_parts_and_a_process_that_is_lost_meanwhile_loses_nothing() {
    const OCTETS: usize = 20 << 20;
    let (bucket, scene) = (Bucket::start().await, Scene::of(1, OCTETS).await);
    bucket.objects().stalls_at = Some(2);
    {
        let keeper = scene.keeper(Some(bucket.archive()));
        let mut look = std::pin::pin!(keeper.look());
        // Nothing of the first process goes on from here: it is as if it had been killed.
        while !bucket.objects().stalled {
            let soon = tokio::time::sleep(Duration::from_millis(5));
            tokio::select! {
                _ = &mut look => panic!("the second part was answered"),
                () = soon => {}
            }
        }
    }
    assert_eq!(
        (scene.here(), scene.waiting().await),
        (vec![true], vec![Place::Node])
    );
    assert_eq!(bucket.objects().all.len(), 0, "it is whole or not there");
    bucket.objects().stalls_at = None;
    let keeper = scene.keeper(Some(bucket.archive()));
    assert_eq!(keeper.look().await, Ok(true));
    assert_eq!((scene.here(), scene.waiting().await), (vec![false], vec![]));
    let part = scene
        .heard(&keeper, &scene.rows[0], 8_388_600..8_388_616)
        .await;
    assert_eq!(part, Scene::octets(OCTETS)[8_388_600..8_388_616]);
    assert!(
        bucket
            .objects()
            .all
            .values()
            .all(|it| *it == Scene::octets(OCTETS))
    );
    assert_eq!(
        bucket.objects().open(),
        1,
        "what the lost process had begun"
    );
}

#[tokio::test]
async fn a_process_that_is_lost_before_it_removed_its_file_removes_it_the_next_time() {
    let (bucket, scene) = (Bucket::start().await, Scene::of(1, 5_000).await);
    let both = [RecordingChange::Placed(scene.rows[0].id, Place::Both)];
    admin::record(&scene.store, both.as_slice()).await.unwrap();
    let keeper = scene.keeper(Some(bucket.archive()));
    assert_eq!(keeper.look().await, Ok(true));
    assert_eq!((scene.here(), scene.waiting().await), (vec![false], vec![]));
    assert_eq!(bucket.objects().all.len(), 0, "it was sent once");
}

#[tokio::test]
async fn what_is_kept_otherwise_than_it_was_sent_is_not_believed() {
    for octets in [5_000, 9 << 20] {
        let (bucket, scene) = (Bucket::start().await, Scene::of(1, octets).await);
        bucket.objects().spoils = true;
        let keeper = scene.keeper(Some(bucket.archive()));
        assert_eq!(keeper.look().await, Ok(false));
        assert_eq!(
            (scene.here(), scene.waiting().await),
            (vec![true], vec![Place::Node])
        );
        bucket.objects().spoils = false;
        assert_eq!(keeper.look().await, Ok(true));
        assert_eq!((scene.here(), counts(&keeper)), (vec![false], [1, 1, 0, 0]));
    }
}

#[tokio::test]
async fn a_store_that_is_away_gets_them_later_and_one_that_fails_holds_up_no_other() {
    let (bucket, scene) = (Bucket::start().await, Scene::of(66, 500).await);
    let keeper = scene.keeper(Some(bucket.archive()));
    bucket.objects().away = true;
    assert_eq!(keeper.look().await, Ok(false));
    assert_eq!(
        counts(&keeper),
        [0, 64, 0, 0],
        "the second look is not tried"
    );
    assert!(scene.here().iter().all(|is_here| *is_here));
    bucket.objects().away = false;
    std::fs::remove_file(file(scene.home.path(), scene.rows[0].id)).unwrap();
    assert_eq!(keeper.look().await, Ok(false));
    assert_eq!(counts(&keeper), [65, 65, 0, 0]);
    assert_eq!(scene.waiting().await, [Place::Node], "nobody forgets it");
}

#[tokio::test]
async fn recordings_whose_files_are_lost_hold_up_no_other_however_many_they_are() {
    let (bucket, scene) = (Bucket::start().await, Scene::of(140, 500).await);
    // Those that are looked at first.
    let mut ids: Vec<RecordingId> = scene.rows.iter().map(|row| row.id).collect();
    ids.sort_unstable_by_key(ToString::to_string);
    for id in &ids[..130] {
        fs::remove_file(file(scene.home.path(), *id)).unwrap();
    }
    let keeper = scene.keeper(Some(bucket.archive()));
    assert_eq!(keeper.look().await, Ok(false));
    assert_eq!(counts(&keeper), [10, 130, 0, 0]);
    assert_eq!(bucket.objects().all.len(), 10);
}

#[tokio::test]
async fn a_store_that_stalls_while_it_is_read_back_is_given_up_and_tried_again() {
    let (bucket, scene) = (Bucket::start().await, Scene::of(1, 5_000).await);
    bucket.objects().stalls_reading = true;
    let keeper = scene.keeper(Some(bucket.archive()));
    let mut look = Box::pin(keeper.look());
    while !bucket.objects().stalled {
        let soon = tokio::time::sleep(Duration::from_millis(5));
        tokio::select! {
            _ = &mut look => panic!("all of it was read"),
            () = soon => {}
        }
    }
    tokio::time::pause();
    let looked = tokio::time::timeout(Duration::from_secs(3_600), look).await;
    assert_eq!(looked, Ok(Ok(false)));
    tokio::time::resume();
    assert_eq!((scene.here(), counts(&keeper)), (vec![true], [0, 1, 0, 0]));
    bucket.objects().stalls_reading = false;
    assert_eq!(keeper.look().await, Ok(true));
    assert_eq!(scene.here(), [false]);
}

#[tokio::test]
async fn what_is_archived_in_a_folder_that_others_may_read_is_read_by_nobody_else() {
    let scene = Scene::of(3, 9 << 20).await;
    let folder = scene.home.path().join("archive");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let open = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let own = folder.join(scene.rows[0].tenant.to_string());
    for is_there in [false, true] {
        fs::create_dir_all(if is_there { &own } else { &folder }).unwrap();
        open(&folder, 0o755);
        if is_there {
            open(&own, 0o755);
        }
        let keeper = scene.keeper(Some(folder_archive(scene.home.path())));
        assert_eq!(keeper.look().await, Ok(true));
        assert_eq!((mode(&folder), mode(&own)), (0o755, 0o700));
        for file in fs::read_dir(&own).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        fs::remove_dir_all(&folder).unwrap();
        for row in &scene.rows {
            write(scene.home.path(), row.id, &Scene::octets(500));
            let here = [RecordingChange::Placed(row.id, Place::Node)];
            admin::record(&scene.store, here.as_slice()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_deleted_is_erased_and_what_cannot_be_is_tried_again() {
    let scene = Scene::of(70, 500).await;
    let home = scene.home.path();
    let archiving = scene.keeper(Some(folder_archive(home)));
    // One is in an archive that is configured no more; the file of another one cannot be removed.
    let archived = [RecordingChange::Placed(scene.rows[1].id, Place::Archive)];
    admin::record(&scene.store, archived.as_slice())
        .await
        .unwrap();
    let odd = file(home, scene.rows[0].id);
    fs::remove_file(&odd).unwrap();
    fs::create_dir(&odd).unwrap();
    for row in &scene.rows {
        scene.delete(row).await;
    }
    let keeper = scene.keeper(None);
    assert_eq!(keeper.look().await, Ok(false));
    assert_eq!(counts(&keeper), [0, 0, 68, 2]);
    let left = admin::gone_recordings(&scene.store, None).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|it| it.id).collect();
    assert_eq!(left, [scene.rows[0].id, scene.rows[1].id]);
    fs::remove_dir(&odd).unwrap();
    assert_eq!(archiving.look().await, Ok(true));
    assert_eq!(counts(&archiving), [0, 0, 2, 0]);
    assert!(scene.here().iter().all(|is_here| !is_here));
}

#[tokio::test]
async fn what_is_too_old_is_deleted_and_erased() {
    const DAY_MS: u64 = 86_400_000;
    let scene = Scene::of(3, 500).await;
    let keeper = scene.keeper(None);
    tenant(&scene.store, scene.rows[0].tenant).await;
    // They began in the first millisecond.
    assert!(!keeper.expire(30 * DAY_MS + 1).await);
    assert_eq!(keeper.shelf.figures.expired.load(Relaxed), 0);
    assert!(!keeper.expire(30 * DAY_MS + 2).await);
    assert_eq!(keeper.shelf.figures.expired.load(Relaxed), 3);
    assert_eq!(keeper.look().await, Ok(true));
    assert!(scene.here().iter().all(|is_here| !is_here));
}
