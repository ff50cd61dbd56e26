//! Packets of Opus from a stranger: at a decoder, at an ear, and at a bridge to each codec; and what is said back to
//! whoever sent them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use media::codec::{Codec, Decoder, Encoder, FRAME_SAMPLES, LONGEST_SAMPLES, Rate};
use media::plane::ear::Ear;
use media::rtp::{self, Fixed};
use media::sdp::{Direction, Negotiated, Packing, Types};
use media::tone::Tone;
use media::{Command, Family, Plane, PortId, plane};

/// Who speaks Opus, and who the codec of the bridge's other end.
const PORTS: [PortId; 2] = [PortId(1), PortId(2)];

const TICK: Duration = Duration::from_millis(20);

/// What no decoder wrote: nothing of speech is as loud.
const UNWRITTEN: i16 = i16::MIN + 1;

/// Three packets of a tone as a telephone sends them.
static GOOD: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let mut encoder = Encoder::new(Codec::Opus, Rate::Wide);
    let mut tone = Tone::new(200, -12.0);
    std::array::from_fn(|_| {
        let (mut samples, mut packet) = ([0; FRAME_SAMPLES], [0; 400]);
        tone.fill(&mut samples);
        let length = encoder.encode(&samples, &mut packet);
        packet[..length].to_vec()
    })
});

/// Panics where it does not hold. The clock begins at `start`. The first octet chooses the rate and the other codec;
/// then each packet: of whom and to whom, how much later, how far its timestamp goes, how long it is; then its octets.
pub(crate) fn check(start: Instant, input: &[u8]) {
    let Some((scene, mut rest)) = input.split_first() else {
        return;
    };
    let rate = [Rate::Narrow, Rate::Wide][usize::from(scene % 2)];
    let other = Codec::ALL[usize::from(scene / 2) % Codec::ALL.len()];
    let mut decoder = Decoder::new(Codec::Opus, rate);
    let mut listener = Listener::new(start, rate);
    let mut bridge = Bridge::new(start, other, scene & 0x80 != 0);
    let mut now = start;
    while let [what, later, far, length, tail @ ..] = rest {
        // From an octet to longer than any packet may be.
        let length = usize::from(*length) << (what >> 6);
        let (payload, tail) = tail.split_at(tail.len().min(length));
        rest = tail;
        now += Duration::from_millis(u64::from(later % 64));
        let step = match what & 0x30 {
            0x30 => 0_u32.wrapping_sub(u32::from(*far) * 120),
            _ => u32::from(*far) * 120,
        };
        match what % 4 {
            0 => decode(&mut decoder, rate, payload),
            1 => listener.hear(now, step, payload),
            2 => bridge.pass(now, 0, step, payload),
            _ => bridge.pass(now, 1, step, payload),
        }
    }
    bridge.close(now);
    // Whatever came: who begins to speak is heard.
    let mut loudest = 0;
    for packet in &*GOOD {
        let mut samples = [0; FRAME_SAMPLES];
        let heard = decoder.decode(packet, &mut samples);
        assert_eq!(heard, rate.frame());
        let levels = samples[..heard].iter().map(|it| it.unsigned_abs());
        loudest = levels.max().unwrap_or(0).max(loudest);
    }
    assert!(loudest > 0, "deaf");
}

/// One packet by itself: it is as long as it says, or none.
fn decode(decoder: &mut Decoder, rate: Rate, payload: &[u8]) {
    let codec = Codec::Opus;
    let lasts = codec.lasts(payload);
    assert!(lasts <= 120 * codec.per_ms());
    let mut samples = [UNWRITTEN; LONGEST_SAMPLES + 1];
    let heard = decoder.decode(payload, &mut samples);
    let said = lasts as usize * rate.frame() / (20 * codec.per_ms() as usize);
    assert!(heard == 0 || heard == said, "{heard} of {said}");
    assert!(samples[heard..].iter().all(|it| *it == UNWRITTEN));
}

/// Somebody in a conference.
struct Listener {
    ear: Ear,
    tick: Instant,
    timestamp: u32,
    /// Pieces of 10 ms that came.
    put: u64,
}

impl Listener {
    fn new(start: Instant, rate: Rate) -> Self {
        Listener {
            ear: Ear::new(rate),
            tick: start,
            timestamp: 0,
            put: 0,
        }
    }

    /// Nothing is heard but what came, and once.
    fn hear(&mut self, now: Instant, step: u32, payload: &[u8]) {
        let (codec, rate) = (Codec::Opus, self.ear.rate());
        while self.tick <= now {
            let mut samples = [0; FRAME_SAMPLES];
            self.ear.take(self.tick, &mut samples[..rate.frame()]);
            self.tick += TICK;
        }
        self.timestamp = self.timestamp.wrapping_add(step);
        self.ear.put(now, 1, self.timestamp, codec, payload);
        self.put += u64::from(codec.lasts(payload) / (10 * codec.per_ms()));
        let counts = self.ear.jitter().counts();
        assert!(counts.played <= self.put, "more was heard than came");
    }
}

/// Two ports, of which the first has Opus.
struct Bridge {
    plane: Plane,
    codecs: [Codec; 2],
    /// The header of each party's next packet.
    next: [Fixed; 2],
}

impl Bridge {
    fn new(start: Instant, other: Codec, to_tones: bool) -> Self {
        let mut plane = Plane::new([7; 32], plane::Limits::default());
        let codecs = [Codec::Opus, other];
        for (port, codec) in PORTS.into_iter().zip(codecs) {
            let family = Family::V4;
            plane.handle_input(start, Command::Open { port, family });
            plane.handle_bound(port, Ok(address(9, port)));
            plane.handle_input(start, Command::Listen { port, to_tones });
            let configure = Command::Configure {
                port,
                agreed: Box::new(agreed(port, codec)),
                signalling: address(0, port).ip(),
            };
            plane.handle_input(start, configure);
        }
        let [a, b] = PORTS;
        plane.handle_input(start, Command::Bridge { a, b });
        let next = codecs.map(|codec| Fixed {
            marker: false,
            payload_type: codec.payload_type(),
            sequence: 0,
            timestamp: 0,
            ssrc: 1,
        });
        Bridge {
            plane,
            codecs,
            next,
        }
    }

    /// What leaves is a packet that lasts as long as what came, or nothing.
    fn pass(&mut self, now: Instant, side: usize, step: u32, payload: &[u8]) {
        let (from, to) = (self.codecs[side], self.codecs[1 - side]);
        let fixed = &mut self.next[side];
        fixed.sequence = fixed.sequence.wrapping_add(1);
        fixed.timestamp = fixed.timestamp.wrapping_add(step);
        let mut datagram = rtp::build(*fixed, payload);
        let (port, whole) = (PORTS[side], datagram.len());
        let mut sent = 0;
        let mut look = |packet: &[u8]| {
            let read = rtp::parse(packet).expect("it is RTP");
            let said = &packet[read.payload];
            assert_eq!(read.fixed.payload_type, to.payload_type());
            if from == to {
                assert_eq!(said, payload, "it is relayed as it came");
            }
            assert_eq!(
                to.lasts(said) * from.per_ms(),
                from.lasts(payload) * to.per_ms(),
                "it lasts as long"
            );
            sent += 1;
        };
        let source = address(0, port);
        if let Some(forward) = self.plane.handle_packet(now, port, source, &mut datagram) {
            assert!(forward.len <= whole, "it grew");
            look(&datagram[..forward.len]);
        }
        while let Some((forward, packet)) = self.plane.poll_packet() {
            assert_eq!(forward.len, packet.len());
            look(packet);
        }
        assert!(sent <= 1, "one packet became {sent}");
        while self.plane.poll_output().is_some() {}
    }

    fn close(mut self, now: Instant) {
        for port in PORTS {
            self.plane.handle_input(now, Command::Close { port });
        }
        while self.plane.poll_output().is_some() {}
        assert_eq!(self.plane.ports(), 0);
    }
}

/// A party that sends from the address of its description.
fn agreed(port: PortId, codec: Codec) -> Negotiated {
    let payload_type = codec.payload_type();
    Negotiated {
        remote: address(0, port),
        remote_rtcp: None,
        codec,
        payload_type,
        receive: vec![(payload_type, codec)],
        telephone_event: Some(Types {
            send: 101,
            receive: 101,
        }),
        noise: None,
        packing: Packing::default(),
        direction: Direction::SendRecv,
        srtp: None,
    }
}

fn address(host: u8, port: PortId) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, host), 20_000 + port.0 as u16).into()
}
