//! How long before its turn each packet of the last two seconds came: the least and the most.
//!
//! Owns four spans of half a second, of which the oldest is forgotten at a time. In units of the
//! RTP clock; below zero for a packet that came too late.

use std::time::{Duration, Instant};

/// Spans that are remembered.
const SPANS: usize = 4;

/// The length of one.
const SPAN: Duration = Duration::from_millis(500);

/// Packets of all spans before anything is judged by them.
const ENOUGH: u32 = 20;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Margins {
    spans: [Span; SPANS],
    /// The newest, and when it began.
    current: usize,
    began: Instant,
    /// Spans that have ended since the beginning, up to all of them.
    complete: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    packets: u32,
    least: i64,
    most: i64,
}

const NOTHING: Span = Span {
    packets: 0,
    least: i64::MAX,
    most: i64::MIN,
};

impl Margins {
    pub(super) fn new(now: Instant) -> Self {
        Margins {
            spans: [NOTHING; SPANS],
            current: 0,
            began: now,
            complete: 0,
        }
    }

    pub(super) fn note(&mut self, now: Instant, margin: i64) {
        self.advance(now);
        let span = &mut self.spans[self.current];
        span.packets += 1;
        span.least = span.least.min(margin);
        span.most = span.most.max(margin);
    }

    /// Every packet comes so much earlier, seen from a play-out that was moved.
    pub(super) fn shift(&mut self, by: i64) {
        for span in self.spans.iter_mut().filter(|it| it.packets > 0) {
            span.least += by;
            span.most += by;
        }
    }

    pub(super) fn most(&self) -> Option<i64> {
        let heard = self.spans.iter().filter(|it| it.packets > 0);
        heard.map(|it| it.most).max()
    }

    /// `None` until enough was heard for long enough.
    pub(super) fn least(&mut self, now: Instant) -> Option<i64> {
        self.advance(now);
        let packets: u32 = self.spans.iter().map(|it| it.packets).sum();
        let heard = self.spans.iter().filter(|it| it.packets > 0);
        let least = heard.map(|it| it.least).min()?;
        (packets >= ENOUGH && self.complete + 1 >= SPANS).then_some(least)
    }

    fn advance(&mut self, now: Instant) {
        for _ in 0..SPANS {
            if now.saturating_duration_since(self.began) < SPAN {
                return;
            }
            self.began += SPAN;
            self.complete = (self.complete + 1).min(SPANS);
            self.current = (self.current + 1) % SPANS;
            self.spans[self.current] = NOTHING;
        }
        // Nothing was asked for longer than is remembered.
        if now.saturating_duration_since(self.began) >= SPAN {
            self.began = now;
        }
    }
}
