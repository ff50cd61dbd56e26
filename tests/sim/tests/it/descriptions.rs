//! Session descriptions that telephones of ours never make (RFC 3264): what is refused, in which words, and
//! what of a session stays as it was.

use std::time::Duration;

use control::phone::Input;
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(scene: impl FnOnce(&mut World)) {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        scene(&mut world);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
}

/// 1001 by hand, which may call 3001 by 2001; that one answers.
pub(crate) fn caller(world: &mut World) -> usize {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    hand
}

/// The final answer to its next INVITE.
fn invites(world: &mut World, hand: usize, sdp: &str) -> String {
    let invite = world.hand(hand).invite("2001", sdp);
    world.send(hand, invite);
    world.run_for(3 * SECOND);
    let answer = world.hand(hand).heard().last().unwrap().clone();
    if answer.starts_with("SIP/2.0 2") {
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
    }
    answer
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines()
        .find(|line| line.starts_with(start))
        .unwrap_or("")
}

#[test]
fn an_offer_that_cannot_be_answered_is_told_why() {
    play(|world| {
        let hand = caller(world);
        let good = world.hand(hand).sdp("sendrecv");
        for (sdp, status, warning) in [
            (
                good.replace("RTP/AVP 8", "RTP/AVP 18"),
                "SIP/2.0 488",
                "Warning: 305 Jackfield \"no audio codec in common, peer has `18`\"",
            ),
            (
                good.replace("m=audio", "m=video"),
                "SIP/2.0 488",
                "Warning: 304 Jackfield \"no audio in the session description\"",
            ),
            (
                good.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"),
                "SIP/2.0 488",
                "Warning: 303 Jackfield \"no audio over RTP/AVP, peer has `UDP/TLS/RTP/SAVPF`\"",
            ),
            (
                good.replace("c=", "x="),
                "SIP/2.0 400",
                "Warning: 399 Jackfield \"malformed session description: \
                 no c= line for the audio stream\"",
            ),
        ] {
            let answer = invites(world, hand, &sdp);
            assert!(answer.starts_with(status), "{answer}");
            assert_eq!(line(&answer, "Warning"), warning);
            world.hand(hand).another_call();
        }
    });
}

/// The `m=` lines of the answer to the offer that is made of a good one and its `c=` line.
fn streams(offer: impl FnOnce(&str, &str) -> String) -> Vec<String> {
    let mut streams = Vec::new();
    play(|world| {
        let hand = caller(world);
        let good = world.hand(hand).sdp("sendrecv");
        let address = line(&good, "c=").to_owned() + "\r\n";
        let answer = invites(world, hand, &offer(&good, &address));
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        let all = answer.lines().filter(|line| line.starts_with("m="));
        streams = all.map(str::to_owned).collect();
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
    });
    streams
}

#[test]
fn an_offer_is_answered_over_the_family_of_its_audio() {
    const ELSEWHERE: &str = "c=IN IP6 2001:db8::1\r\n";
    // The address of the stream overrides that of the session (RFC 8866 §5.7).
    let overridden = |good: &str, address: &str| good.replacen(address, ELSEWHERE, 1) + address;
    let answered = streams(overridden);
    assert_eq!(answered.len(), 1);
    assert!(!answered[0].starts_with("m=audio 0"), "{answered:?}");
    let video = format!("m=video 9 RTP/AVP 31\r\n{ELSEWHERE}m=audio");
    let answered =
        streams(|good, address| good.replacen(address, "", 1).replace("m=audio", &video) + address);
    assert_eq!(answered.len(), 2);
    assert!(!answered[1].starts_with("m=audio 0"), "{answered:?}");
}

#[test]
fn what_is_odd_beside_good_audio_costs_no_call() {
    let odd = "b=X-y:z\r\nm=message 2855 TCP/MSRP\r\nk=a\r\nk=b\r\n";
    let answered = streams(|good, _| good.to_owned() + odd);
    assert_eq!(answered.len(), 2);
    assert!(!answered[0].starts_with("m=audio 0"), "{answered:?}");
    assert_eq!(answered[1], "m=message 0 TCP/MSRP *");
}

#[test]
fn an_offer_within_a_call_that_is_refused_changes_nothing_and_is_told_why() {
    play(|world| {
        let hand = caller(world);
        let good = world.hand(hand).sdp("sendrecv");
        let first = invites(world, hand, &good);
        let odd = good.replace("c=IN IP4 ", "c=IN IP6 ::");
        let refusal = invites(world, hand, &odd);
        assert!(refusal.starts_with("SIP/2.0 488"), "{refusal}");
        assert!(line(&refusal, "Warning").starts_with("Warning: 302 Jackfield \"unusable media"));
        let again = invites(world, hand, &good);
        assert_eq!(line(&again, "o="), line(&first, "o="));
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
    });
}

/// RFC 3264 §8.
#[test]
fn the_version_grows_with_each_change_and_with_nothing_else() {
    play(|world| {
        let hand = caller(world);
        let mut version = |way: &str| -> u64 {
            let sdp = world.hand(hand).sdp(way);
            let answer = invites(world, hand, &sdp);
            let origin = line(&answer, "o=").split(' ').nth(2);
            origin.unwrap().parse().unwrap()
        };
        let first = version("sendrecv");
        assert_eq!(version("sendrecv"), first);
        assert_eq!(version("sendonly"), first + 1);
        assert_eq!(version("sendonly"), first + 1);
        assert_eq!(version("sendrecv"), first + 2);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
    });
}
