//! What needs a process of its own: the count of allocations, and real sockets.

mod allocations;
mod counting;
mod fuzzed;
mod killed;
mod loopback;
mod playing;
mod reporting;

use std::net::SocketAddr;
use std::time::Instant;

use media::sdp::{Codec, Direction, Negotiated, Types};

/// The tests' own clock.
#[allow(
    clippy::disallowed_methods,
    reason = "tests of real sockets run in real time"
)]
fn clock() -> Instant {
    Instant::now()
}

/// An agreement with a peer at this address, who speaks this codec.
fn agreed(remote: SocketAddr, codec: Codec) -> Negotiated {
    Negotiated {
        remote,
        remote_rtcp: None,
        codec,
        payload_type: codec.payload_type(),
        receive: vec![(codec.payload_type(), codec)],
        telephone_event: Some(Types {
            send: 101,
            receive: 101,
        }),
        noise: None,
        packing: media::sdp::Packing::default(),
        direction: Direction::SendRecv,
        srtp: None,
    }
}
