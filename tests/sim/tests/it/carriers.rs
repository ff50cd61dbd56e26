//! What carriers want of those who call through them: proofs, numbers as they spell them.

use std::time::Duration;

use control::phone::Input;
use expect_test::expect_file;
use model::{HeaderNames, Login, Rule, Rules, TenantConfig, limits};
use sim::{Deed, Options, World, count_errors, forks, script::Scripts, town};

/// Long enough for a message and its answer, too short for a second copy.
const WHILE: Duration = Duration::from_millis(200);
const FIRST: &str = "3001";
const ASKS: &str = "407 Who\r\nProxy-Authenticate: Digest realm=\"c\",nonce=\"n\",qop=\"auth\"";

/// Plays a scene in a world of that tenant, whose trunk leads to 3001.
fn play(acme: TenantConfig, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(acme);
        scene(&mut world);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// The hand answers the last request of that method.
fn answer(world: &mut World, hand: usize, method: &str, status: &str, tag: &str) {
    let request = world.hand(hand).last(method).unwrap().to_owned();
    let sdp = if method == "INVITE" && status.starts_with('2') {
        world.hand(hand).sdp("sendrecv")
    } else {
        String::new()
    };
    let answer = world.hand(hand).respond(&request, status, tag, &sdp);
    world.send(hand, answer);
    world.run_for(WHILE);
}

/// A tenant that has a password at its carrier.
fn known(policy: &str) -> TenantConfig {
    let mut acme = town::tenant("acme", 1, policy);
    acme.trunks[0].auth = Some(Login {
        user: "us".to_owned(),
        password: "secret".to_owned(),
    });
    acme
}

#[test]
fn a_carrier_may_ask_for_a_proof_of_each_request_within_a_call() {
    let world = play(known("makecall"), |world| {
        let line = world.line(0, FIRST);
        let hand = world.by_hand(line);
        let alice = forks::call(world, "3001", &[]);
        world.run_for(WHILE);
        for (status, tag) in [(ASKS, "a"), ("200 OK", "bob")] {
            answer(world, hand, "INVITE", status, tag);
        }
        world.phone(alice, Input::Hold(true));
        world.run_for(WHILE);
        for status in [ASKS, "200 OK"] {
            answer(world, hand, "INVITE", status, "");
        }
        world.hang_up(alice);
        world.run_for(WHILE);
        for status in [ASKS, "200 OK"] {
            answer(world, hand, "BYE", status, "");
        }
        let heard = world.hand(hand).heard();
        let proven = heard.iter().filter_map(|text| {
            let (method, _) = text.split_once(' ')?;
            let (_, count) = text.split_once(",nc=0000000")?;
            Some(format!("{method} {}", &count[..1]))
        });
        let proven: Vec<_> = proven.collect();
        let expect = "INVITE 1, ACK 1, INVITE 2, INVITE 3, ACK 3, BYE 4, BYE 5";
        assert_eq!(proven.join(", "), expect);
    });
    expect_file!["ladders/challenged-within.txt"].assert_eq(&world.ladders());
    let cdrs = world.cdrs();
    assert!(cdrs.iter().all(|row| row.cause == Some(200)), "{cdrs:#?}");
}

#[test]
fn a_carrier_may_ask_for_a_proof_within_a_call_that_it_has_sent() {
    let world = play(known("answer"), |world| {
        let line = world.line(0, FIRST);
        let hand = world.by_hand(line);
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        // Its policy takes a while to answer.
        world.run_for(5 * WHILE);
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(WHILE);
        world.at(Duration::ZERO, Deed::ReleaseAny(0, 0));
        world.run_for(WHILE);
        for status in [ASKS, "200 OK"] {
            answer(world, hand, "BYE", status, "");
        }
        let heard = world.hand(hand).heard();
        let byes = heard.iter().filter(|text| text.starts_with("BYE "));
        let proven = |text: &String| text.contains("Proxy-Authorization: Digest username=\"us\"");
        assert_eq!(byes.map(proven).collect::<Vec<_>>(), [false, true]);
    });
    assert_eq!(world.cdrs().len(), 1);
}

fn rules(prefix: &str, strip: usize, prepend: &str) -> Rules {
    let (prefix, prepend) = (prefix.to_owned(), prepend.to_owned());
    let rule = Rule {
        prefix,
        strip,
        prepend,
    };
    Rules::new(vec![rule]).unwrap()
}

fn names(names: &[&str]) -> HeaderNames {
    HeaderNames::new(names.iter().map(|&name| name.to_owned()).collect()).unwrap()
}

fn header<'a>(invite: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = invite.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The hand of a carrier calls 2001 with these header lines; what it says before it is sent.
fn calls(world: &mut World, hand: usize, headers: &str, change: impl Fn(String) -> String) {
    world.hand(hand).be_polite();
    world.hand(hand).adds(headers.to_owned());
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    let invite = String::from_utf8(invite.to_vec()).unwrap();
    world.send(hand, change(invite).into());
    world.run_for(WHILE);
}

#[test]
fn the_wire_has_the_carriers_spelling_and_all_else_the_tenants() {
    let mut acme = town::tenant("acme", 1, "makecall");
    for trunk in &mut acme.trunks {
        trunk.rewrite.inbound.called = rules("+49", 3, "");
        trunk.rewrite.inbound.caller = rules("+49", 3, "");
        trunk.rewrite.outbound.called = rules("3", 0, "+49");
        trunk.rewrite.outbound.caller = rules("2", 0, "+49");
    }
    let world = play(acme, |world| {
        let [from, to] = [FIRST, "3003"].map(|name| {
            let line = world.line(0, name);
            world.by_hand(line)
        });
        // The policy knows its caller by the number that the tenant has for it.
        assert_eq!(world.makecall(0, "3001", "2001", "3003"), 200);
        calls(world, from, "", |invite| {
            let invite = invite.replace("sip:2001@", "sip:+492001@");
            invite.replace("<sip:3001@by.hand>", "<sip:+493001@by.hand>")
        });
        let invite = world.hand(to).last("INVITE").unwrap().to_owned();
        assert!(invite.starts_with("INVITE sip:+493003@10.0.1.33:5060 SIP/2.0"));
        assert_eq!(header(&invite, "To"), Some("<sip:+493003@acme.example>"));
        let shown = header(&invite, "From").unwrap();
        assert!(shown.starts_with("<sip:+492001@acme.example>;tag="));
        let asserted = header(&invite, "P-Asserted-Identity");
        assert_eq!(asserted, Some("<sip:+492001@acme.example>"));
        answer(world, to, "INVITE", "486 Busy", "t");
    });
    expect_file!["ladders/rewritten.txt"].assert_eq(&world.ladders());
    let parties = |row: &&model::Cdr| [row.from.to_string(), row.to.to_string()];
    let cdrs: Vec<_> = world.cdrs().iter().map(parties).collect();
    let expect = [
        ["sip:3001@by.hand", "sip:2001@10.0.0.1:5060"],
        ["sip:2001@acme.example", "sip:3003@acme.example"],
    ];
    assert_eq!(cdrs, expect);
}

#[test]
fn what_the_rules_make_no_number_of_is_refused_or_goes_another_way() {
    // Of a call from a carrier.
    let mut acme = town::tenant("acme", 1, "makecall");
    acme.trunks[0].rewrite.inbound.called = rules("2001", 4, "");
    let world = play(acme, |world| {
        let line = world.line(0, FIRST);
        let hand = world.by_hand(line);
        calls(world, hand, "", |invite| invite);
        let heard = world.hand(hand).heard();
        assert!(heard[1].starts_with("SIP/2.0 484 "), "{heard:#?}");
    });
    assert!(world.cdrs().is_empty());
    // Of one through two carriers, of which both, the first, or none make none.
    for (rules_of, expect) in [
        ([true, true], [0, 0]),
        ([true, false], [0, 1]),
        ([false; 2], [1, 0]),
    ] {
        let acme = town::tenant("acme", 1, "makecall");
        let world = play(acme.clone(), |world| {
            let answers = forks::rings(50, Some(50));
            for name in [FIRST, "3003"] {
                let line = world.line(0, name);
                world.phone(line, Input::Behave(answers));
            }
            let mut acme = acme;
            acme.trunks[1].prefixes = vec!["3001".to_owned()];
            for (trunk, none) in acme.trunks.iter_mut().zip(rules_of) {
                let strip = if none { 4 } else { 0 };
                trunk.rewrite.outbound.called = rules("3001", strip, "");
            }
            world.change_tenant(0, acme);
            forks::call_for(world, "3001", &[], 1_000);
        });
        let sent = [FIRST, "3003"].map(|name| world.sent(name, "INVITE"));
        assert_eq!(sent, expect);
        let cause = if sent == [0, 0] { 484 } else { 200 };
        assert_eq!(world.ended("1001"), Some(cause));
        if cause == 484 {
            expect_file!["ladders/rewritten-to-nothing.txt"].assert_eq(&world.ladders());
        }
    }
}

#[test]
fn headers_pass_that_both_carriers_lists_have() {
    let headers = "Geolocation: <cid:1>\r\nPriority: urgent\r\nSubject: tea\r\nX-Account: 7\r\n";
    let both = ["Geolocation", "Priority"];
    let subject = ["Subject", "X-Account", "Geolocation"];
    for (let_in, let_out, expect) in [
        (
            &both[..],
            &both[..],
            [Some("<cid:1>"), Some("urgent"), None, None],
        ),
        (&both[..1], &both[..], [Some("<cid:1>"), None, None, None]),
        (&both[..], &[][..], [None; 4]),
        // What policies may always see needs no entry.
        (&[][..], &subject[..], [None, None, Some("tea"), Some("7")]),
    ] {
        let mut acme = town::tenant("acme", 1, "makecall");
        acme.trunks[0].headers_in = names(let_in);
        acme.trunks[1].headers_out = names(let_out);
        play(acme, |world| {
            let [from, to] = [FIRST, "3003"].map(|name| {
                let line = world.line(0, name);
                world.by_hand(line)
            });
            assert_eq!(world.makecall(0, "3001", "2001", "3003"), 200);
            calls(world, from, headers, |invite| invite);
            let invite = world.hand(to).last("INVITE").unwrap().to_owned();
            let passed = ["Geolocation", "Priority", "Subject", "X-Account"];
            assert_eq!(passed.map(|name| header(&invite, name)), expect);
            answer(world, to, "INVITE", "486 Busy", "t");
        });
    }
}

#[test]
fn a_header_that_is_too_long_is_not_passed_on_and_the_trace_says_so() {
    let mut acme = town::tenant("acme", 1, "makecall");
    acme.trunks[0].headers_in = names(&["Geolocation"]);
    acme.trunks[1].headers_out = names(&["Geolocation"]);
    let world = play(acme, |world| {
        let [from, to] = [FIRST, "3003"].map(|name| {
            let line = world.line(0, name);
            world.by_hand(line)
        });
        assert_eq!(world.makecall(0, "3001", "2001", "3003"), 200);
        let long = "x".repeat(limits::PASSED_HEADER_VALUE + 1);
        calls(world, from, &format!("Geolocation: {long}\r\n"), |invite| {
            invite
        });
        let invite = world.hand(to).last("INVITE").unwrap().to_owned();
        assert_eq!(header(&invite, "Geolocation"), None);
        answer(world, to, "INVITE", "486 Busy", "t");
    });
    let note = "Geolocation is not passed on: too long, or too many";
    assert!(world.ladders().contains(note), "{}", world.ladders());
}
