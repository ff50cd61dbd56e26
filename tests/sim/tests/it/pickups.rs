//! Calls that ring at one telephone and are picked up at another: INVITE with Replaces of an early dialog
//! (RFC 3891 §3).

use std::time::Duration;

use expect_test::expect_file;
use model::CallDirection;
use sim::{Options, World, count_errors, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);
const RINGS: &str = "ringing";

/// Plays a scene in a world of so many shards with two tenants; nothing may be left, and no rule broken.
fn play(shards: u8, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let options = Options {
            shards,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        for (name, n) in [("acme", 1), ("other", 2)] {
            world.add_tenant(town::tenant(name, n, "makecall"));
        }
        scene(&mut world);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

fn by_hand(world: &mut World, tenant: usize, user: &str) -> usize {
    let line = world.line(tenant, user);
    let hand = world.by_hand(line);
    world.hand(hand).be_polite();
    hand
}

/// 1001 has called, and 3002 rings. Both are played by hand.
fn rings(world: &mut World) -> (usize, usize) {
    let (caller, callee) = (by_hand(world, 0, "1001"), by_hand(world, 0, "3002"));
    assert_eq!(world.makecall(0, "1001", "2001", "3002"), 200);
    let sdp = world.hand(caller).sdp("sendrecv");
    let invite = world.hand(caller).invite("2001", &sdp);
    world.send(caller, invite);
    world.run_for(SECOND / 10);
    says(world, callee, "180 Ringing", "");
    (caller, callee)
}

/// The callee answers its INVITE.
fn says(world: &mut World, callee: usize, status: &str, sdp: &str) {
    let hand = world.hand(callee);
    let invite = hand.last("INVITE").expect("it is called").to_owned();
    let answer = hand.respond(&invite, status, RINGS, sdp);
    world.send(callee, answer);
    world.run_for(SECOND / 10);
}

fn header(text: &str, name: &str) -> String {
    let lines = text.lines();
    let mut named = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    named.next().unwrap_or_default().to_owned()
}

fn tag(of: &str) -> String {
    of.split("tag=").nth(1).unwrap_or_default().to_owned()
}

/// The dialog of the callee, as its INVITE and its 180 have made it.
fn of_callee(world: &mut World, callee: usize) -> String {
    let invite = world.hand(callee).last("INVITE").unwrap_or_default();
    let (id, ours) = (header(invite, "Call-ID"), tag(&header(invite, "From")));
    format!("{id};to-tag={ours};from-tag={RINGS}")
}

/// A telephone calls in the place of that dialog; the status of the answer, 0 if there is none yet.
fn picks_up(world: &mut World, hand: usize, replaces: &str, sdp: &str) -> u16 {
    world.hand(hand).another_call();
    world
        .hand(hand)
        .adds(format!("Replaces: {replaces}\r\nRequire: replaces\r\n"));
    let invite = world.hand(hand).invite("jackfield", sdp);
    world.send(hand, invite);
    world.run_for(SECOND / 2);
    let mut answers = world.hand(hand).heard().iter();
    let answer = answers.rfind(|it| it.starts_with("SIP/2.0 "));
    answer.map_or(0, |it| it[8..11].parse().unwrap_or(0))
}

#[test]
fn a_call_that_rings_elsewhere_is_picked_up() {
    for (shards, more) in [(1, ""), (2, ";early-only"), (3, ""), (4, "")] {
        let world = play(shards, |world| {
            let (caller, callee) = rings(world);
            let friend = by_hand(world, 0, "1002");
            let replaces = of_callee(world, callee) + more;
            let sdp = world.hand(friend).sdp("sendrecv");
            assert_eq!(picks_up(world, friend, &replaces, &sdp), 200);
            let ack = world.hand(friend).ack("");
            world.send(friend, ack);
            world.run_for(SECOND / 10);
            let cancel = world.hand(callee).last("CANCEL").unwrap_or_default();
            assert_eq!(
                header(cancel, "Reason"),
                "SIP;cause=200;text=\"Call completed elsewhere\""
            );
            says(world, callee, "487 Request Terminated", "");
            let answers = world.hand(caller).heard().iter();
            let ok = answers.filter(|it| it.starts_with("SIP/2.0 200 OK") && it.contains("INVITE"));
            assert!(ok.count() > 0, "the caller is answered");
            let ack = world.hand(caller).ack("");
            world.send(caller, ack);
            world.run_for(SECOND);
            let bye = world.hand(friend).bye();
            world.send(friend, bye);
            world.run_for(SECOND);
        });
        expect_file!["ladders/pick-up.txt"].assert_eq(&world.ladders());
        let rows = world.cdrs();
        assert_eq!(rows.len(), 2, "a pick-up is no call of its own");
        let answered = |row: &&model::Cdr| row.answer.is_some() && row.cause == Some(200);
        assert!(rows.iter().all(answered));
    }
}

#[test]
fn it_may_be_picked_up_without_an_offer() {
    play(2, |world| {
        let (caller, callee) = rings(world);
        let friend = by_hand(world, 0, "1002");
        let replaces = of_callee(world, callee);
        assert_eq!(picks_up(world, friend, &replaces, ""), 200);
        let ok = world
            .hand(friend)
            .heard()
            .last()
            .cloned()
            .unwrap_or_default();
        assert!(ok.contains("\r\nm=audio "), "{ok}");
        let answer = world.hand(friend).sdp("sendrecv");
        let ack = world.hand(friend).ack(&answer);
        world.send(friend, ack);
        says(world, callee, "487 Request Terminated", "");
        let ack = world.hand(caller).ack("");
        world.send(caller, ack);
        world.run_for(SECOND);
        let bye = world.hand(caller).bye();
        world.send(caller, bye);
        world.run_for(SECOND);
        assert!(world.hand(friend).last("BYE").is_some());
    });
}

#[test]
fn whoever_answers_after_all_is_hung_up_on() {
    play(1, |world| {
        let (caller, callee) = rings(world);
        let friend = by_hand(world, 0, "1002");
        let replaces = of_callee(world, callee);
        let sdp = world.hand(friend).sdp("sendrecv");
        assert_eq!(picks_up(world, friend, &replaces, &sdp), 200);
        let ack = world.hand(friend).ack("");
        world.send(friend, ack);
        // Its 200 crosses our CANCEL.
        let sdp = world.hand(callee).sdp("sendrecv");
        says(world, callee, "200 OK", &sdp);
        assert!(world.hand(callee).last("ACK").is_some());
        assert!(world.hand(callee).last("BYE").is_some());
        let ack = world.hand(caller).ack("");
        world.send(caller, ack);
        world.run_for(SECOND);
        assert!(world.hand(friend).last("BYE").is_none());
        let bye = world.hand(friend).bye();
        world.send(friend, bye);
        world.run_for(SECOND);
    });
}

#[test]
fn nobody_picks_up_what_is_not_its_own_does_not_ring_or_is_a_callers() {
    let world = play(2, |world| {
        let (caller, callee) = rings(world);
        let replaces = of_callee(world, callee);
        let friend = by_hand(world, 0, "1002");
        let sdp = world.hand(friend).sdp("sendrecv");
        let stranger = by_hand(world, 1, "3002");
        let theirs = world.hand(stranger).sdp("sendrecv");
        assert_eq!(picks_up(world, stranger, &replaces, &theirs), 481);
        // An early dialog that its caller has begun (RFC 3891 §3).
        let mut rung = world.hand(caller).heard().iter();
        let rung = rung.rfind(|it| it.starts_with("SIP/2.0 180"));
        let rung = rung.cloned().unwrap_or_default();
        let (id, ours) = (header(&rung, "Call-ID"), tag(&header(&rung, "To")));
        let of_caller = format!("{id};to-tag={ours};from-tag=hand");
        assert_eq!(picks_up(world, friend, &of_caller, &sdp), 481);
        // A tag under which nobody rings, and media that we do not have.
        let wrong = replaces.replace(RINGS, "nobody");
        assert_eq!(picks_up(world, friend, &wrong, &sdp), 481);
        let odd = sdp
            .replace("RTP/AVP 8", "RTP/AVP 99")
            .replace("rtpmap:8 PCMA", "rtpmap:99 x");
        assert_eq!(picks_up(world, friend, &replaces, &odd), 488);
        // It goes on ringing, and its answer is its own.
        let answer = world.hand(callee).sdp("sendrecv");
        says(world, callee, "200 OK", &answer);
        world.run_for(SECOND);
        let ack = world.hand(caller).ack("");
        world.send(caller, ack);
        let early = format!("{replaces};early-only");
        assert_eq!(picks_up(world, friend, &early, &sdp), 486);
        let bye = world.hand(caller).bye();
        world.send(caller, bye);
        world.run_for(SECOND);
    });
    let rows = world.cdrs();
    let dialled = rows
        .iter()
        .filter(|row| row.direction == CallDirection::Outbound);
    assert_eq!((rows.len(), dialled.count()), (2, 1));
}

#[test]
fn a_caller_who_gives_up_ends_a_call_that_waits_to_be_picked_up() {
    let options = Options {
        records: sim::Pace::always(300),
        ..Options::calm()
    };
    let mut world = World::new(options, Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "makecall"));
    let (caller, callee) = rings(&mut world);
    let friend = by_hand(&mut world, 0, "1002");
    let replaces = of_callee(&mut world, callee);
    let sdp = world.hand(friend).sdp("sendrecv");
    world.hand(friend).adds(format!("Replaces: {replaces}\r\n"));
    let invite = world.hand(friend).invite("jackfield", &sdp);
    world.send(friend, invite);
    world.run_for(SECOND / 10);
    says(&mut world, callee, "487 Request Terminated", "");
    let cancel = world.hand(caller).cancel();
    world.send(caller, cancel);
    world.run_for(SECOND);
    let last = world
        .hand(friend)
        .heard()
        .last()
        .cloned()
        .unwrap_or_default();
    assert!(last.starts_with("SIP/2.0 4"), "{last}");
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert!(world.cdrs().iter().all(|row| row.answer.is_none()));
}
