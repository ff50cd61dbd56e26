//! The order of what a port receives: sequence, loss and jitter (RFC 3550 §A.1, §A.3, §A.8).
//!
//! A *stream* is an unbroken run of sequence numbers of one SSRC, by one clock. A new SSRC, a restarted sender,
//! a clock that goes back or a new agreement begins the next stream; so whoever sends the packets on knows when
//! the source changed without comparing anything else. Another SSRC is believed at its second packet in a row, as a
//! restarted sender is, and not while the one before is still heard (RFC 3550 §A.1). Events may have an SSRC of their own
//! beside the audio: they are put between the packets of its stream.

use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::dtmf::SEGMENT;
use crate::limits::{CLOCK_BACK, JITTER_SETTLED, MAX_DROPOUT, MAX_MISORDER, SSRC_HEARD};
use crate::rtp::Fixed;

/// A packet's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Number of the stream within this port.
    pub(crate) stream: u64,
    /// Place within the stream: 0 for its first packet, below that for late ones.
    pub(crate) index: i64,
}

/// What was received of the stream that is heard now, as a report tells it (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    pub(crate) ssrc: u32,
    /// The highest sequence number, with the count of its cycles above.
    pub(crate) highest: u32,
    /// Packets that there should be.
    pub(crate) expected: u64,
    pub(crate) received: u64,
    /// In units of the RTP clock.
    pub(crate) jitter: u32,
}

impl Reception {
    /// With what was received before of the same source. What it sent between the two, which nobody wanted, is not
    /// lost; its numbers went on.
    fn after(self, before: &Reception, first: u16) -> Self {
        let step = first.wrapping_sub(before.highest as u16);
        let begin = if step > u16::MAX - MAX_MISORDER {
            before.highest.wrapping_sub(u32::from(step.wrapping_neg()))
        } else {
            before.highest.wrapping_add(u32::from(step))
        };
        let ahead = self.highest.wrapping_sub(u32::from(first));
        Reception {
            highest: before.highest.max(begin.wrapping_add(ahead)),
            expected: before.expected + self.expected,
            received: before.received + self.received,
            ..self
        }
    }
}

/// See the module's header.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    streams: u64,
    current: Option<Stream>,
    /// Of the streams before.
    lost: u64,
    jitter: Duration,
    /// What was received of the last one: its source may go on in the next.
    before: Option<Box<Reception>>,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// Units of the RTP clock in a millisecond, of its last audio.
    per_ms: u32,
    /// The highest sequence number so far, and its index.
    sequence: u16,
    highest: i64,
    received: u64,
    /// Added to an index gives the place that is told.
    shift: i64,
    /// Indices below have no place: they are of another clock, or theirs was given to events beside.
    floor: i64,
    /// The SSRC and the number that would follow a packet out of the way: a second one proves it.
    suspect: Option<(u32, u16)>,
    first_arrival: Instant,
    /// Arrival and timestamp of the last audio packet, both in timestamp units.
    transit: Option<(u32, u32)>,
    /// Sixteen times the jitter.
    jitter: u64,
    aside: Option<Aside>,
}

/// The event of another SSRC that came last.
#[derive(Clone, Copy, Debug)]
struct Aside {
    ssrc: u32,
    /// The highest sequence number.
    sequence: u16,
    /// Its timestamp, and the same by the clock of the stream.
    theirs: u32,
    ours: u32,
}

impl Inbound {
    /// The next packet begins a new stream, be it of another source or of the same.
    pub(crate) fn restart(&mut self) {
        let (received, jitter) = (self.reception(), self.jitter());
        if let Some((ended, received)) = self.current.take().zip(received) {
            self.lost += ended.lost();
            self.jitter = jitter;
            match &mut self.before {
                Some(before) => **before = received,
                None => self.before = Some(Box::new(received)),
            }
        }
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost + self.current.as_ref().map_or(0, Stream::lost)
    }

    /// How many streams there were.
    pub(crate) fn streams(&self) -> u64 {
        self.streams
    }

    /// Of the current stream, or of the last one: one that has just begun says little yet.
    pub(crate) fn jitter(&self) -> Duration {
        match &self.current {
            Some(stream) if stream.received >= JITTER_SETTLED => stream.jitter_time(),
            Some(stream) => stream.jitter_time().max(self.jitter),
            None => self.jitter,
        }
    }

    /// Of the current stream, and of those before of its source.
    pub(crate) fn reception(&self) -> Option<Reception> {
        let stream = self.current.as_ref()?;
        let first = stream.sequence.wrapping_sub(stream.highest as u16);
        let own = Reception {
            ssrc: stream.ssrc,
            highest: (i64::from(first) + stream.highest) as u32,
            expected: stream.highest as u64 + 1,
            received: stream.received,
            jitter: stream.jitter(),
        };
        Some(match self.before(stream.ssrc) {
            Some(before) => own.after(before, first),
            None => own,
        })
    }

    fn before(&self, ssrc: u32) -> Option<&Reception> {
        self.before.as_deref().filter(|before| before.ssrc == ssrc)
    }

    /// Finds the place of a packet; `None` if it is too far off to be believed alone. Of audio its codec is
    /// given.
    #[inline]
    pub(crate) fn register(
        &mut self,
        now: Instant,
        fixed: &Fixed,
        audio: Option<Codec>,
    ) -> Option<Order> {
        if let Some(stream) = &mut self.current {
            let is_same = fixed.ssrc == stream.ssrc;
            let is_proved = stream.suspect == Some((fixed.ssrc, fixed.sequence));
            if !is_same && (!is_proved || stream.is_heard(now)) {
                stream.suspect(fixed);
                return None;
            }
            if is_proved {
                self.restart();
            }
            if is_proved && is_same {
                self.before = None; // it counts from its beginning (RFC 3550 §A.1)
            }
        }
        if self.current.is_none() {
            self.streams += 1;
            let measured = self.before(fixed.ssrc).map(|_| self.jitter);
            self.current = Some(Stream::new(now, fixed, measured.unwrap_or_default()));
        }
        let stream = self.current.as_mut()?;
        let index = stream.find(fixed)?;
        let is_newest = index == stream.highest;
        if is_newest && audio.is_some_and(|codec| stream.goes_back(fixed.timestamp, codec)) {
            self.streams += 1;
            (stream.shift, stream.floor) = (-index, index);
            (stream.transit, stream.aside) = (None, None);
        }
        let order = Order {
            stream: self.streams,
            index: stream.place(index)?,
        };
        // Packets of one event share a timestamp, so they say nothing about jitter.
        if let Some(codec) = audio {
            stream.measure(now, fixed.timestamp, codec.per_ms());
        }
        Some(order)
    }

    /// Whether an event is of another SSRC than the audio that is heard.
    pub(crate) fn is_aside(&self, event: &Fixed) -> bool {
        let is_other = |it: &Stream| it.ssrc != event.ssrc && it.transit.is_some();
        self.current.as_ref().is_some_and(is_other)
    }

    /// Finds the place of such a packet between those of the audio, and its timestamp by their clock. `None` if an event
    /// behind it has come.
    pub(crate) fn put_aside(&mut self, now: Instant, event: &mut Fixed) -> Option<Order> {
        let stream = self.current.as_mut()?;
        let (arrival, timestamp) = stream.transit?;
        let reading = timestamp.wrapping_add(stream.arrival(now).wrapping_sub(arrival));
        let last = stream.aside.filter(|it| it.ssrc == event.ssrc);
        let last = last.unwrap_or(Aside {
            ssrc: event.ssrc,
            sequence: event.sequence,
            theirs: event.timestamp,
            ours: reading,
        });
        let newer = event.sequence.wrapping_sub(last.sequence) as i16 > 0;
        let ours = match event.timestamp.wrapping_sub(last.theirs) {
            // The same event, or the next segment of it.
            step @ (0 | SEGMENT) => last.ours.wrapping_add(step),
            _ if newer => reading,
            _ => return None,
        };
        stream.aside = Some(Aside {
            sequence: if newer { event.sequence } else { last.sequence },
            theirs: event.timestamp,
            ours,
            ..last
        });
        event.timestamp = ours;
        stream.floor = stream.highest + 1;
        let index = stream.floor + stream.shift;
        stream.shift += 1;
        Some(Order {
            stream: self.streams,
            index,
        })
    }
}

impl Stream {
    /// Of a source whose jitter was that before.
    fn new(now: Instant, fixed: &Fixed, jitter: Duration) -> Self {
        let per_ms = Codec::ALL[0].per_ms();
        Stream {
            ssrc: fixed.ssrc,
            per_ms,
            sequence: fixed.sequence,
            highest: 0,
            received: 0,
            shift: 0,
            floor: i64::MIN,
            suspect: None,
            first_arrival: now,
            transit: None,
            jitter: 16 * (jitter.as_micros() as u64 * u64::from(per_ms) / 1_000),
            aside: None,
        }
    }

    /// It is believed if the next one follows.
    fn suspect(&mut self, fixed: &Fixed) {
        self.suspect = Some((fixed.ssrc, fixed.sequence.wrapping_add(1)));
    }

    /// Whether audio of it came just now.
    fn is_heard(&self, now: Instant) -> bool {
        let held = SSRC_HEARD.as_millis() as u32 * self.per_ms;
        let since = |(arrival, _)| self.arrival(now).wrapping_sub(arrival);
        self.transit.is_some_and(|it| since(it) < held)
    }

    /// The index of a packet by its sequence number.
    fn find(&mut self, fixed: &Fixed) -> Option<i64> {
        let sequence = fixed.sequence;
        let step = sequence.wrapping_sub(self.sequence);
        if step < MAX_DROPOUT {
            self.highest += i64::from(step);
            self.sequence = sequence;
        } else if step <= u16::MAX - MAX_MISORDER {
            self.suspect(fixed);
            return None;
        }
        self.suspect = None;
        self.received += 1;
        // As a signed number the step is 0 for the highest, negative for a late packet.
        Some(self.highest + i64::from(sequence.wrapping_sub(self.sequence) as i16))
    }

    /// Whether audio that is not late has a timestamp so far behind that before it.
    fn goes_back(&self, timestamp: u32, codec: Codec) -> bool {
        let per_ms = codec.per_ms();
        let most = CLOCK_BACK.as_millis() as i32 * per_ms as i32;
        let is_back = |(_, last): (u32, u32)| (timestamp.wrapping_sub(last) as i32) < -most;
        self.per_ms == per_ms && self.transit.is_some_and(is_back)
    }

    /// The place of an index; `None` if it has none.
    fn place(&self, index: i64) -> Option<i64> {
        (index >= self.floor).then_some(index + self.shift)
    }

    fn measure(&mut self, now: Instant, timestamp: u32, per_ms: u32) {
        if self.per_ms != per_ms {
            // Another clock: what was measured by the old one is brought to it.
            self.jitter = self.jitter * u64::from(per_ms) / u64::from(self.per_ms);
            (self.per_ms, self.transit) = (per_ms, None);
        }
        let arrival = self.arrival(now);
        if let Some((last_arrival, last_timestamp)) = self.transit {
            let waited = arrival.wrapping_sub(last_arrival);
            let played = timestamp.wrapping_sub(last_timestamp);
            let difference = u64::from((waited.wrapping_sub(played) as i32).unsigned_abs());
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
        self.transit = Some((arrival, timestamp));
    }

    /// A time in units of the timestamp.
    fn arrival(&self, now: Instant) -> u32 {
        let since = now.saturating_duration_since(self.first_arrival);
        (since.as_micros() as u64 * u64::from(self.per_ms) / 1_000) as u32
    }

    fn lost(&self) -> u64 {
        (self.highest as u64 + 1).saturating_sub(self.received)
    }

    fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    fn jitter_time(&self) -> Duration {
        time(self.jitter(), self.per_ms)
    }
}

/// So many units of a clock as time.
pub(crate) fn time(units: u32, per_ms: u32) -> Duration {
    Duration::from_micros(u64::from(units) * 1_000 / u64::from(per_ms))
}
