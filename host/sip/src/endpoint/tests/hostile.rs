//! Mutilated messages: whatever arrives, nothing panics, nothing is our bug, nothing stays.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::dialogs::{peer, peer_request};
use super::pair::{A, DELAY, Pair, invite, sdp, without_errors};
use crate::wire::{self, Message};
use crate::{Event, Input};

const ROUNDS: u64 = 1_000;

/// What a mutation puts in: the octets that parsers trip over.
const BITS: [&str; 22] = [
    "\r\n",
    "\n",
    "\r\n ",
    "\0",
    ";",
    ",",
    ":",
    "\"",
    "<",
    ">",
    "\\",
    "%",
    "=",
    " ",
    "@",
    "[",
    "é",
    "tag=",
    ";tag",
    "SIP/2.0",
    "z9hG4bK",
    "99999999999",
];

fn mutilate(rng: &mut ChaCha8Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.next_u64() % 4 {
        let at = (rng.next_u64() % (bytes.len() as u64 + 1)) as usize;
        let to = (at + (rng.next_u64() % 12) as usize).min(bytes.len());
        match rng.next_u64() % 4 {
            0 => drop(bytes.drain(at..to)),
            1 => bytes[at..to].fill(rng.next_u64() as u8),
            2 => {
                let again = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, again));
            }
            _ => {
                let bit = BITS[(rng.next_u64() % BITS.len() as u64) as usize];
                drop(bytes.splice(at..at, bit.bytes()));
            }
        }
    }
    bytes
}

/// An INVITE with everything that an answer repeats.
fn call(number: u64) -> String {
    format!(
        "INVITE sip:bob@10.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bK{number}\r\n\
         Via: SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bKfirst;received=192.0.2.1\r\n\
         Record-Route: <sip:10.0.0.9;lr>, \"P, 2\" <sip:[2001:db8::2]:5070;lr>;x=y\r\n\
         Max-Forwards: 70\r\n\
         From: \"A \\\"B\\\" é\" <sip:peer@10.0.0.9;x=%20?a=b>;tag=peer\r\n\
         To: bob <sip:bob@10.0.0.1>\r\n\
         Call-ID: by-hand-{number}\r\n\
         CSeq: 1 INVITE\r\n\
         Timestamp: 54\r\n\
         Contact: \"x\" <sip:peer@10.0.0.9:5060;transport=udp?h=v>;q=1\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: 5\r\n\r\noffer"
    )
}

/// The owner: accepts every call, and hangs up whatever it did not ask for.
fn own(pair: &mut Pair, rng: &mut ChaCha8Rng) {
    while let Some(event) = pair.events[A].pop_front() {
        match event {
            Event::Incoming(incoming) => {
                let dialog = incoming.dialog;
                let early = Some(sdp("early"));
                pair.input(
                    A,
                    Input::Progress {
                        dialog,
                        status: 183,
                        sdp: early,
                    },
                );
                pair.input(
                    A,
                    Input::Accept {
                        dialog,
                        sdp: sdp("answer"),
                    },
                );
            }
            Event::Reoffer { dialog, .. } => {
                pair.input(
                    A,
                    Input::Reanswer {
                        dialog,
                        answer: Ok(sdp("again")),
                    },
                );
            }
            Event::Accepted { dialog, .. } | Event::Confirmed { dialog, .. }
                if rng.next_u64().is_multiple_of(2) =>
            {
                pair.input(
                    A,
                    Input::Release {
                        dialog,
                        status: 200,
                    },
                );
            }
            _ => {}
        }
    }
}

#[test]
fn mutilated_messages_do_no_harm() {
    without_errors(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut pair = Pair::new();
        for round in 0..ROUNDS {
            let whole = call(round);
            let bytes = mutilate(&mut rng, whole.as_bytes());
            pair.inject(peer(), A, bytes);
            if round.is_multiple_of(4) {
                let dialog = pair.ends[A].new_dialog();
                pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
            }
            own(&mut pair, &mut rng);
            pair.run(DELAY);
            while let Some(packet) = pair.strays.pop_front() {
                for text in replies(&packet.bytes) {
                    let bytes = mutilate(&mut rng, &text);
                    pair.inject(peer(), A, bytes);
                    own(&mut pair, &mut rng);
                }
            }
        }
        for id in 1..=ROUNDS * 2 {
            let dialog = crate::DialogId(id);
            pair.input(
                A,
                Input::Release {
                    dialog,
                    status: 487,
                },
            );
        }
        pair.rest();
        // Enough of them were whole to get somewhere.
        for name in [
            "200 INVITE",
            "400 INVITE",
            "491 INVITE",
            "ACK",
            "BYE",
            "200 BYE",
            "481 BYE",
        ] {
            assert!(pair.count(name) > 20, "{name}");
        }
    });
}

/// What the peer says to what it got.
fn replies(bytes: &bytes::Bytes) -> Vec<Vec<u8>> {
    match wire::parse(bytes) {
        Ok(Message::Response(ok)) if ok.status() == 200 => ["ACK", "INVITE", "CANCEL", "BYE"]
            .iter()
            .zip(1..)
            .map(|(method, cseq)| {
                let branch = format!(
                    "{}{method}",
                    ok.headers().via().branch().unwrap_or("z9hG4bK")
                );
                peer_request(&ok, method, cseq, &branch, Some("again")).into_bytes()
            })
            .collect(),
        Ok(Message::Request(request)) if request.method().as_str() != "ACK" => [180, 200, 404]
            .into_iter()
            .filter_map(|status| {
                let contact = "sip:peer@10.0.0.9".parse().ok()?;
                let answer = request.respond(status, Some("t")).contact(&contact);
                let answer = answer
                    .header("Record-Route", "<sip:10.0.0.9;lr>")
                    .build()
                    .ok()?;
                Some(answer.to_vec())
            })
            .collect(),
        _ => vec![],
    }
}
