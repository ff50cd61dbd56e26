//! Trunks that register with their carriers, which a test speaks for: RFC 3261 §10.2 as the client.

mod carrier;

use std::{net::SocketAddr, time::Duration};

use carrier::{Asked, CHALLENGE, Carrier, granted, proven};
use control::{Named, phone::Input};
use expect_test::{ExpectFile, expect_file};
use model::{Answer, Ask, Login, Peer, Register, TenantConfig, TrunkId, TrunkStatus};
use sim::{
    Deed, Link, Options, Random, World, count_errors, forks, forks::rings, script::Scripts, town,
};
use sip::locate::Place;

const SECOND: Duration = Duration::from_secs(1);
const FIRST: &str = "3001";
const OTHER: &str = "3001-2";
/// A tenant whose trunk to 3001 registers for ten minutes, at its gateways; it has two.
fn acme() -> TenantConfig {
    let acme = town::tenant("acme", 1, "makecall");
    let mut acme = town::with_gateways(acme, 1, &[(10, 1)]);
    acme.trunks[0].register = Some(Register {
        login: Login {
            user: "us".to_owned(),
            password: "secret".to_owned(),
        },
        registrar: None,
        expires: 600,
    });
    acme
}

/// Plays a scene in the world of such a tenant; nothing may be left, and no rule broken.
fn play(acme: TenantConfig, scene: impl FnOnce(&mut World, &mut Carrier)) -> (World, Carrier) {
    play_in(Options::calm(), acme, scene)
}

fn play_in(
    options: Options,
    acme: TenantConfig,
    scene: impl FnOnce(&mut World, &mut Carrier),
) -> (World, Carrier) {
    let (played, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(acme);
        let mut carrier = Carrier::of(&mut world, &[FIRST, OTHER]);
        scene(&mut world, &mut carrier);
        // Registrations have no end but that of their trunk.
        world.at(Duration::ZERO, Deed::Forget(0));
        carrier.answers(&mut world, 5, |_| Some(granted(0)));
        world.run_to_rest();
        (world, carrier)
    });
    let world = &played.0;
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    played
}

fn check(ladder: ExpectFile, scene: impl FnOnce(&mut World, &mut Carrier)) {
    let (_, carrier) = play(acme(), scene);
    ladder.assert_eq(&carrier.ladder);
}

fn status(world: &mut World) -> TrunkStatus {
    let trunk: TrunkId = world.tenant(0).trunks[0].id;
    match world.answer(0, Ask::Trunk(trunk)) {
        Answer::Trunk(status) => status,
        other => panic!("{other:?}"),
    }
}

/// Until when it is registered, in seconds from now, and the status of its last failure.
fn registration(world: &mut World) -> (Option<u64>, Option<u16>) {
    let status = status(world).registration.expect("it registers");
    let left = |until: u64| until.saturating_sub(world.unix_ms()).div_ceil(1_000);
    (
        status.until.map(left),
        status.failure.map(|failure| failure.status),
    )
}

#[test]
fn a_trunk_registers_by_digest_and_again_at_half_of_its_time() {
    check(expect_file!["ladders/enrol.txt"], |world, carrier| {
        assert_eq!(registration(world), (None, None));
        carrier.answers(world, 5, proven(granted(600)));
        let (left, failure) = registration(world);
        assert!(
            left.is_some_and(|left| (590..=600).contains(&left)),
            "{left:?}"
        );
        assert_eq!(failure, None);
        carrier.answers(world, 400, proven(granted(600)));
        assert_eq!(carrier.count(), 4);
    });
}

#[test]
fn all_of_its_registers_are_told_apart_and_belong_together() {
    play(acme(), |world, carrier| {
        carrier.answers(world, 2_000, proven(granted(600)));
        let header = |text: &String, name: &str| {
            let name = format!("{name}: ");
            let found = text.lines().find_map(|line| line.strip_prefix(&name));
            found.unwrap_or_default().to_owned()
        };
        let all = &carrier.registers;
        assert!(all.len() > 10, "{}", all.len());
        let id = header(&all[0], "Call-ID");
        assert!(all.iter().all(|it| header(it, "Call-ID") == id));
        let number = |it| header(it, "CSeq").trim_end_matches(" REGISTER").parse();
        let numbers: Vec<u32> = all.iter().map(|it| number(it).unwrap()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    });
}

#[test]
fn what_is_granted_is_what_its_own_contact_says() {
    play(acme(), |world, carrier| {
        let ours = |asked: &Asked<'_>| {
            let contact = asked
                .text
                .lines()
                .find(|line| line.starts_with("Contact: "));
            let contact = contact.unwrap_or_default();
            let others = "Contact: <sip:other@192.0.2.1>;expires=3000";
            Some(format!(
                "200 OK\r\nExpires: 3600\r\n{others}\r\n{contact};expires=120"
            ))
        };
        carrier.answers(world, 5, ours);
        let (left, _) = registration(world);
        assert!(
            left.is_some_and(|left| (110..=120).contains(&left)),
            "{left:?}"
        );
    });
}

#[test]
fn a_nonce_that_is_too_old_is_answered_once_more_and_a_third_challenge_is_a_refusal() {
    check(expect_file!["ladders/enrol-stale.txt"], |world, carrier| {
        let stale = CHALLENGE.replace("qop", "stale=true,qop");
        carrier.answers(world, 800, proven(stale.clone()));
        assert_eq!(carrier.count(), 3, "and no more in a quarter of an hour");
        assert_eq!(registration(world), (None, Some(401)));
    });
}

#[test]
fn who_refuses_it_is_not_asked_again_for_a_quarter_of_an_hour() {
    check(
        expect_file!["ladders/enrol-refused.txt"],
        |world, carrier| {
            carrier.answers(world, 890, proven("403 Not You"));
            assert_eq!(carrier.count(), 2);
            assert_eq!(registration(world), (None, Some(403)));
            // Each time it proves itself once.
            carrier.answers(world, 2_700, proven("403 Not You"));
            assert!((4..=8).contains(&carrier.count()), "{}", carrier.count());
        },
    );
}

#[test]
fn an_interval_too_brief_is_asked_for_as_its_registrar_wants() {
    check(expect_file!["ladders/enrol-brief.txt"], |world, carrier| {
        let brief = |asked: &Asked<'_>| {
            Some(if asked.text.contains("\r\nExpires: 600\r\n") {
                "423 Interval Too Brief\r\nMin-Expires: 1800".to_owned()
            } else {
                granted(1_800)
            })
        };
        carrier.answers(world, 1_200, brief);
        assert_eq!(carrier.last("Expires"), "1800");
        assert_eq!(carrier.count(), 3);
    });
}

#[test]
fn a_registrar_that_is_silent_is_followed_by_the_next_which_is_kept() {
    check(
        expect_file!["ladders/enrol-silent.txt"],
        |world, carrier| {
            let other = |asked: &Asked<'_>| (asked.at == OTHER).then(|| granted(600));
            carrier.answers(world, 500, other);
            assert!(registration(world).0.is_some());
        },
    );
}

#[test]
fn when_none_takes_it_it_waits_longer_each_time() {
    let (world, carrier) = play(acme(), |world, carrier| {
        carrier.answers(world, 900, |_| Some("503 Later".to_owned()));
        assert_eq!(registration(world), (None, Some(503)));
        let rounds = carrier.count() / 2;
        assert!((4..=6).contains(&rounds), "{rounds}");
        carrier.answers(world, 900, proven(granted(600)));
        assert!(registration(world).0.is_some());
    });
    expect_file!["ladders/enrol-back-off.txt"].assert_eq(&carrier.ladder);
    let enrolled = world.enrolled();
    let counted = |status| {
        enrolled
            .iter()
            .filter_map(|it| it.answers.get(&status))
            .sum::<u64>()
    };
    assert!(counted(503) >= 8 && counted(200) >= 1, "{enrolled:?}");
}

#[test]
fn a_node_that_drains_ends_its_registration_and_registers_no_more() {
    check(expect_file!["ladders/enrol-drain.txt"], |world, carrier| {
        carrier.answers(world, 10, proven(granted(600)));
        world.at(Duration::ZERO, Deed::Drain);
        carrier.answers(world, 5, proven(granted(0)));
        assert_eq!(carrier.last("Expires"), "0");
        assert_eq!(world.leaving(), 0);
        carrier.answers(world, 1_000, proven(granted(600)));
        assert_eq!(carrier.count(), 4);
    });
}

#[test]
fn a_node_that_drains_waits_four_seconds_for_a_silent_registrar() {
    play(acme(), |world, carrier| {
        carrier.answers(world, 10, proven(granted(600)));
        world.at(Duration::ZERO, Deed::Drain);
        world.run_for(Duration::from_millis(3_900));
        assert_eq!(world.leaving(), 1);
        world.run_for(Duration::from_millis(200));
        assert_eq!(world.leaving(), 0);
    });
}

#[test]
fn a_trunk_that_registers_as_somebody_else_leaves_first() {
    check(
        expect_file!["ladders/enrol-changed.txt"],
        |world, carrier| {
            carrier.answers(world, 10, |_| Some(granted(600)));
            let mut acme = TenantConfig::clone(world.tenant(0));
            let register = acme.trunks[0].register.as_mut().unwrap();
            register.login.user = "them".to_owned();
            world.change_tenant(0, acme.clone());
            carrier.answers(world, 10, |asked| {
                Some(granted(if asked.text.contains("\r\nExpires: 0\r\n") {
                    0
                } else {
                    600
                }))
            });
            assert!(carrier.last("To").contains("them@"));
            assert_eq!(carrier.count(), 3);
            // What does not concern it changes nothing.
            acme.trunks[0].prefixes.push("4".to_owned());
            world.change_tenant(0, acme);
            carrier.answers(world, 60, |_| None);
            assert_eq!(carrier.count(), 3);
        },
    );
}

/// RFC 5626 §4.2: behind NAT calls come over that connection alone.
#[test]
fn a_trunk_over_a_connection_registers_anew_when_that_is_lost() {
    let acme = town::over(model::Transport::Tcp, acme());
    let (_, carrier) = play(acme, |world, carrier| {
        let first = world.line(0, FIRST);
        carrier.answers(world, 130, proven(granted(3_600)));
        world.lose_connection(first);
        carrier.answers(world, 5, proven(granted(3_600)));
        assert_eq!(carrier.count(), 4);
        assert!(carrier.last("Contact").contains(";transport=tcp"));
    });
    assert!(carrier.registers[0].contains("SIP/2.0/TCP"));
}

#[test]
fn a_carrier_that_keeps_no_connection_is_asked_every_two_minutes_and_no_more_often() {
    let acme = town::over(model::Transport::Tcp, acme());
    let (_, carrier) = play(acme, |world, carrier| {
        for _ in 0..50 {
            carrier.answers(world, 12, proven(granted(3_600)));
            let first = world.line(0, FIRST);
            world.lose_connection(first);
        }
        assert_eq!(carrier.count(), 2 * 5, "in ten minutes, each challenged");
        carrier.answers(world, 5, proven(granted(3_600)));
    });
    expect_file!["ladders/enrol-connections.txt"].assert_eq(&carrier.ladder);
}

/// What carriers answer, in any weather: nobody is asked too often, and in the end all are left alone.
#[test]
fn carriers_of_all_moods_in_any_weather_are_not_flooded() {
    for seed in 0..30 {
        let random = &mut Random::new(seed);
        let (played, carrier) = play_in(
            Options {
                seed,
                ..Options::calm()
            },
            acme(),
            |world, carrier| {
                for name in [FIRST, OTHER] {
                    let line = world.line(0, name);
                    world.lines_mut()[line].link = Link::stormy(random);
                }
                for _ in 0..20 {
                    let mood = moods(random);
                    carrier.answers(world, 30 + random.below(300) as u32, |_| mood.clone());
                }
            },
        );
        let hours = played.now().as_secs_f64() / 3_600.0;
        // Two places, each challenged, at most each half minute; and what is granted for a minute.
        let most = 2.0 * 2.0 * 120.0 * hours;
        assert!(
            (carrier.count() as f64) < most,
            "{seed}: {} in {hours} hours",
            carrier.count()
        );
    }
}

/// An answer, or none.
fn moods(random: &mut Random) -> Option<String> {
    let seconds = 60 + random.below(600);
    let brief = format!("423 Interval Too Brief\r\nMin-Expires: {}", 10 * seconds);
    let busy = format!("503 Later\r\nRetry-After: {seconds}");
    let all = [
        Some(granted(seconds as u32)),
        Some(granted(seconds as u32)),
        Some(granted(0)),
        Some(CHALLENGE.to_owned()),
        Some(CHALLENGE.replace("qop", "stale=true,qop")),
        Some("407 Who".to_owned()),
        Some("403 Not You".to_owned()),
        Some("302 Elsewhere".to_owned()),
        Some("500 Broken".to_owned()),
        Some(brief),
        Some(busy),
        None,
    ];
    random.pick(&all).clone()
}

#[test]
fn calls_go_by_the_service_route_to_where_it_was_told_and_to_no_other_gateway() {
    let mut called = Vec::new();
    play(acme(), |world, carrier| {
        let answer = format!("{}\r\nService-Route: <sip:core.example;lr>", granted(600));
        carrier.answers(world, 5, proven(answer));
        for _ in 0..2 {
            // Whichever shard a call is on: there are two.
            let alice = forks::call(world, FIRST, &[]);
            world.run_for(6 * SECOND);
            world.hang_up(alice);
            world.run_for(SECOND);
        }
        for (name, hand, _) in &carrier.places {
            let heard = world.hand(*hand).heard();
            let invites = heard.iter().filter(|text| text.starts_with("INVITE "));
            let routed = |text: &String| text.contains("\r\nRoute: <sip:core.example;lr>\r\n");
            called.extend(invites.map(|text| (*name, routed(text))));
        }
        carrier.answers(world, 600, proven(granted(600)));
        forks::call(world, FIRST, &[]);
        world.run_for(SECOND);
        let (_, first, _) = carrier.places[0];
        let last = world.hand(first).last("INVITE").unwrap_or_default();
        assert!(!last.contains("\r\nRoute: "), "it holds no longer");
        world.run_for(60 * SECOND);
    });
    assert!(
        called.contains(&(FIRST, true)) && called.contains(&(OTHER, false)),
        "{called:?}"
    );
    assert!(!called.contains(&(FIRST, false)) && !called.contains(&(OTHER, true)));
}

#[test]
fn a_trunk_that_leaves_learns_no_service_route_any_more() {
    play(acme(), |world, carrier| {
        let silent = |_: &Asked<'_>| None;
        carrier.answers(world, 5, silent);
        let mut acme = TenantConfig::clone(world.tenant(0));
        acme.trunks[0].register = None;
        world.change_tenant(0, acme);
        // Its REGISTER is out, and is answered now.
        let asked = carrier.registers[0].clone();
        let answer = format!("{}\r\nService-Route: <sip:core.example;lr>", granted(600));
        let (_, first, _) = carrier.places[0];
        let said = world.hand(first).respond(&asked, &answer, "t", "");
        world.send(first, said);
        carrier.answers(world, 5, |_| Some(granted(0)));
        assert_eq!(carrier.last("Expires"), "0");
        forks::call(world, FIRST, &[]);
        world.run_for(SECOND);
        let invite = world.hand(first).last("INVITE").unwrap_or_default();
        assert!(invite.starts_with("INVITE "), "it is called");
        assert!(!invite.contains("\r\nRoute: "), "{invite}");
        world.run_for(60 * SECOND);
    });
}

#[test]
fn a_registrar_by_name_is_asked_when_it_is_found_and_for_its_domain() {
    let mut acme = acme();
    let registrar: Peer = "carrier.example".parse().unwrap();
    let register = acme.trunks[0].register.as_mut().unwrap();
    register.registrar = Some(registrar.clone());
    let (_, carrier) = play(acme, |world, carrier| {
        carrier.answers(world, 30, proven(granted(600)));
        assert_eq!((carrier.count(), registration(world)), (0, (None, None)));
        let at = |user, priority| place(town::sip_address(1, user), priority);
        let places = vec![at("3003", 20), at(FIRST, 10)];
        world.locate(Named {
            peer: registrar,
            transport: model::Transport::Udp,
            certificate: None,
            places,
        });
        carrier.answers(world, 5, proven(granted(600)));
        assert_eq!(carrier.count(), 2);
    });
    assert!(carrier.registers[0].starts_with("REGISTER sip:carrier.example SIP/2.0"));
    assert_eq!(carrier.last("To"), "<sip:us@carrier.example>");
}

fn place(address: SocketAddr, priority: u16) -> Place {
    let weight = 1;
    Place {
        address,
        priority,
        weight,
    }
}

#[test]
fn a_call_to_its_contact_is_the_trunks_if_it_comes_from_its_registrar() {
    let mut acme = acme();
    // Where calls come from nobody has said.
    acme.trunks[0].accept_from.clear();
    let (world, _) = play(acme, |world, carrier| {
        carrier.answers(world, 5, proven(granted(600)));
        let contact = carrier.last("Contact");
        let contact = contact.trim_matches(['<', '>']).to_owned();
        assert_eq!(world.makecall(0, FIRST, "2001", "3003"), 200);
        let callee = world.line(0, "3003");
        world.phone(callee, Input::Behave(rings(100, Some(300))));
        let elsewhere = world.add_phone(0, FIRST, ([10, 0, 1, 77], 5060).into());
        let elsewhere = world.by_hand(elsewhere);
        assert_eq!(dials(world, elsewhere, &contact), 403);
        let (_, first, _) = carrier.places[0];
        assert_eq!(dials(world, first, &contact), 200);
        let ack = world.hand(first).ack("");
        world.send(first, ack);
        world.run_for(SECOND);
        let bye = world.hand(first).bye();
        world.send(first, bye);
        world.run_for(SECOND);
    });
    let rows = world.cdrs();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].number, "2001");
    assert_eq!(rows[0].to.to_string(), "sip:2001@10.0.0.1:5060");
}

/// An INVITE for 2001 to that URI; the status of the last answer.
fn dials(world: &mut World, hand: usize, uri: &str) -> u16 {
    world.hand(hand).be_polite();
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    let invite = String::from_utf8_lossy(&invite).replacen("sip:2001@10.0.0.1:5060", uri, 1);
    world.send(hand, invite.into());
    world.run_for(2 * SECOND);
    let heard = world.hand(hand).heard().last().cloned();
    let status = heard
        .as_deref()
        .and_then(|text| text.get(8..11)?.parse().ok());
    status.unwrap_or_default()
}
