//! Rows of recordings.

use model::{Audio, CallId, IdSource, Recording, RecordingId, RecordingState, SessionId, TenantId};
use store::{
    Page, Place, Placed, RecordingChange, RecordingFilter, StoreError, TenantSettings, admin,
    limits,
};

use crate::home::{Home, NOW};

const READY: RecordingState = RecordingState::Ready(Audio {
    duration_ms: 9_000,
    octets: 288_044,
});

fn recording(ids: &mut IdSource, tenant: TenantId, begin: u64) -> Recording {
    Recording {
        id: RecordingId::mint(ids, begin),
        tenant,
        call: CallId::mint(ids, begin),
        session: SessionId::mint(ids, begin),
        name: "memo".into(),
        begin,
        state: RecordingState::Open,
    }
}

async fn put(home: &Home, changes: &[RecordingChange]) {
    admin::record(&home.store, changes).await.unwrap();
}

#[tokio::test]
async fn a_recording_is_open_until_its_file_is_whole() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let one = recording(&mut home.ids, acme, NOW);
    put(&home, &[RecordingChange::Begun(one.clone())]).await;
    assert_eq!(home.store.recording(acme, one.id).await, Ok(one.clone()));
    assert_eq!(admin::open_recordings(&home.store).await, Ok(vec![one.id]));
    let open = home.store.delete_recording(acme, one.id).await;
    assert!(
        matches!(open, Err(StoreError::Conflict { .. })),
        "not while it is written"
    );
    put(&home, &[RecordingChange::Ended(one.id, READY)]).await;
    let whole = Recording {
        state: READY,
        ..one.clone()
    };
    assert_eq!(home.store.recording(acme, one.id).await, Ok(whole));
    assert_eq!(admin::open_recordings(&home.store).await, Ok(vec![]));
    assert_eq!(home.store.delete_recording(acme, one.id).await, Ok(()));
    let gone = Err(StoreError::NotFound { what: "recording" });
    assert_eq!(home.store.recording(acme, one.id).await, gone);
}

#[tokio::test]
async fn a_deleted_recording_is_gone_for_all_but_who_erases_it() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let one = recording(&mut home.ids, acme, NOW);
    put(&home, &[RecordingChange::Begun(one.clone())]).await;
    put(&home, &[RecordingChange::Ended(one.id, READY)]).await;
    let gone = Err(StoreError::NotFound { what: "recording" });
    assert_eq!(home.store.delete_recording(evil, one.id).await, gone);
    assert_eq!(home.store.delete_recording(acme, one.id).await, Ok(()));
    assert_eq!(home.store.delete_recording(acme, one.id).await, gone);
    let every = RecordingFilter::default();
    let listed = home.store.recordings(acme, &every, &Page::first(9)).await;
    assert_eq!(listed.unwrap().data, []);
    // A late word about its file does not bring it back.
    put(&home, &[RecordingChange::Ended(one.id, READY)]).await;
    let left = admin::gone_recordings(&home.store, None).await;
    let placed = |place| Placed {
        tenant: acme,
        id: one.id,
        place,
    };
    assert_eq!(left, Ok(vec![placed(Place::Node)]));
    // Whoever archives it meanwhile tells where it is all the same.
    put(&home, &[RecordingChange::Placed(one.id, Place::Both)]).await;
    let left = admin::gone_recordings(&home.store, None).await;
    assert_eq!(left, Ok(vec![placed(Place::Both)]));
    let behind = admin::gone_recordings(&home.store, Some(one.id)).await;
    assert_eq!(behind, Ok(vec![]));
    put(&home, &[RecordingChange::Erased(one.id)]).await;
    assert_eq!(admin::gone_recordings(&home.store, None).await, Ok(vec![]));
}

#[tokio::test]
async fn lists_are_newest_first_and_know_call_session_name_state_and_time() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let mut all: Vec<Recording> = (0..4)
        .map(|n| recording(&mut home.ids, acme, NOW + n * 1_000))
        .collect();
    all[3].call = all[0].call;
    all[2].session = all[1].session;
    all[1].name = "other".into();
    let changes: Vec<_> = all.iter().cloned().map(RecordingChange::Begun).collect();
    put(&home, &changes).await;
    let list = async |filter: RecordingFilter, page| {
        let found = home.store.recordings(acme, &filter, &page).await.unwrap();
        let places = found
            .data
            .iter()
            .map(|it| all.iter().position(|all| all == it).unwrap());
        (places.collect::<Vec<_>>(), found.has_more)
    };
    let every = RecordingFilter::default;
    assert_eq!(list(every(), Page::first(3)).await, (vec![3, 2, 1], true));
    let rest = Page {
        limit: 3,
        after: Some(all[1].id),
    };
    assert_eq!(list(every(), rest).await, (vec![0], false));
    let of_call = RecordingFilter {
        call: Some(all[0].call),
        ..every()
    };
    assert_eq!(list(of_call, Page::first(9)).await.0, [3, 0]);
    let of_session = RecordingFilter {
        session: Some(all[1].session),
        ..every()
    };
    assert_eq!(list(of_session, Page::first(9)).await.0, [2, 1]);
    let named = RecordingFilter {
        name: Some("other".into()),
        ..every()
    };
    assert_eq!(list(named, Page::first(9)).await.0, [1]);
    let between = RecordingFilter {
        from: Some(NOW + 1_000),
        to: Some(NOW + 3_000),
        ..every()
    };
    assert_eq!(list(between, Page::first(9)).await.0, [2, 1]);
    for (state, found) in [("open", vec![3, 2, 1, 0]), ("ready", vec![])] {
        let state = RecordingFilter {
            state: Some(state.into()),
            ..every()
        };
        assert_eq!(list(state, Page::first(9)).await.0, found);
    }
    let foreign = home.store.recordings(evil, &every(), &Page::first(9)).await;
    assert_eq!(foreign.unwrap().data, []);
    assert!(home.store.recording(evil, all[0].id).await.is_err());
}

#[tokio::test]
async fn a_whole_recording_waits_until_it_is_in_the_archive_alone() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let [one, two] = [0, 1].map(|n| recording(&mut home.ids, acme, NOW + n));
    for it in [&one, &two] {
        put(&home, &[RecordingChange::Begun(it.clone())]).await;
    }
    let waiting = async |after| {
        let rows = admin::waiting_recordings(&home.store, after).await.unwrap();
        let rows = rows.into_iter().map(|it| (it.id, it.place));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(waiting(None).await, [], "they are open");
    for it in [&one, &two] {
        put(&home, &[RecordingChange::Ended(it.id, READY)]).await;
    }
    let both = [(one.id, Place::Node), (two.id, Place::Node)];
    assert_eq!(waiting(None).await, both);
    assert_eq!(waiting(Some(one.id)).await, both[1..]);
    put(&home, &[RecordingChange::Placed(one.id, Place::Both)]).await;
    assert_eq!(waiting(None).await[0], (one.id, Place::Both));
    put(&home, &[RecordingChange::Placed(one.id, Place::Archive)]).await;
    assert_eq!(waiting(None).await, both[1..]);
}

#[tokio::test]
async fn what_is_older_than_its_tenant_or_the_node_keeps_it_is_deleted_some_at_a_time() {
    const DAY_MS: u64 = 86_400_000;
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let short = home.tenant("short", "short.example").await;
    let settings = TenantSettings {
        recordings_days: Some(2),
        ..TenantSettings::default()
    };
    let set = home.store.set_tenant_settings(short, settings).await;
    assert_eq!(set, Ok(()));
    for tenant in [acme, short] {
        for days in 0..5 {
            let old = recording(&mut home.ids, tenant, NOW - days * DAY_MS);
            put(&home, &[RecordingChange::Begun(old.clone())]).await;
            put(&home, &[RecordingChange::Ended(old.id, READY)]).await;
        }
        // It has been written for a long time, and is no matter of age.
        let open = recording(&mut home.ids, tenant, NOW - 9 * DAY_MS);
        put(&home, &[RecordingChange::Begun(open)]).await;
    }
    let left = async |tenant| {
        let every = RecordingFilter::default();
        let page = Page::first(100);
        let listed = home.store.recordings(tenant, &every, &page).await;
        listed.unwrap().data.len()
    };
    let sweep = async |most_days| {
        let swept = admin::expire_recordings(&home.store, NOW, most_days).await;
        let swept = swept.unwrap();
        (swept.recordings, swept.has_more)
    };
    // What began two days ago to the millisecond is kept.
    assert_eq!(sweep(None).await, (2, false));
    assert_eq!((left(acme).await, left(short).await), (6, 4));
    assert_eq!(sweep(Some(3)).await, (1, false));
    assert_eq!((left(acme).await, left(short).await), (5, 4));
    assert_eq!(
        sweep(Some(1)).await,
        (3, false),
        "the node has less than the tenant"
    );
    assert_eq!((left(acme).await, left(short).await), (3, 3));
    for _ in 0..6 {
        let begun: Vec<_> = (0..100)
            .flat_map(|_| {
                let old = recording(&mut home.ids, acme, NOW - 9 * DAY_MS);
                let id = old.id;
                [
                    RecordingChange::Begun(old),
                    RecordingChange::Ended(id, READY),
                ]
            })
            .collect();
        put(&home, &begun).await;
    }
    assert_eq!(
        sweep(Some(3)).await,
        (limits::RECORDINGS_EXPIRED as u64, true)
    );
    assert_eq!(sweep(Some(3)).await, (100, false));
}
