use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::{
    Binding,
    CallDirection::{Inbound, Outbound},
    FaultPolicy, Hop, IdSource, Number, NumberId, Phone, PhoneId, Target, TenantConfig, TenantId,
    Trunk, TrunkId, Via, ring_groups,
};

fn tenant(ids: &mut IdSource) -> TenantConfig {
    let number = Number {
        id: NumberId::mint(ids, 1),
        number: "2001".into(),
        plugin: "makecall".into(),
    };
    let phone = Phone {
        id: PhoneId::mint(ids, 1),
        user: "1001".into(),
        address: Some(([127, 0, 0, 1], 5071).into()),
        transport: crate::Transport::Udp,
        voice: crate::Voice::default(),
    };
    let away = Phone {
        id: PhoneId::mint(ids, 1),
        user: "1002".into(),
        address: None,
        transport: crate::Transport::Udp,
        voice: crate::Voice::default(),
    };
    let trunk = |ids: &mut IdSource, port, prefix: &str| Trunk {
        prefixes: vec![prefix.into()],
        ..Trunk::new(
            TrunkId::mint(ids, 1),
            prefix,
            std::net::SocketAddr::from(([127, 0, 0, 1], port)),
        )
    };
    TenantConfig {
        id: TenantId::mint(ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        numbers: BTreeMap::from([("2001".into(), number)]),
        trunks: vec![trunk(ids, 1, "3"), trunk(ids, 2, "300"), trunk(ids, 3, "4")],
        phones: BTreeMap::from([("1001".into(), phone), ("1002".into(), away)]),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
        default_plugin: "makecall".into(),
        prompts: BTreeMap::new(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    }
}

/// A plan with an inbound call in this phase and an outbound one in that.
pub(crate) fn plan(inbound: Phase, outbound: Phase) -> (Plan, CallId, CallId) {
    plan_of(inbound, outbound, |_| {})
}

/// The same of a tenant that differs in something.
pub(crate) fn plan_of(
    inbound: Phase,
    outbound: Phase,
    change: impl FnOnce(&mut TenantConfig),
) -> (Plan, CallId, CallId) {
    let mut ids = IdSource::new([3; 32], 0, 1);
    let call = |ids: &mut IdSource, direction, phase, from: &str, to: &str| CallView {
        id: CallId::mint(ids, 1),
        direction,
        phase,
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        user_data: String::new(),
        headers: [].into(),
        bridged: None,
        conference: None,
        operations: 0,
    };
    let a = call(
        &mut ids,
        Inbound,
        inbound,
        "sip:1001@acme.example",
        "sip:2001@acme.example",
    );
    let b = call(
        &mut ids,
        Outbound,
        outbound,
        "sip:2001@acme.example",
        "sip:3001@acme.example",
    );
    let (a_id, b_id) = (a.id, b.id);
    let session = crate::SessionId::mint(&mut ids, 1);
    let mut tenant = tenant(&mut ids);
    change(&mut tenant);
    let view = View {
        session,
        now: 1,
        calls: vec![a, b],
        calls_made: 2,
        conferences: vec![],
        gone: None,
        operations: 0,
        asked: None,
        timers: vec![],
        state: [].into(),
        tenant: Arc::new(tenant),
        plugin: "makecall".into(),
        settings: Arc::default(),
    };
    (Plan::new(view, ids), a_id, b_id)
}

pub(crate) fn dial<'a>(from: &'a str, to: &'a str) -> Dial<'a> {
    Dial {
        from,
        to,
        ..Dial::default()
    }
}

#[test]
fn what_each_phase_of_an_inbound_call_allows() {
    use CommandError::WrongState;
    let rows = [
        (Phase::Offered, Ok(()), Ok(()), Ok(())),
        (Phase::Ringing, Ok(()), Ok(()), Ok(())),
        (Phase::Answered, Err(WrongState), Err(WrongState), Ok(())),
        (
            Phase::Released,
            Err(WrongState),
            Err(WrongState),
            Err(WrongState),
        ),
    ];
    for (phase, answer, redirect, release) in rows {
        let on = |f: &dyn Fn(&mut Plan, CallId) -> Result<(), CommandError>| {
            let (mut plan, a, _) = plan(phase, Phase::Dialling);
            let result = f(&mut plan, a);
            assert_eq!(
                plan.into_commands().len(),
                usize::from(result.is_ok()),
                "{phase:?}"
            );
            result
        };
        assert_eq!(on(&|p, a| p.ring(a)), answer, "{phase:?}");
        assert_eq!(on(&|p, a| p.answer(a, "")), answer, "{phase:?}");
        assert_eq!(on(&|p, a| p.redirect(a, "sip:x@y")), redirect, "{phase:?}");
        assert_eq!(on(&|p, a| p.release(a, 603)), release, "{phase:?}");
    }
}

#[test]
fn outbound_calls_are_not_answered_by_us() {
    let (mut plan, _, b) = plan(Phase::Offered, Phase::Ringing);
    assert_eq!(plan.ring(b), Err(CommandError::WrongDirection));
    assert_eq!(plan.answer(b, ""), Err(CommandError::WrongDirection));
    assert_eq!(
        plan.redirect(b, "sip:x@y"),
        Err(CommandError::WrongDirection)
    );
    assert_eq!(plan.release(b, 487), Ok(()));
}

#[test]
fn an_answer_is_given_once() {
    let (mut plan, a, _) = plan(Phase::Offered, Phase::Dialling);
    assert_eq!(plan.answer(a, "one"), Ok(()));
    assert_eq!(plan.call(a).map(|c| c.user_data.as_str()), Some("one"));
    assert_eq!(plan.answer(a, "two"), Err(CommandError::WrongState));
    assert_eq!(plan.into_commands().len(), 1);
}

#[test]
fn a_call_has_one_bridge_and_loses_it_at_release() {
    let (mut plan, a, b) = plan(Phase::Offered, Phase::Answered);
    assert_eq!(plan.bridge_stop(a), Err(CommandError::WrongState));
    assert!(matches!(
        plan.bridge_start(a, a),
        Err(CommandError::InvalidArgument(_))
    ));
    assert_eq!(plan.bridge_start(b, a), Ok(()));
    assert_eq!(plan.bridge_start(a, b), Err(CommandError::WrongState));
    assert_eq!(plan.release(b, 200), Ok(()));
    assert_eq!(plan.call(a).and_then(|c| c.bridged), None);
    assert_eq!(plan.calls().count(), 1);
}

#[test]
fn a_call_is_constructed_where_the_tenant_may_dial() {
    let (mut plan, ..) = plan(Phase::Offered, Phase::Dialling);
    let id = plan.construct(&dial("2001", "3001")).unwrap();
    let call = plan.call(id).unwrap();
    assert_eq!(
        (call.phase, call.to.as_str()),
        (Phase::Dialling, "sip:3001@acme.example")
    );
    plan.construct(&dial("1001", "1001")).unwrap();
    let config = plan.view().tenant.clone();
    let commands = plan.into_commands();
    let hops = commands.iter().map(|command| match command {
        Command::Construct(c) => match (c.route.via, &c.route.groups[..]) {
            (Via::Trunk(id), []) => config.trunks.iter().position(|t| t.id == id).unwrap() as u16,
            (_, groups) => groups[0][0].hop.address.port(),
        },
        other => panic!("{other:?}"),
    });
    assert_eq!(
        hops.collect::<Vec<_>>(),
        [1, 5071],
        "the longest prefix; the phone's line"
    );
}

#[test]
fn a_phone_that_registered_is_called_at_its_bindings_by_preference() {
    let mut ids = IdSource::new([3; 32], 0, 1);
    let binding = |port, q, expires| Binding {
        contact: format!("sip:1002@10.0.0.1:{port}"),
        outbound: None,
        path: vec!["sip:edge.example;lr".into()],
        q,
        local: ([127, 0, 0, 1], 5060).into(),
        hop: Hop {
            transport: crate::Transport::Udp,
            address: ([192, 0, 2, 1], port).into(),
            name: None,
        },
        call_id: "a".into(),
        cseq: 1,
        renewed: u64::from(port),
        expires,
    };
    let groups = |bindings: Vec<Binding>| {
        let groups = ring_groups(&bindings, 1_000);
        let targets = || groups.iter().flatten();
        assert!(targets().all(|t| t.local.is_some() && t.path == ["sip:edge.example;lr"]));
        let port = |target: &Target| target.hop.address.port();
        let groups = groups.iter().map(|group| group.iter().map(port).collect());
        groups.collect::<Vec<Vec<u16>>>()
    };
    let live = vec![
        binding(1, 500, 2_000),
        binding(2, 1_000, 2_000),
        binding(3, 1_000, 2_000),
    ];
    assert_eq!(groups(live), [vec![3, 2], vec![1]]);
    assert!(groups(vec![binding(1, 500, 1_000)]).is_empty());
    // Who asks for the way is not told: that is known when the phone is called.
    let route = tenant(&mut ids).route(&"1002".parse().unwrap()).unwrap();
    assert_eq!((route.via, route.groups.len()), (Via::Phone, 0));
}

#[test]
fn what_may_not_be_dialled_is_named() {
    let (mut plan, ..) = plan(Phase::Offered, Phase::Dialling);
    let mut check = |from, to, expect: &str| {
        let error = plan.construct(&dial(from, to)).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{from} {to}: {error}");
    };
    check("2001", "5001", "not permitted: no trunk may dial \"5001\"");
    check("9999", "3001", "not permitted: from-uri \"9999\"");
    check("2001", "3001\r\nX: y", "invalid argument: to-uri");
    check("", "3001", "invalid argument: from-uri");
    assert!(plan.into_commands().is_empty());
}

#[test]
fn a_policy_sets_only_headers_that_it_may() {
    let (mut plan, ..) = plan(Phase::Offered, Phase::Dialling);
    let mut with = |name: &str, value: &str| {
        let headers = [(name.to_owned(), value.to_owned())];
        plan.construct(&Dial {
            headers: &headers,
            ..dial("2001", "3001")
        })
        .map(|_| ())
    };
    assert_eq!(with("X-Account", "7"), Ok(()));
    assert_eq!(with("diversion", "<sip:1@x>"), Ok(()));
    assert!(matches!(
        with("P-Asserted-Identity", "x"),
        Err(CommandError::NotPermitted(_))
    ));
    assert!(matches!(
        with("X-A", "a\r\nVia: b"),
        Err(CommandError::InvalidArgument(_))
    ));
    assert!(matches!(
        with("X A", "a"),
        Err(CommandError::InvalidArgument(_))
    ));
}

#[test]
fn limits_are_reached() {
    let (mut plan, a, _) = plan(Phase::Offered, Phase::Dialling);
    for _ in 2..crate::limits::SESSION_CALLS {
        plan.construct(&dial("2001", "3001")).unwrap();
    }
    let full = plan.construct(&dial("2001", "3001"));
    assert!(matches!(full, Err(CommandError::LimitExceeded(_))));
    for n in 0..crate::limits::SESSION_TIMERS {
        plan.timer_start(&format!("t{n}"), 1).unwrap();
    }
    assert_eq!(plan.timer_start("t0", 5), Ok(()), "anew");
    assert!(matches!(
        plan.timer_start("more", 1),
        Err(CommandError::LimitExceeded(_))
    ));
    plan.timer_stop("t0");
    assert_eq!(plan.timer_start("more", 1), Ok(()));
    let long = "x".repeat(crate::limits::USER_DATA + 1);
    assert!(matches!(
        plan.set_user_data(a, &long),
        Err(CommandError::InvalidArgument(_))
    ));
    assert!(matches!(
        plan.timer_start("", 1),
        Err(CommandError::InvalidArgument(_))
    ));
    assert!(matches!(
        plan.timer_start("d", 86_400_001),
        Err(CommandError::InvalidArgument(_))
    ));
}

#[test]
fn a_session_that_redials_for_ever_is_stopped() {
    let (mut plan, ..) = plan(Phase::Offered, Phase::Dialling);
    for _ in 2..crate::limits::SESSION_CALLS_EVER {
        let call = plan.construct(&dial("2001", "3001")).unwrap();
        plan.release(call, 487).unwrap();
    }
    let more = plan.construct(&dial("2001", "3001"));
    assert!(matches!(more, Err(CommandError::LimitExceeded(_))));
}

#[test]
fn a_random_number_more_or_less_changes_no_id() {
    let ids = |draws: usize| {
        let (mut plan, ..) = plan_of(Phase::Answered, Phase::Released, |_| {});
        let drawn: Vec<u64> = (0..draws).map(|_| plan.random()).collect();
        let call = plan.construct(&dial("2001", "3001")).unwrap();
        (
            drawn,
            plan.random(),
            call,
            plan.conference("monday").unwrap(),
        )
    };
    let (none, first, call, conference) = ids(0);
    let (drawn, third, ..) = ids(2);
    assert_eq!(ids(2).2, call);
    assert_eq!(ids(2).3, conference);
    assert_eq!((none.len(), drawn[0]), (0, first), "the same numbers again");
    assert!(drawn[1] != first && third != first && third != drawn[1]);
}
