//! Trunks that register with their carriers, which a test speaks for: RFC 3261 §10.2 as the client.

use std::time::Duration;

use control::phone::Input;
use expect_test::{ExpectFile, expect_file};
use model::{Answer, Ask, Login, Register, TenantConfig, TrunkId, TrunkStatus};
use sim::{Deed, Options, World, count_errors, forks::rings, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);
/// How often a carrier looks what has come.
const LOOK: Duration = Duration::from_millis(100);
const FIRST: &str = "3001";
const OTHER: &str = "3001-2";
const CHALLENGE: &str =
    "401 Who\r\nWWW-Authenticate: Digest realm=\"carrier\",nonce=\"n\",qop=\"auth\"";

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
    let (played, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
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

/// Several registrars by hand, and what passes between them and the node.
struct Carrier {
    /// Name, hand and how much of what it heard is seen.
    places: Vec<(&'static str, usize, usize)>,
    ladder: String,
    registers: Vec<String>,
}

/// A REGISTER that a carrier has heard.
struct Asked<'a> {
    at: &'static str,
    text: &'a str,
}

impl Asked<'_> {
    fn is_proven(&self) -> bool {
        self.text
            .contains("\r\nAuthorization: Digest username=\"us\"")
    }
}

/// A 200 that grants so many seconds.
fn granted(seconds: u32) -> String {
    format!("200 OK\r\nExpires: {seconds}")
}

/// A challenge, then that answer.
fn proven(answer: impl Into<String>) -> impl Fn(&Asked<'_>) -> Option<String> {
    let answer = answer.into();
    move |asked| {
        let challenge = CHALLENGE.to_owned();
        Some(if asked.is_proven() {
            answer.clone()
        } else {
            challenge
        })
    }
}

impl Carrier {
    fn of(world: &mut World, places: &[&'static str]) -> Self {
        let hand = |name: &&'static str| {
            let line = world.line(0, name);
            (*name, world.by_hand(line), 0)
        };
        Self {
            places: places.iter().map(hand).collect(),
            ladder: String::new(),
            registers: Vec::new(),
        }
    }

    /// For so many seconds each REGISTER gets the answer that `answer` has for it, or none.
    fn answers(
        &mut self,
        world: &mut World,
        seconds: u32,
        answer: impl Fn(&Asked<'_>) -> Option<String>,
    ) {
        let until = world.now() + seconds * SECOND;
        while world.now() < until {
            world.run_for(LOOK);
            for place in 0..self.places.len() {
                self.look(world, place, &answer);
            }
        }
    }

    fn look(
        &mut self,
        world: &mut World,
        place: usize,
        answer: &impl Fn(&Asked<'_>) -> Option<String>,
    ) {
        let (at, hand, seen) = &mut self.places[place];
        let heard: Vec<String> = world.hand(*hand).heard()[*seen..].to_vec();
        *seen += heard.len();
        let (at, hand) = (*at, *hand);
        for text in heard.iter().filter(|text| text.starts_with("REGISTER")) {
            // Copies are no further questions.
            if self.registers.contains(text) {
                continue;
            }
            self.registers.push(text.clone());
            self.show(world.now(), "→", at, text);
            if let Some(status) = answer(&Asked { at, text }) {
                let said = world.hand(hand).respond(text, &status, "t", "");
                self.show(world.now(), "←", at, &String::from_utf8_lossy(&said));
                world.send(hand, said);
            }
        }
    }

    /// What matters of a message.
    fn show(&mut self, now: Duration, way: &str, at: &str, text: &str) {
        let shown = ["To", "CSeq", "Contact", "Expires", "Min-Expires"];
        let mut lines = text.lines();
        let (seconds, start) = (now.as_secs_f64(), lines.next().unwrap_or_default());
        let line = format!("{seconds:8.1} {way} {at:7} {start}\n");
        self.ladder.push_str(&line);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            let value = match name {
                "Authorization" => "…",
                _ if shown.contains(&name) && way == "→" => value,
                "Expires" | "Min-Expires" => value,
                _ => continue,
            };
            self.ladder
                .extend(["             ", name, ": ", value, "\n"]);
        }
    }

    /// How many REGISTERs it has heard.
    fn count(&self) -> usize {
        self.registers.len()
    }

    /// The last value of that header.
    fn last(&self, name: &str) -> String {
        let header = format!("{name}: ");
        let last = self.registers.last().expect("it was asked");
        let mut lines = last.lines().filter_map(|line| line.strip_prefix(&header));
        lines.next().expect("it has it").to_owned()
    }
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
