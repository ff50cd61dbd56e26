//! Records of calls and traces of sessions.

use model::{
    CallDirection, CallId, Cdr, EndReason, Lane, ReleasedBy, SessionId, TenantId, Trace, TraceItem,
    turn::Usage,
};
use store::{CdrFilter, Page, StoreError, admin};

use crate::home::{Home, NOW};

fn an_open_cdr(home: &mut Home, tenant: TenantId, begin: u64) -> Cdr {
    Cdr {
        call: CallId::mint(&mut home.ids, begin),
        session: SessionId::mint(&mut home.ids, begin),
        tenant,
        direction: CallDirection::Inbound,
        from: "sip:1001@acme.example".parse().unwrap(),
        to: "sip:2001@acme.example".parse().unwrap(),
        begin,
        answer: None,
        end: None,
        dropped_by: None,
        cause: None,
        end_reason: None,
        user_data: String::new(),
        number: "2001".into(),
        plugin: "makecall".into(),
        version: 1,
        codec: None,
        packets_received: 0,
        packets_sent: 0,
        packets_lost: 0,
        quality: model::Quality::default(),
        usage: Usage::default(),
    }
}

fn ended(mut cdr: Cdr) -> Cdr {
    cdr.answer = Some(cdr.begin + 2_000);
    cdr.end = Some(cdr.begin + 9_000);
    cdr.dropped_by = Some(ReleasedBy::User);
    cdr.cause = Some(200);
    cdr.end_reason = Some(EndReason::Released);
    cdr.user_data = "req_1".into();
    cdr.codec = Some("PCMA".into());
    (cdr.packets_received, cdr.packets_sent, cdr.packets_lost) = (350, 349, 1);
    cdr.quality = model::Quality {
        jitter_us: Some(1_500),
        remote_lost: Some(2),
        remote_jitter_us: None,
        rtt_us: Some(40_250),
        mos: Some(438),
    };
    cdr.usage = Usage {
        turns: 4,
        guest_us: 120,
        host_calls: 9,
        memory: 1_179_648,
        faults: 1,
    };
    cdr
}

#[tokio::test]
async fn a_record_is_written_whole_at_each_change() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let open = an_open_cdr(&mut home, acme, NOW);
    admin::record(&home.store, std::slice::from_ref(&open))
        .await
        .unwrap();
    assert_eq!(home.store.cdr(acme, open.call).await, Ok(open.clone()));
    let done = ended(open);
    admin::record(&home.store, std::slice::from_ref(&done))
        .await
        .unwrap();
    assert_eq!(home.store.cdr(acme, done.call).await, Ok(done));
}

#[tokio::test]
async fn a_record_changes_none_of_another_tenant() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let cdr = an_open_cdr(&mut home, acme, NOW);
    let mut stolen = ended(cdr.clone());
    stolen.tenant = evil;
    admin::record(&home.store, [cdr.clone(), stolen.clone()].as_slice())
        .await
        .unwrap();
    assert_eq!(home.store.cdr(acme, cdr.call).await, Ok(cdr));
    assert_eq!(home.store.cdr(evil, stolen.call).await, Ok(stolen));
}

#[tokio::test]
async fn what_the_last_run_left_open_ends_as_node_lost() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let mut open = an_open_cdr(&mut home, acme, NOW);
    open.answer = Some(NOW + 5);
    let done = ended(an_open_cdr(&mut home, acme, NOW));
    admin::record(&home.store, [open.clone(), done.clone()].as_slice())
        .await
        .unwrap();

    let home = home.reopen().await;
    assert_eq!(admin::close_open_cdrs(&home.store).await, Ok(1));
    assert_eq!(admin::close_open_cdrs(&home.store).await, Ok(0));
    // Nobody saw the end: neither its time nor its cause is made up.
    open.end_reason = Some(EndReason::NodeLost);
    assert_eq!(home.store.cdr(acme, open.call).await, Ok(open));
    assert_eq!(home.store.cdr(acme, done.call).await, Ok(done));
}

#[tokio::test]
async fn records_are_listed_newest_first_and_in_pages() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let cdrs: Vec<Cdr> = (0..7)
        .map(|n| an_open_cdr(&mut home, acme, NOW + n))
        .collect();
    admin::record(&home.store, cdrs.as_slice()).await.unwrap();
    let mut seen = Vec::new();
    let mut page = Page::first(3);
    let mut sizes = Vec::new();
    loop {
        let listed = home
            .store
            .cdrs(acme, &CdrFilter::default(), &page)
            .await
            .unwrap();
        sizes.push(listed.data.len());
        page.after = listed.data.last().map(|cdr| cdr.call);
        seen.extend(listed.data.into_iter().map(|cdr| cdr.begin - NOW));
        if !listed.has_more {
            break;
        }
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(sizes, [3, 3, 1]);
}

#[tokio::test]
async fn every_filter_narrows() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let mut a = an_open_cdr(&mut home, acme, NOW);
    a.user_data = "' OR 1=1 --".into();
    let mut b = an_open_cdr(&mut home, acme, NOW + 1_000);
    b.number = "2002".into();
    let foreign = an_open_cdr(&mut home, evil, NOW);
    admin::record(&home.store, [a.clone(), b.clone(), foreign].as_slice())
        .await
        .unwrap();

    let store = &home.store;
    let check = async |filter: CdrFilter, expect: &[&Cdr]| {
        let found = store
            .cdrs(acme, &filter, &Page::first(10))
            .await
            .unwrap()
            .data;
        assert_eq!(found.iter().collect::<Vec<_>>(), expect, "{filter:?}");
    };
    let all = CdrFilter::default;
    check(all(), &[&b, &a]).await;
    check(
        CdrFilter {
            call: Some(a.call),
            ..all()
        },
        &[&a],
    )
    .await;
    check(
        CdrFilter {
            session: Some(b.session),
            ..all()
        },
        &[&b],
    )
    .await;
    check(
        CdrFilter {
            user_data: Some(a.user_data.clone()),
            ..all()
        },
        &[&a],
    )
    .await;
    check(
        CdrFilter {
            number: Some("2002".into()),
            ..all()
        },
        &[&b],
    )
    .await;
    check(
        CdrFilter {
            from: Some(NOW + 1),
            ..all()
        },
        &[&b],
    )
    .await;
    check(
        CdrFilter {
            to: Some(NOW + 1_000),
            ..all()
        },
        &[&a],
    )
    .await;
    let both = CdrFilter {
        call: Some(a.call),
        number: Some("2002".into()),
        ..all()
    };
    check(both, &[]).await;
}

#[tokio::test]
async fn a_trace_is_found_by_its_session_and_by_each_call() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let session = SessionId::mint(&mut home.ids, NOW);
    let [one, two] = [(); 2].map(|()| CallId::mint(&mut home.ids, NOW));
    let mut trace = Trace::new(session, acme, NOW);
    for (call, label) in [(one, "1001"), (two, "3001")] {
        trace.lanes.push(Lane {
            call,
            label: label.into(),
        });
    }
    let (sent, sdp) = (true, false);
    trace.push(
        1,
        TraceItem::Sip {
            call: one,
            sent,
            line: "INVITE 2001".into(),
            sdp,
        },
    );
    let decisions = vec!["construct 2001 → 3001".into()];
    let event = "on_incoming".to_owned();
    trace.push(
        2,
        TraceItem::Turn {
            event: event.clone(),
            call: Some(one),
            decisions,
        },
    );
    trace.push(
        3,
        TraceItem::Turn {
            event,
            call: None,
            decisions: vec![],
        },
    );
    trace.push(
        4,
        TraceItem::Media {
            call: two,
            what: "opened".into(),
        },
    );
    trace.push(
        5,
        TraceItem::Note {
            what: "a limit".into(),
        },
    );
    trace.dropped = 2;
    admin::record(&home.store, std::slice::from_ref(&trace))
        .await
        .unwrap();
    admin::record(&home.store, std::slice::from_ref(&trace))
        .await
        .unwrap();

    assert_eq!(
        home.store.trace_of_session(acme, session).await,
        Ok(trace.clone())
    );
    for call in [one, two] {
        assert_eq!(
            home.store.trace_of_call(acme, call).await,
            Ok(trace.clone())
        );
    }
    let missing = Err(StoreError::NotFound { what: "trace" });
    assert_eq!(home.store.trace_of_session(evil, session).await, missing);
    assert_eq!(home.store.trace_of_call(evil, one).await, missing);
}
