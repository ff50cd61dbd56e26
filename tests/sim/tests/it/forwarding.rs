//! Call forwarding (RFC 5359 §2.7 to §2.9) by a scripted policy, and what of a caller is passed on.

use std::time::Duration;

use control::phone::{Behaviour, Input};
use expect_test::{ExpectFile, expect_file};
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

/// 1001 calls a number; 3001 behaves like that, and 3002 answers. What 3002 was sent, by hand.
fn forwarded(number: &str, bob: Behaviour, headers: &str, ladder: &ExpectFile) -> String {
    let mut heard = String::new();
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "forward"));
        let [alice, first, last] = ["1001", "3001", "3002"].map(|user| world.line(0, user));
        world.phone(first, Input::Behave(bob));
        let [caller, hand] = [alice, last].map(|line| world.by_hand(line));
        for hand in [caller, hand] {
            world.hand(hand).be_polite();
        }
        let sdp = world.hand(caller).sdp("sendrecv");
        let invite = world.hand(caller).invite(number, &sdp);
        let invite = String::from_utf8_lossy(&invite).into_owned();
        let invite = invite.replace("Max-Forwards", &format!("{headers}Max-Forwards"));
        world.send(caller, invite.into());
        world.run_for(8 * SECOND);
        let invite = world.hand(hand).last("INVITE").unwrap();
        invite.clone_into(&mut heard);
        for status in ["180 Ringing", "200 OK"] {
            let sdp = if status == "200 OK" {
                world.hand(hand).sdp("sendrecv")
            } else {
                String::new()
            };
            let answer = world.hand(hand).respond(&heard, status, "carol", &sdp);
            world.send(hand, answer);
            world.run_for(Duration::from_millis(100));
        }
        let ack = world.hand(caller).ack("");
        world.send(caller, ack);
        world.run_for(SECOND);
        let bye = world.hand(caller).bye();
        world.send(caller, bye);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    ladder.assert_eq(&world.ladders());
    heard
}

/// The value of a header.
fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// RFC 5359 §2.7, §2.8 and §2.9.
#[test]
fn all_calls_those_to_who_is_busy_and_those_that_nobody_answers() {
    let busy = Behaviour::Refuse {
        after: Duration::from_millis(200),
        status: 486,
    };
    let rings = Behaviour::default();
    for (number, bob, reason, ladder) in [
        (
            "2002",
            rings,
            "unconditional",
            expect_file!["ladders/forward-always.txt"],
        ),
        (
            "2001",
            busy,
            "user-busy",
            expect_file!["ladders/forward-busy.txt"],
        ),
        (
            "2001",
            rings,
            "no-answer",
            expect_file!["ladders/forward-no-answer.txt"],
        ),
    ] {
        let invite = forwarded(number, bob, "", &ladder);
        let diversion = format!("<sip:{number}@acme.example>;reason={reason}");
        assert_eq!(header(&invite, "Diversion"), Some(diversion.as_str()));
        let from = header(&invite, "From").unwrap();
        assert!(from.starts_with("<sip:1001@acme.example>"), "{from}");
        assert_eq!(header(&invite, "P-Asserted-Identity"), None);
    }
}

#[test]
fn a_caller_that_wants_privacy_has_it_wherever_it_is_forwarded() {
    let ladder = expect_file!["ladders/forward-always.txt"];
    let headers = "Privacy: id\r\nP-Asserted-Identity: <sip:1001@acme.example>\r\n";
    let invite = forwarded("2002", scenes::ANSWERS, headers, &ladder);
    assert!(!invite.contains("1001"), "{invite}");
    assert_eq!(header(&invite, "Privacy"), Some("id"));
    let from = header(&invite, "From").unwrap();
    assert!(
        from.starts_with("<sip:anonymous@anonymous.invalid>"),
        "{from}"
    );
}

/// RFC 7044: the policy sees the way so far, and may tell of it and of its own step.
#[test]
fn who_is_reached_sees_by_history_info_which_way_the_call_has_come() {
    let ladder = expect_file!["ladders/forward-always.txt"];
    let past = "<sip:2002@acme.example>;index=1";
    let headers = format!("History-Info: {past}\r\n");
    let invite = forwarded("2002", scenes::ANSWERS, &headers, &ladder);
    let told = format!("{past}, <sip:3002@acme.example>;index=1.1;mp=1");
    assert_eq!(header(&invite, "History-Info"), Some(told.as_str()));
    let invite = forwarded("2002", scenes::ANSWERS, "", &ladder);
    assert_eq!(header(&invite, "History-Info"), None);
}
