//! Recorded turns: kept, counted, found, and gone when they are old or too many.

use model::{IdSource, SessionId, TenantId};
use store::{Page, RecordedFilter, RecordedTurn, StoreError, TenantSettings, admin, limits};

use crate::home::{Home, NOW};

fn turn(ids: &mut IdSource, tenant: TenantId, begin: u64) -> RecordedTurn {
    RecordedTurn {
        tenant,
        session: SessionId::mint(ids, begin),
        number: 0,
        plugin: "makecall".into(),
        version: 2,
        digest: "sha256:ab".into(),
        at: begin,
        body: Some("{}".into()),
        missing: 0,
    }
}

async fn put(home: &Home, turns: &[RecordedTurn]) {
    admin::record(&home.store, turns.to_vec()).await.unwrap();
}

async fn listed(home: &Home, tenant: TenantId, filter: RecordedFilter) -> Vec<SessionId> {
    let page = Page::first(limits::PAGE);
    let found = home.store.recorded_sessions(tenant, &filter, &page).await;
    let found = found.unwrap().data.into_iter();
    found.map(|session| session.session).collect()
}

#[tokio::test]
async fn turns_are_kept_in_order_and_those_without_a_body_counted() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let other = home.tenant("other", "other.example").await;
    let first = turn(&mut home.ids, acme, NOW);
    let numbered = |number, body: Option<&str>| RecordedTurn {
        number,
        version: 3,
        at: NOW + 9,
        body: body.map(str::to_owned),
        ..first.clone()
    };
    put(&home, &[first.clone(), numbered(2, Some("[22]"))]).await;
    // A turn that is written once more changes nothing but what is counted: nobody does that.
    let behind = RecordedTurn {
        missing: 2,
        ..numbered(6, None)
    };
    put(
        &home,
        &[numbered(1, Some("[1]")), numbered(3, None), behind],
    )
    .await;
    let (session, turns) = home
        .store
        .recorded_session(acme, first.session)
        .await
        .unwrap();
    assert_eq!(turns, ["{}", "[1]", "[22]"]);
    assert_eq!((session.turns, session.octets, session.lost), (3, 9, 4));
    assert_eq!((session.version, session.begin), (2, NOW));
    let what = "recorded session";
    let gone = Err(StoreError::NotFound { what });
    assert_eq!(
        home.store.recorded_session(other, first.session).await,
        gone
    );
    assert_eq!(listed(&home, other, RecordedFilter::default()).await, []);
}

#[tokio::test]
async fn sessions_are_found_by_plugin_version_and_begin() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let old = turn(&mut home.ids, acme, NOW - 1_000);
    let mut new = turn(&mut home.ids, acme, NOW);
    new.plugin = "menu".into();
    new.version = 7;
    put(&home, &[old.clone(), new.clone()]).await;
    let (old, new) = (old.session, new.session);
    let all = RecordedFilter::default;
    let plugin = Some("menu".to_owned());
    for (filter, found) in [
        (all(), vec![new, old]),
        (RecordedFilter { plugin, ..all() }, vec![new]),
        (
            RecordedFilter {
                version: Some(2),
                ..all()
            },
            vec![old],
        ),
        (
            RecordedFilter {
                since: Some(NOW),
                ..all()
            },
            vec![new],
        ),
        (
            RecordedFilter {
                session: Some(old),
                ..all()
            },
            vec![old],
        ),
    ] {
        assert_eq!(
            listed(&home, acme, filter.clone()).await,
            found,
            "{filter:?}"
        );
    }
}

#[tokio::test]
async fn what_is_too_old_goes_and_of_the_rest_the_oldest_that_are_too_many() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let kept = limits::RECORDED_KEPT.as_millis() as u64;
    let aged = turn(&mut home.ids, acme, NOW - kept - 1);
    put(&home, std::slice::from_ref(&aged)).await;
    let most = limits::RECORDED as u64;
    let many: Vec<_> = (0..most + 2)
        .map(|at| turn(&mut home.ids, acme, NOW + at))
        .collect();
    for some in many.chunks(500) {
        put(&home, some).await;
    }
    assert_eq!(admin::sweep_recorded(&home.store, NOW).await, Ok(1));
    assert_eq!(admin::sweep_recorded(&home.store, NOW).await, Ok(0));
    assert_eq!(home.store.trim_recorded(acme).await, Ok(2));
    assert_eq!(home.store.trim_recorded(acme).await, Ok(0));
    for (gone, row) in [(true, &aged), (true, &many[1]), (false, &many[2])] {
        let found = home.store.recorded_session(acme, row.session).await;
        assert_eq!(found.is_err(), gone);
    }
}

#[tokio::test]
async fn a_tenant_may_want_none() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    assert!(home.store.tenant_config(acme).await.unwrap().records_turns);
    let settings = TenantSettings {
        records_turns: false,
        ..TenantSettings::default()
    };
    home.store
        .set_tenant_settings(acme, settings)
        .await
        .unwrap();
    assert!(!home.store.tenant_config(acme).await.unwrap().records_turns);
    assert_eq!(home.store.tenant_settings(acme).await, Ok(settings));
}
