//! Telephones that register: the flows of RFC 3665 §2, who may and who may not, and calls to and from
//! them.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use control::phone::{Behaviour, Event, Input};
use expect_test::{ExpectFile, expect_file};
use sim::{Options, World, count_errors, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);
const DOMAIN: &str = "acme.example";
const PASSWORD: &str = "correct horse";
/// The telephone that registers in most tests.
const USER: &str = "3009";

fn desk(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 9, host], 5060))
}

/// A calm world whose tenant has telephones that register, 3008 and 3009.
fn world() -> World {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    let tenant = town::tenant("acme", 1, "makecall");
    let tenant = town::with_phone(tenant, "3008", PASSWORD);
    world.add_tenant(town::with_phone(tenant, USER, PASSWORD));
    world
}

/// Plays a scene in it; nothing may be left, and no rule broken.
fn play(scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = world();
        scene(&mut world);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// A telephone by hand, and what passes between it and the node.
struct Desk {
    hand: usize,
    ladder: String,
    heard: usize,
}

impl Desk {
    fn at(world: &mut World, user: &str, address: SocketAddr) -> Self {
        let line = world.add_phone(0, user, address);
        Self {
            hand: world.by_hand(line),
            ladder: String::new(),
            heard: 0,
        }
    }

    /// Says that; the status of the answer, 0 if there is none within a second.
    fn say(&mut self, world: &mut World, message: Bytes) -> u16 {
        self.show("→", &String::from_utf8_lossy(&message));
        world.send(self.hand, message);
        world.run_for(SECOND);
        let mut status = 0;
        while let Some(text) = world.hand(self.hand).heard().get(self.heard).cloned() {
            self.heard += 1;
            self.show("←", &text);
            status = text[8..11].parse().unwrap_or(0);
        }
        status
    }

    /// A REGISTER without credentials, and one with; both statuses.
    fn register(&mut self, world: &mut World, password: &str, headers: &str) -> [u16; 2] {
        let first = world.hand(self.hand).register(DOMAIN, headers);
        let first = self.say(world, first);
        if first != 401 {
            return [first, 0];
        }
        let second = self.again(world, password, headers);
        [first, second]
    }

    /// The same once more, with an answer to the last challenge.
    fn again(&mut self, world: &mut World, password: &str, headers: &str) -> u16 {
        let hand = world.hand(self.hand);
        let proof = hand.authorization(password, "REGISTER", &format!("sip:{DOMAIN}"));
        let message = hand.register(DOMAIN, &format!("{proof}{headers}"));
        self.say(world, message)
    }

    /// What matters of a message.
    fn show(&mut self, way: &str, text: &str) {
        let shown = ["Contact", "Expires", "Min-Expires", "Date"];
        let mut lines = text.lines();
        let start = lines.next().unwrap_or_default();
        self.ladder.extend([way, " ", start, "\n"]);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            let value = match name {
                "WWW-Authenticate" | "Authorization" => told(value),
                _ if shown.contains(&name) => value.to_owned(),
                _ => continue,
            };
            self.ladder.extend(["    ", name, ": ", &value, "\n"]);
        }
    }
}

/// Challenges and credentials without what is random in them.
fn told(value: &str) -> String {
    let secret = ["nonce", "cnonce", "response"];
    let parts = value.split(',').map(|part| match part.split_once('=') {
        Some((name, _)) if secret.contains(&name) => format!("{name}=…"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(",")
}

const CONTACT: &str = "Contact: <sip:3009@10.0.9.1:5060>\r\n";

#[track_caller]
fn ladder(scene: impl FnOnce(&mut World, &mut Desk), expect: ExpectFile) -> World {
    let mut drawn = String::new();
    let world = play(|world| {
        let mut desk = Desk::at(world, USER, desk(1));
        scene(world, &mut desk);
        drawn = desk.ladder;
    });
    expect.assert_eq(&drawn);
    world
}

#[test]
fn a_new_registration_as_in_rfc_3665_2_1() {
    let world = ladder(
        |world, desk| {
            assert_eq!(desk.register(world, PASSWORD, CONTACT), [401, 200]);
            let [binding] = world.bindings(0, USER) else {
                panic!("no binding");
            };
            assert_eq!(binding.contact, "sip:3009@10.0.9.1:5060");
        },
        expect_file!["ladders/register-new.txt"],
    );
    let answered = world.registrars().into_iter().map(|it| it.answered);
    assert_eq!(answered.flatten().collect::<Vec<_>>(), [(200, 1)]);
}

#[test]
fn an_update_of_the_contact_list_as_in_rfc_3665_2_2() {
    ladder(
        |world, desk| {
            desk.register(world, PASSWORD, CONTACT);
            let other = "Contact: <mailto:3009@acme.example>\r\n";
            assert_eq!(desk.again(world, PASSWORD, other), 400);
            let other = "Contact: <sip:3009@10.0.9.2:5060>;q=0.5\r\nExpires: 600\r\n";
            assert_eq!(desk.again(world, PASSWORD, other), 200);
            assert_eq!(world.bindings(0, USER).len(), 2);
        },
        expect_file!["ladders/register-update.txt"],
    );
}

#[test]
fn a_request_for_the_contact_list_as_in_rfc_3665_2_3() {
    ladder(
        |world, desk| {
            desk.register(world, PASSWORD, CONTACT);
            assert_eq!(desk.again(world, PASSWORD, ""), 200);
        },
        expect_file!["ladders/register-list.txt"],
    );
}

#[test]
fn a_cancellation_as_in_rfc_3665_2_4() {
    ladder(
        |world, desk| {
            desk.register(world, PASSWORD, CONTACT);
            let all = "Contact: *\r\nExpires: 0\r\n";
            assert_eq!(desk.again(world, PASSWORD, all), 200);
            assert!(world.bindings(0, USER).is_empty());
        },
        expect_file!["ladders/register-cancel.txt"],
    );
}

#[test]
fn an_unsuccessful_registration_as_in_rfc_3665_2_5() {
    let world = ladder(
        |world, desk| assert_eq!(desk.register(world, "guess", CONTACT), [401, 401]),
        expect_file!["ladders/register-wrong.txt"],
    );
    assert!(world.bindings(0, USER).is_empty());
}

#[test]
fn what_the_registrar_refuses_has_its_status() {
    let world = play(|world| {
        let mut desk = Desk::at(world, USER, desk(1));
        let brief = format!("{CONTACT}Expires: 30\r\n");
        assert_eq!(desk.register(world, PASSWORD, &brief), [401, 423]);
        assert!(
            desk.ladder.ends_with("    Min-Expires: 60\n"),
            "{}",
            desk.ladder
        );
        let outbound = "Contact: <sip:3009@10.0.9.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n\
                        Supported: path, outbound\r\nVia: SIP/2.0/UDP 10.0.9.9;branch=z9hG4bKa\r\n";
        assert_eq!(desk.again(world, PASSWORD, outbound), 439);
        let many: Vec<_> = (0..11).map(|n| format!("<sip:{n}@10.0.9.1>")).collect();
        let many = format!("Contact: {}\r\n", many.join(", "));
        assert_eq!(desk.again(world, PASSWORD, &many), 403);
        // Nobody's domain, and somebody else's address.
        let stranger = world.hand(desk.hand).register("nobody.example", CONTACT);
        assert_eq!(desk.say(world, stranger), 403);
        let proof = world
            .hand(desk.hand)
            .authorization(PASSWORD, "REGISTER", "sip:acme.example");
        let theirs = world
            .hand(desk.hand)
            .register(DOMAIN, &format!("{proof}{CONTACT}"));
        let theirs = String::from_utf8_lossy(&theirs).replace("To: <sip:3009@", "To: <sip:3008@");
        assert_eq!(desk.say(world, theirs.into()), 403);
    });
    assert!(world.bindings(0, USER).is_empty() && world.bindings(0, "3008").is_empty());
}

#[test]
fn a_path_is_kept_and_repeated_and_a_flow_of_rfc_5626_too() {
    play(|world| {
        let mut desk = Desk::at(world, USER, desk(1));
        let outbound = "Contact: <sip:3009@10.0.9.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n\
                        Supported: path, outbound\r\nPath: <sip:edge.example;lr;ob>\r\n";
        assert_eq!(desk.register(world, PASSWORD, outbound), [401, 200]);
        let [binding] = world.bindings(0, USER) else {
            panic!("no binding");
        };
        assert_eq!(binding.path, ["sip:edge.example;lr;ob"]);
        assert_eq!(binding.outbound.as_ref().map(|it| it.reg_id), Some(1));
        let ok = world
            .hand(desk.hand)
            .heard()
            .last()
            .cloned()
            .unwrap_or_default();
        assert!(
            ok.contains("\r\nPath: <sip:edge.example;lr;ob>\r\n"),
            "{ok}"
        );
        assert!(ok.contains("\r\nRequire: outbound\r\n"), "{ok}");
    });
}

#[test]
fn who_guesses_ten_times_is_locked_out_for_five_minutes() {
    let world = play(|world| {
        let mut crack = Desk::at(world, USER, desk(66));
        for _ in 0..5 {
            assert_eq!(crack.register(world, "guess", CONTACT), [401, 401]);
            assert_eq!(crack.again(world, "another guess", CONTACT), 401);
        }
        // Not even with the password, nor without any.
        assert_eq!(crack.again(world, PASSWORD, CONTACT), 403);
        assert_eq!(crack.register(world, PASSWORD, CONTACT), [403, 0]);
        // Others are left alone: the user elsewhere, and others there.
        let mut user = Desk::at(world, USER, desk(1));
        assert_eq!(user.register(world, PASSWORD, CONTACT), [401, 200]);
        let mut neighbour = Desk::at(world, "3008", SocketAddr::new(desk(66).ip(), 5062));
        assert_eq!(neighbour.register(world, PASSWORD, CONTACT), [401, 200]);
        world.run_for(300 * SECOND);
        assert_eq!(crack.register(world, PASSWORD, CONTACT), [401, 200]);
    });
    let (mut guesses, mut locks, mut locked) = (0, 0, 0);
    for shard in world.registrars() {
        guesses += shard.guesses;
        locks += shard.locks;
        locked += shard.locked;
    }
    assert_eq!((guesses, locks, locked), (10, 1, 2));
}

#[test]
fn who_forges_the_address_of_a_phone_does_not_lock_it_out() {
    let world = play(|world| {
        let mut phone = Desk::at(world, USER, desk(1));
        assert_eq!(phone.register(world, PASSWORD, CONTACT), [401, 200]);
        // A challenge to its own address, and what it would answer there.
        let mut forger = Desk::at(world, USER, desk(66));
        for _ in 0..12 {
            let asks = world.hand(forger.hand).register(DOMAIN, CONTACT);
            assert_eq!(forger.say(world, asks), 401);
            let hand = world.hand(forger.hand);
            let guess = hand.authorization("guess", "REGISTER", &format!("sip:{DOMAIN}"));
            let guess = hand.register(DOMAIN, &format!("{guess}{CONTACT}"));
            assert_eq!(
                phone.say(world, guess),
                401,
                "asked anew, and nothing counted"
            );
        }
        assert_eq!(phone.register(world, PASSWORD, CONTACT), [401, 200]);
    });
    assert!(world.registrars().iter().all(|shard| shard.guesses == 0));
}

/// Each guess in a dialog of its own: Call-IDs decide which shard hears it.
fn guess_anew(world: &mut World, crack: &mut Desk, password: &str) -> [u16; 2] {
    world.hand(crack.hand).another_call();
    crack.register(world, password, CONTACT)
}

#[test]
fn guesses_at_many_shards_lock_out_like_those_at_one() {
    let world = play(|world| {
        let mut crack = Desk::at(world, USER, desk(66));
        for _ in 0..10 {
            assert_eq!(guess_anew(world, &mut crack, "guess"), [401, 401]);
        }
        for _ in 0..10 {
            assert_eq!(guess_anew(world, &mut crack, PASSWORD), [403, 0]);
        }
    });
    let (mut guesses, mut locks) = (0, 0);
    for shard in world.registrars() {
        assert!(shard.guesses > 0 && shard.locked > 0, "{shard:?}");
        guesses += shard.guesses;
        locks += shard.locks;
    }
    assert_eq!((guesses, locks), (10, 1));
}

#[test]
fn who_remembers_the_password_begins_anew_on_every_shard() {
    play(|world| {
        let mut user = Desk::at(world, USER, desk(1));
        for _ in 0..9 {
            assert_eq!(guess_anew(world, &mut user, "guess"), [401, 401]);
        }
        assert_eq!(guess_anew(world, &mut user, PASSWORD), [401, 200]);
        for _ in 0..9 {
            assert_eq!(guess_anew(world, &mut user, "guess"), [401, 401]);
        }
        assert_eq!(guess_anew(world, &mut user, PASSWORD), [401, 200]);
    });
}

#[test]
fn a_user_who_is_not_there_is_answered_like_one_who_is() {
    let drawn = |user: &'static str| {
        let mut drawn = String::new();
        play(|world| {
            let mut desk = Desk::at(world, user, desk(1));
            for _ in 0..5 {
                desk.register(world, "guess", CONTACT);
                desk.again(world, "guess", CONTACT);
            }
            desk.register(world, "guess", CONTACT);
            drawn = desk.ladder;
        });
        drawn.replace(user, "user")
    };
    // 1001 is a line, and has no password.
    assert_eq!(drawn("9999"), drawn("3008"));
    assert_eq!(drawn("1001"), drawn("3008"));
}

#[test]
fn a_copy_of_a_register_registers_nobody_twice_and_an_old_one_nobody() {
    play(|world| {
        let mut user = Desk::at(world, USER, desk(1));
        assert_eq!(user.register(world, PASSWORD, CONTACT), [401, 200]);
        let hand = world.hand(user.hand);
        let proof = hand.authorization(PASSWORD, "REGISTER", &format!("sip:{DOMAIN}"));
        let gone = hand.register(DOMAIN, &format!("{proof}Contact: *\r\nExpires: 0\r\n"));
        assert_eq!(user.say(world, gone.clone()), 200);
        assert_eq!(user.again(world, PASSWORD, CONTACT), 200);
        // Its transaction is long over, and whoever overheard it sends it again.
        world.run_for(60 * SECOND);
        assert_eq!(user.say(world, gone), 401);
        assert_eq!(world.bindings(0, USER).len(), 1);
    });
}

#[test]
fn no_more_wait_for_the_writer_than_may() {
    let options = Options {
        shards: 1,
        records: sim::Pace::always(10_000_000),
        ..Options::calm()
    };
    let mut world = World::new(options, Box::new(Scripts));
    let tenant = town::tenant("acme", 1, "makecall");
    world.add_tenant(town::with_phone(tenant, USER, PASSWORD));
    let mut desk = Desk::at(&mut world, USER, desk(1));
    for n in 0..=model::limits::REGISTERING {
        world.hand(desk.hand).another_call();
        let last = n == model::limits::REGISTERING;
        let expected = if last { 503 } else { 0 };
        let answers = desk.register(&mut world, PASSWORD, CONTACT);
        assert_eq!(answers, [401, expected], "{n}");
    }
}

/// What a telephone was told of its last call, and the causes of all records.
fn causes(world: &World) -> Vec<Option<u16>> {
    world.cdrs().iter().map(|row| row.cause).collect()
}

#[test]
fn a_registered_telephone_calls_as_who_it_has_proven_to_be() {
    let world = play(|world| {
        let mut user = Desk::at(world, USER, desk(1));
        user.register(world, PASSWORD, CONTACT);
        assert_eq!(world.makecall(0, USER, "2001", "3001"), 200);
        let hand = world.hand(user.hand);
        hand.is_at_home_in(DOMAIN);
        hand.be_polite();
        let sdp = hand.sdp("sendrecv");
        let first = hand.invite("2001", &sdp);
        assert_eq!(user.say(world, first), 401);
        // From is anybody's to write: only the password counts.
        let hand = world.hand(user.hand);
        let proof = hand.authorization(PASSWORD, "INVITE", "sip:2001@10.0.0.1:5060");
        hand.adds(proof);
        let second = hand.invite("2001", &sdp);
        let second = String::from_utf8_lossy(&second).replace("From: <sip:3009", "From: <sip:1001");
        assert_eq!(user.say(world, second.into()), 180);
        let callee = world.line(0, "3001");
        world.phone(callee, Input::Refuse(486));
        world.run_for(SECOND);
    });
    assert_eq!(causes(&world), [Some(486); 2]);
    let inbound = &world.cdrs()[0];
    assert_eq!(inbound.from.to_string(), "sip:3009@acme.example");
}

#[test]
fn nobody_calls_with_a_wrong_password_or_none() {
    let world = play(|world| {
        let mut user = Desk::at(world, USER, desk(1));
        user.register(world, PASSWORD, CONTACT);
        let hand = world.hand(user.hand);
        hand.is_at_home_in(DOMAIN);
        hand.be_polite();
        let sdp = hand.sdp("sendrecv");
        for _ in 0..2 {
            let invite = world.hand(user.hand).invite("2001", &sdp);
            assert_eq!(user.say(world, invite), 401);
            let hand = world.hand(user.hand);
            let proof = hand.authorization("guess", "INVITE", "sip:2001@10.0.0.1:5060");
            hand.adds(proof);
        }
        world.hand(user.hand).is_at_home_in("nobody.example");
        let invite = world.hand(user.hand).invite("2001", &sdp);
        assert_eq!(
            user.say(world, invite),
            401,
            "it brings the proof of another domain"
        );
        let invite = world.hand(user.hand).invite("2001", &sdp);
        assert_eq!(user.say(world, invite), 403);
    });
    assert!(world.cdrs().is_empty());
}

#[test]
fn a_registered_telephone_is_called_at_its_contact_over_its_flow() {
    let world = play(|world| {
        let mut callee = Desk::at(world, USER, desk(1));
        // What it says of itself leads nowhere: it is behind NAT.
        let private = "Contact: <sip:3009@192.168.1.5:5062;line=7>\r\n\
                       Path: <sip:edge.example;lr>\r\n";
        callee.register(world, PASSWORD, private);
        assert_eq!(world.makecall(0, "1001", "2001", USER), 200);
        let caller = world.line(0, "1001");
        world.dial(caller, "2001");
        world.run_for(SECOND);
        world.hand(callee.hand).be_polite();
        let hand = world.hand(callee.hand);
        let invite = hand.last("INVITE").expect("it is called").to_owned();
        let start = "INVITE sip:3009@192.168.1.5:5062;line=7 SIP/2.0\r\n";
        assert!(invite.starts_with(start), "{invite}");
        assert!(
            invite.contains("\r\nRoute: <sip:edge.example;lr>\r\n"),
            "{invite}"
        );
        let busy = hand.respond(&invite, "486 Busy Here", "busy", "");
        callee.say(world, busy);
    });
    assert_eq!(causes(&world), [Some(486); 2]);
}

#[test]
fn a_telephone_that_is_not_registered_or_no_more_is_not_available() {
    let world = play(|world| {
        let caller = world.line(0, "1001");
        let call = |world: &mut World| {
            assert_eq!(world.makecall(0, "1001", "2001", USER), 200);
            world.dial(caller, "2001");
            world.run_for(SECOND);
            assert_eq!(world.lines()[caller].ended(), Some(480));
        };
        call(world);
        let mut callee = Desk::at(world, USER, desk(1));
        let brief = format!("{CONTACT}Expires: 60\r\n");
        assert_eq!(callee.register(world, PASSWORD, &brief), [401, 200]);
        world.run_for(60 * SECOND);
        call(world);
        assert_eq!(world.hand(callee.hand).last("INVITE"), None);
    });
    assert_eq!(causes(&world), [Some(480); 4]);
}

#[test]
fn a_telephone_stays_registered_calls_is_called_and_leaves() {
    let world = play(|world| {
        let (line, other) = (world.add_phone(0, USER, desk(1)), world.line(0, "1001"));
        world.set_password(line, PASSWORD);
        world.registers(line, 60);
        // It renews its binding when half of its time is over, with a nonce that gets old.
        world.run_for(1_000 * SECOND);
        let now = world.unix_ms();
        assert!(matches!(world.bindings(0, USER), [binding] if binding.is_live(now)));
        let registered = |event: &&Event| **event == Event::Registered { seconds: 60 };
        let told = world.lines()[line].told.iter().map(|(_, event)| event);
        assert!((33..=35).contains(&told.filter(registered).count()));
        let answers = Behaviour::Answer { after: SECOND };
        for (caller, user, callee) in [(other, "1001", USER), (line, USER, "3001")] {
            let called = world.line(0, callee);
            world.phone(called, Input::Behave(answers));
            assert_eq!(world.makecall(0, user, "2001", callee), 200);
            world.dial(caller, "2001");
            world.run_for(3 * SECOND);
            assert!(
                world.lines()[called]
                    .when(|it| matches!(it, Event::Answered { .. }))
                    .is_some()
            );
            world.hang_up(caller);
            world.run_for(SECOND);
        }
        world.registers(line, 0);
        world.run_for(SECOND);
        assert!(world.bindings(0, USER).is_empty());
    });
    assert_eq!(causes(&world), [Some(200); 4]);
}

#[test]
fn a_telephone_with_a_wrong_password_asks_once_and_one_without_a_writer_again() {
    let world = play(|world| {
        let line = world.add_phone(0, USER, desk(1));
        world.set_password(line, "guess");
        world.registers(line, 60);
        world.run_for(1_000 * SECOND);
        let told: Vec<_> = world.lines()[line].told.iter().map(|(_, it)| it).collect();
        assert_eq!(told, [&Event::NotRegistered { status: 401 }]);
    });
    let guesses: u64 = world.registrars().iter().map(|it| it.guesses).sum();
    // And once more at the end of the world, when it would leave.
    assert_eq!(guesses, 2);
    let options = Options {
        records: sim::Pace {
            fails: 80,
            ..sim::Pace::always(1)
        },
        ..Options::calm()
    };
    let mut world = World::new(options, Box::new(Scripts));
    let tenant = town::tenant("acme", 1, "makecall");
    world.add_tenant(town::with_phone(tenant, USER, PASSWORD));
    let line = world.add_phone(0, USER, desk(1));
    world.set_password(line, PASSWORD);
    world.registers(line, 600);
    world.run_for(600 * SECOND);
    let told: Vec<_> = world.lines()[line]
        .told
        .iter()
        .map(|(_, it)| it.clone())
        .collect();
    assert_eq!(told[0], Event::NotRegistered { status: 503 });
    assert!(
        told.contains(&Event::Registered { seconds: 600 }),
        "{told:?}"
    );
}
