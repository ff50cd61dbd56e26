use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Forwarded, MOST, SHARE};
use crate::placement::Placement;

const OWN: u8 = 0;
const SECOND: Duration = Duration::from_secs(1);

fn message(start: &str, branch: &str, call_id: &str, more: &str) -> Bytes {
    let method = start.split(' ').next_back().unwrap();
    let start = match start.split_once(' ') {
        Some((status, _)) => format!("SIP/2.0 {status} OK"),
        None => format!("{method} sip:x@y SIP/2.0"),
    };
    let message = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{branch}\r\nFrom: <sip:a@b>;tag=1\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: <sip:a@b>\r\n{more}\
         Content-Length: 0\r\n\r\n"
    );
    message.into()
}

/// A node of two shards, as the first one sees what another's dialogs are.
struct Scene {
    forwarded: Forwarded,
    placement: Placement,
    now: Instant,
    source: IpAddr,
}

impl Scene {
    #[allow(clippy::disallowed_methods)] // any instant will do
    fn new() -> Self {
        Self {
            forwarded: Forwarded::default(),
            placement: Placement::new([7; 16], 2),
            now: Instant::now(),
            source: Ipv4Addr::LOCALHOST.into(),
        }
    }

    fn owner(&mut self, message: &Bytes) -> Option<u8> {
        let place = (&self.placement, OWN);
        self.forwarded.owner(self.now, place, self.source, message)
    }

    /// An INVITE that replaces a dialog of the other shard, or of this one.
    fn takes_over(&self, call_id: &str, own: bool) -> Bytes {
        let is = |id: &String| (self.placement.shard_of(id.as_bytes()) == OWN) == own;
        let id = (0..100).map(|n: u32| n.to_string()).find(is).unwrap();
        let more = format!("To: <sip:x@y>\r\nReplaces: {id};to-tag=1;from-tag=2\r\n");
        message("INVITE", "1", call_id, &more)
    }

    fn begins(&mut self, call_id: &str) -> Option<u8> {
        let invite = self.takes_over(call_id, false);
        self.owner(&invite)
    }

    /// What follows in its dialog.
    fn goes_on(&mut self, start: &str, branch: &str, call_id: &str) -> Option<u8> {
        self.owner(&message(start, branch, call_id, "To: <sip:x@y>;tag=2\r\n"))
    }
}

#[test]
fn what_takes_a_place_elsewhere_goes_there_with_all_that_follows() {
    let mut scene = Scene::new();
    let here = scene.takes_over("a", true);
    assert_eq!(scene.owner(&here), None);
    assert_eq!(scene.goes_on("BYE", "2", "a"), None);
    assert_eq!(scene.begins("a"), Some(1));
    assert_eq!(scene.goes_on("BYE", "2", "a"), Some(1));
    assert_eq!(scene.goes_on("200 INVITE", "2", "a"), Some(1));
    assert_eq!(scene.goes_on("BYE", "2", "b"), None);
}

#[test]
fn one_that_was_not_accepted_is_forgotten_with_its_transaction() {
    // The ACK of a refusal has the branch of its INVITE: RFC 3261 §17.1.1.3.
    for (start, branch) in [("ACK", "1"), ("CANCEL", "1"), ("INVITE", "")] {
        let mut scene = Scene::new();
        scene.begins("a");
        if branch.is_empty() {
            scene.begins("a");
        } else {
            assert_eq!(scene.goes_on(start, branch, "a"), Some(1));
        }
        scene.now += 31 * SECOND;
        assert_eq!(scene.goes_on("ACK", "1", "a"), Some(1), "{start}");
        scene.now += 32 * SECOND;
        assert_eq!(scene.goes_on("ACK", "1", "a"), None, "{start}");
    }
}

#[test]
fn one_that_was_accepted_lasts_until_its_call_has_ended() {
    for start in ["BYE", "200 BYE"] {
        let mut scene = Scene::new();
        scene.begins("a");
        assert_eq!(scene.goes_on("ACK", "2", "a"), Some(1));
        for _ in 0..3 {
            scene.now += 3_599 * SECOND;
            assert_eq!(scene.goes_on("200 INVITE", "3", "a"), Some(1));
        }
        assert_eq!(scene.goes_on(start, "4", "a"), Some(1));
        scene.now += 32 * SECOND;
        assert_eq!(scene.goes_on(start, "4", "a"), None, "{start}");
    }
}

#[test]
fn one_of_which_nothing_was_heard_for_an_hour_is_forgotten() {
    let mut scene = Scene::new();
    scene.begins("a");
    scene.goes_on("ACK", "2", "a");
    scene.now += 3_600 * SECOND;
    assert_eq!(scene.goes_on("BYE", "3", "a"), None);
}

#[test]
fn a_source_has_its_share_and_leaves_the_others_theirs() {
    let mut scene = Scene::new();
    // A network of IPv6 is one source.
    let host = |n: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n).into();
    for n in 0..SHARE {
        scene.source = host(n as u16);
        assert_eq!(scene.begins(&format!("call{n}")), Some(1));
        scene.goes_on("ACK", "2", &format!("call{n}"));
    }
    scene.source = host(99);
    assert_eq!(scene.begins("more"), None);
    assert_eq!(scene.forwarded.refused(), 1);
    scene.source = Ipv4Addr::LOCALHOST.into();
    assert_eq!(scene.begins("other"), Some(1));
    // A call that ends makes room.
    scene.source = host(99);
    scene.goes_on("BYE", "3", "call0");
    assert_eq!(scene.begins("more"), None);
    scene.now += 32 * SECOND;
    assert_eq!(scene.begins("more"), Some(1));
}

#[test]
fn there_are_no_more_of_them_than_the_limit() {
    let mut scene = Scene::new();
    for n in 0..MOST {
        scene.source = Ipv4Addr::from_bits((n / SHARE) as u32).into();
        assert_eq!(scene.begins(&format!("call{n}")), Some(1));
    }
    scene.source = Ipv4Addr::LOCALHOST.into();
    assert_eq!(scene.begins("more"), None);
    assert_eq!(scene.forwarded.refused(), 1);
    scene.now += 32 * SECOND;
    assert_eq!(scene.begins("more"), Some(1));
}
