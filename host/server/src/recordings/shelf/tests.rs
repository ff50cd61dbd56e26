use model::IdSource;

use super::*;
use crate::recordings::tests::{bytes, write};

#[tokio::test]
async fn a_part_of_a_recording_is_read_as_it_is_taken_and_one_that_is_cut_short_is_an_error() {
    let data = tempfile::tempdir().unwrap();
    let (shelf, mut ids) = (Shelf::new(data.path(), None), IdSource::new([1; 32], 0, 0));
    let (tenant, id) = (TenantId::mint(&mut ids, 1), RecordingId::mint(&mut ids, 1));
    assert!(shelf.audio(tenant, id, 0..1).await.is_none(), "no file");
    let octets: Vec<u8> = (0..200_000_u32).map(|it| (it / 7) as u8).collect();
    write(data.path(), id, &octets);
    for part in [0..200_000_u64, 7..8, 65_535..131_073, 5..5] {
        let read = shelf.audio(tenant, id, part.clone()).await.unwrap();
        let expect = &octets[part.start as usize..part.end as usize];
        assert!(bytes(read).await.unwrap() == expect, "{part:?}");
    }
    let beyond = shelf.audio(tenant, id, 199_999..200_001).await.unwrap();
    assert!(bytes(beyond).await.is_err());
}

#[tokio::test]
async fn so_many_listen_of_one_tenant_and_so_many_in_all() {
    let data = tempfile::tempdir().unwrap();
    let (shelf, mut ids) = (Shelf::new(data.path(), None), IdSource::new([1; 32], 0, 0));
    let id = RecordingId::mint(&mut ids, 1);
    write(data.path(), id, b"RIFF");
    let mut held = Vec::new();
    for _ in 0..LISTENERS / LISTENERS_TENANT {
        let tenant = TenantId::mint(&mut ids, 1);
        for _ in 0..LISTENERS_TENANT {
            held.push(shelf.audio(tenant, id, 0..4).await.unwrap());
        }
        assert!(shelf.audio(tenant, id, 0..4).await.is_none());
    }
    let late = TenantId::mint(&mut ids, 1);
    assert!(shelf.audio(late, id, 0..4).await.is_none());
    // Who has heard all leaves its place.
    let heard = held.pop().unwrap();
    assert_eq!(bytes(heard).await.unwrap(), b"RIFF");
    assert!(shelf.audio(late, id, 0..4).await.is_some());
}
