//! How long before its turn each packet of the last two seconds came: the least and the most.
//!
//! Owns four spans of half a second, of which the oldest is forgotten at a time. In units of the
//! RTP clock; below zero for a packet that came too late.

use std::time::{Duration, Instant};

/// Spans that are remembered.
const SPANS: u8 = 4;

/// The length of one.
const SPAN: Duration = Duration::from_millis(500);

/// Packets of all spans before anything is judged by them.
const ENOUGH: u32 = 20;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Margins {
    spans: [Span; SPANS as usize],
    /// All of them together.
    all: Span,
    /// The newest, and when it ends.
    current: u8,
    ends: Instant,
    /// Spans that have ended since the beginning, up to all of them.
    complete: u8,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    packets: u32,
    least: i32,
    most: i32,
}

const NOTHING: Span = Span {
    packets: 0,
    least: i32::MAX,
    most: i32::MIN,
};

impl Margins {
    pub(super) fn new(now: Instant) -> Self {
        Margins {
            spans: [NOTHING; SPANS as usize],
            all: NOTHING,
            current: 0,
            ends: now + SPAN,
            complete: 0,
        }
    }

    pub(super) fn note(&mut self, now: Instant, margin: i64) {
        self.advance(now);
        self.spans[usize::from(self.current)].note(margin);
        self.all.note(margin);
    }

    /// Every packet comes so much earlier, seen from a play-out that was moved.
    pub(super) fn shift(&mut self, by: i64) {
        let spans = self.spans.iter_mut().chain([&mut self.all]);
        for span in spans.filter(|it| it.packets > 0) {
            let by = clamped(by);
            span.least = span.least.saturating_add(by);
            span.most = span.most.saturating_add(by);
        }
    }

    pub(super) fn most(&self) -> Option<i64> {
        (self.all.packets > 0).then_some(self.all.most.into())
    }

    /// `None` until enough was heard for long enough.
    #[inline]
    pub(super) fn least(&mut self, now: Instant) -> Option<i64> {
        self.advance(now);
        let is_enough = self.all.packets >= ENOUGH && self.complete + 1 >= SPANS;
        is_enough.then_some(self.all.least.into())
    }

    #[inline]
    fn advance(&mut self, now: Instant) {
        if now >= self.ends {
            self.forget(now);
        }
    }

    /// The newest span is over, and perhaps some after it.
    fn forget(&mut self, now: Instant) {
        for _ in 0..SPANS {
            if now < self.ends {
                break;
            }
            self.ends += SPAN;
            self.complete = (self.complete + 1).min(SPANS);
            self.current = (self.current + 1) % SPANS;
            self.spans[usize::from(self.current)] = NOTHING;
        }
        // Nothing was asked for longer than is remembered.
        if now >= self.ends {
            self.ends = now + SPAN;
        }
        self.all = self.spans.iter().fold(NOTHING, |all, span| Span {
            packets: all.packets + span.packets,
            least: all.least.min(span.least),
            most: all.most.max(span.most),
        });
    }
}

impl Span {
    fn note(&mut self, margin: i64) {
        let margin = clamped(margin);
        self.packets += 1;
        self.least = self.least.min(margin);
        self.most = self.most.max(margin);
    }
}

/// A margin as it is kept. Days are more than any of them is.
fn clamped(margin: i64) -> i32 {
    margin.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}
