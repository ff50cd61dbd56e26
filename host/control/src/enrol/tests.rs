use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use model::{Hop, IdSource, Login, Now, Register, Registration, Transport, Trunk, TrunkId, limits};

use super::{Enrolment, Heard, Step, Terms};

const SECOND: Duration = Duration::from_secs(1);

fn hop(host: u8) -> Hop {
    Hop {
        transport: Transport::Udp,
        address: SocketAddr::from(([192, 0, 2, host], 5060)),
        name: None,
    }
}

fn terms(expires: u32) -> Terms {
    let mut ids = IdSource::new([1; 32], 0, 0);
    let register = Register {
        login: Login {
            user: "us".to_owned(),
            password: "secret".to_owned(),
        },
        registrar: Some("sip.example.com:5080".parse().unwrap()),
        expires,
    };
    let trunk = Trunk {
        register: Some(register),
        ..Trunk::new(TrunkId::mint(&mut ids, 1), "carrier", hop(1).address)
    };
    Terms::of(&trunk).unwrap()
}

fn answer(status: u16) -> Heard {
    Heard {
        status,
        ..Heard::default()
    }
}

fn granted(seconds: u32) -> Heard {
    Heard {
        granted: Some(seconds),
        ..answer(200)
    }
}

/// An enrolment for an hour at two places, and a clock.
struct Scene {
    it: Enrolment,
    now: Now,
}

impl Scene {
    #[allow(clippy::disallowed_methods)] // any instant will do
    fn new() -> Self {
        Self {
            it: Enrolment::new(terms(3_600), "call".to_owned()),
            now: Now {
                mono: Instant::now(),
                unix_ms: 1_000_000,
            },
        }
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now.mono += time;
        self.now.unix_ms += time.as_millis() as u64;
        self
    }

    fn due(&mut self) -> Step {
        self.it.due(self.now.mono, vec![hop(1), hop(2)])
    }

    fn told(&mut self, heard: Heard) -> Step {
        self.it.told(self.now, heard, 0)
    }

    fn leave(&mut self) -> Step {
        self.it.leave(self.now.mono, None)
    }

    fn status(&self) -> Registration {
        self.it.status(self.now)
    }

    fn registered() -> Self {
        let mut scene = Self::new();
        assert_eq!(scene.due(), Step::Ask(hop(1), 3_600));
        assert_eq!(scene.told(granted(600)), Step::Rest(300 * SECOND));
        scene
    }
}

/// RFC 3261 §10.2: the Request-URI names the domain alone, To the user there.
#[test]
fn a_registrar_is_asked_for_its_domain() {
    let terms = terms(60);
    let uris = (terms.uri.to_string(), terms.own.to_string());
    let expect = ("sip:sip.example.com:5080", "sip:us@sip.example.com");
    assert_eq!((uris.0.as_str(), uris.1.as_str()), expect);
}

#[test]
fn it_is_renewed_when_half_of_what_was_granted_is_over() {
    for (seconds, lot, wait) in [
        (3_600, 0, 1_800_000),
        (3_600, 99, 2_156_400),
        (60, 0, 30_000),
        // However little is granted.
        (2, 0, 5_000),
        // However much.
        (u32::MAX, 0, 43_200_000),
    ] {
        let mut scene = Scene::new();
        scene.due();
        let step = scene.it.told(scene.now, granted(seconds), lot);
        assert_eq!(step, Step::Rest(Duration::from_millis(wait)), "{seconds}");
    }
}

#[test]
fn an_answer_that_says_no_time_grants_what_was_asked_for() {
    let mut scene = Scene::new();
    scene.due();
    assert_eq!(scene.told(answer(200)), Step::Rest(1_800 * SECOND));
    assert_eq!(scene.status().until, Some(1_000_000 + 3_600_000));
}

#[test]
fn one_that_does_not_work_is_followed_by_the_next_place_at_once() {
    for status in [408, 500, 502, 503, 504] {
        let mut scene = Scene::new();
        scene.due();
        assert_eq!(scene.told(answer(status)), Step::Ask(hop(2), 3_600));
        assert_eq!(scene.told(granted(3_600)), Step::Rest(1_800 * SECOND));
        assert_eq!(scene.status().failure, None);
        // That place is where it is registered: it is asked first.
        scene.pass(1_800 * SECOND);
        assert_eq!(scene.due(), Step::Ask(hop(2), 3_600), "{status}");
        assert_eq!(scene.told(answer(status)), Step::Ask(hop(1), 3_600));
    }
}

/// RFC 5626 §4.5, its table for a user agent all of whose flows have failed.
#[test]
fn it_waits_longer_after_each_round_that_failed() {
    let mut scene = Scene::new();
    for (least, most) in [
        (30, 60),
        (60, 120),
        (120, 240),
        (240, 480),
        (480, 960),
        (900, 1_800),
        (900, 1_800),
    ] {
        for lot in [0, 999] {
            let mut round = Scene::new();
            std::mem::swap(&mut round.it.failures, &mut scene.it.failures);
            round.due();
            round.told(answer(408));
            let Step::Rest(wait) = round.it.told(round.now, answer(408), lot) else {
                panic!("nobody is left")
            };
            let bound = if lot == 0 { least } else { most };
            let within = (bound - 2..=bound).contains(&wait.as_secs());
            assert!(within, "{wait:?} is not {bound}");
            scene.it.failures = round.it.failures - u32::from(lot == 0);
        }
    }
    scene.due();
    scene.told(granted(600));
    scene.pass(600 * SECOND);
    scene.due();
    scene.told(answer(408));
    assert_eq!(scene.told(answer(408)), Step::Rest(30 * SECOND), "anew");
}

#[test]
fn who_refuses_is_left_alone_for_long_and_no_other_place_is_asked() {
    for status in [302, 400, 401, 403, 404, 407, 423, 486, 603] {
        let mut scene = Scene::new();
        scene.due();
        assert_eq!(
            scene.told(answer(status)),
            Step::Rest(900 * SECOND),
            "{status}"
        );
        assert_eq!(scene.status().failure.unwrap().status, status);
    }
}

#[test]
fn a_registrar_that_wants_to_be_left_alone_is() {
    for (seconds, wait) in [(1, 30), (300, 300), (u32::MAX, 1_800)] {
        let mut scene = Scene::new();
        scene.due();
        scene.told(answer(503));
        let busy = Heard {
            retry_after: Some(seconds),
            ..answer(503)
        };
        assert_eq!(scene.told(busy), Step::Rest(wait * SECOND));
    }
}

#[test]
fn an_interval_too_brief_is_asked_for_again_once_and_kept() {
    let brief = |seconds| Heard {
        min_expires: Some(seconds),
        ..answer(423)
    };
    let mut scene = Scene::new();
    scene.due();
    assert_eq!(scene.told(brief(7_200)), Step::Ask(hop(1), 7_200));
    assert_eq!(scene.told(granted(7_200)), Step::Rest(3_600 * SECOND));
    scene.pass(3_600 * SECOND);
    assert_eq!(scene.due(), Step::Ask(hop(1), 7_200));
    assert_eq!(scene.told(brief(8_000)), Step::Ask(hop(1), 8_000));
    assert_eq!(scene.told(brief(9_000)), Step::Rest(900 * SECOND), "twice");
    for seconds in [0, 3_600, limits::REGISTER_LONGEST + 1, u32::MAX] {
        let mut scene = Scene::new();
        scene.due();
        assert_eq!(scene.told(brief(seconds)), Step::Rest(900 * SECOND));
    }
}

#[test]
fn what_was_granted_lasts_while_it_cannot_be_renewed() {
    let mut scene = Scene::registered();
    scene.pass(300 * SECOND);
    assert_eq!(scene.due(), Step::Ask(hop(1), 3_600));
    scene.told(answer(408));
    scene.told(answer(408));
    let until = Some(1_000_000 + 600_000);
    assert_eq!(scene.status().until, until);
    assert_eq!(scene.status().failure.unwrap().status, 408);
    scene.pass(300 * SECOND);
    assert_eq!(scene.status().until, None);
}

#[test]
fn who_leaves_ends_what_was_granted_where_it_was() {
    let mut scene = Scene::registered();
    assert_eq!(scene.leave(), Step::Ask(hop(1), 0));
    assert!(scene.it.is_leaving());
    for heard in [answer(200), answer(403), answer(408)] {
        let mut scene = Scene::registered();
        scene.leave();
        assert_eq!(
            (scene.told(heard), scene.status().until),
            (Step::Over, None)
        );
    }
    // Nobody answers in time.
    assert_eq!(scene.due(), Step::Over);
}

#[test]
fn who_was_granted_nothing_leaves_without_a_word() {
    assert_eq!(Scene::new().leave(), Step::Over);
    let mut scene = Scene::new();
    scene.due();
    scene.told(answer(403));
    assert_eq!(scene.leave(), Step::Over);
    let mut scene = Scene::registered();
    assert_eq!(scene.pass(600 * SECOND).leave(), Step::Over);
}

#[test]
fn who_leaves_while_it_asks_ends_what_is_granted_then() {
    let mut scene = Scene::new();
    scene.due();
    assert_eq!(scene.leave(), Step::Wait);
    assert_eq!(scene.told(granted(600)), Step::Ask(hop(1), 0));
    assert_eq!(scene.told(answer(200)), Step::Over);
    let mut scene = Scene::new();
    scene.due();
    scene.leave();
    assert_eq!(scene.told(answer(503)), Step::Over);
    // What it had before ends too.
    let mut scene = Scene::registered();
    scene.pass(300 * SECOND).due();
    scene.leave();
    assert_eq!(scene.told(answer(403)), Step::Ask(hop(1), 0));
}

/// RFC 5626 §4.2. Whoever keeps no connections is asked every two minutes at most.
#[test]
fn a_lost_connection_is_worth_another_register_two_minutes_after_the_last() {
    let lost = |scene: &mut Scene, host| scene.it.lost(scene.now.mono, hop(host), 500);
    let mut scene = Scene::registered();
    assert_eq!(lost(&mut scene, 1), Step::Rest(121 * SECOND));
    assert_eq!(lost(scene.pass(100 * SECOND), 1), Step::Rest(21 * SECOND));
    assert_eq!(lost(&mut scene, 2), Step::Wait, "somebody else's");
    assert_eq!(lost(scene.pass(150 * SECOND), 1), Step::Rest(SECOND));
    assert_eq!(scene.due(), Step::Ask(hop(1), 3_600));
    assert_eq!(lost(&mut scene, 1), Step::Wait, "it asks");
    scene.told(granted(600));
    assert_eq!(lost(scene.pass(600 * SECOND), 1), Step::Wait, "it is over");
}

#[test]
fn a_lost_connection_puts_nothing_off() {
    let lost = |scene: &mut Scene| scene.it.lost(scene.now.mono, hop(1), 0);
    // It is renewed after half a minute, and two minutes are more.
    let mut scene = Scene::new();
    scene.due();
    assert_eq!(scene.told(granted(60)), Step::Rest(30 * SECOND));
    assert_eq!(lost(&mut scene), Step::Wait);
}

#[test]
fn a_connection_that_is_lost_with_a_refusal_brings_no_further_register() {
    let mut scene = Scene::registered();
    scene.pass(300 * SECOND).due();
    assert_eq!(scene.told(answer(403)), Step::Rest(900 * SECOND));
    assert_eq!(scene.it.lost(scene.now.mono, hop(1), 0), Step::Wait);
}

#[test]
fn without_a_place_it_waits_for_one() {
    let mut scene = Scene::new();
    assert_eq!(scene.it.due(scene.now.mono, vec![]), Step::Wait);
    assert!(scene.it.is_nowhere());
    assert_eq!(scene.due(), Step::Ask(hop(1), 3_600));
    assert_eq!(scene.due(), Step::Wait, "it has asked");
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut scene = Scene::registered();
    let before = scene.status();
    assert_eq!(scene.told(answer(403)), Step::Wait);
    assert_eq!(scene.status(), before);
}

/// One REGISTER may take five: RFC 3261 §22.2 wants each to have a higher CSeq.
#[test]
fn each_is_told_apart_by_a_higher_number() {
    let mut scene = Scene::new();
    let all = [(); 3].map(|()| scene.it.next_cseq());
    assert_eq!(all, [1, 6, 11]);
}
