//! Draws a trace as a text ladder: one column a party, ours in the middle of the conversation, the
//! policy's decisions in a lane of their own.

use std::fmt::Write as _;

use crate::{CallId, Trace, TraceItem};

/// Characters between two lifelines: room for `183 Session Progress (SDP)` and its arrow head.
const GAP: usize = 31;

/// The ladder of a trace. The first lane stands left of `jackfield`, all others right of it.
/// `times`: with what was measured: a column of milliseconds since the session began, and how the
/// parties were heard.
///
/// ```text
///       ms  1001                            jackfield                       3001
///      0.0  |--INVITE 2001 (SDP)----------->|                               |
/// ```
pub fn draw(trace: &Trace, times: bool) -> String {
    let ladder = Ladder { trace, times };
    let mut out = String::new();
    ladder.head(&mut out);
    for entry in &trace.entries {
        ladder.row(&mut out, entry.at_us, &entry.item);
    }
    if trace.dropped > 0 {
        let _ = writeln!(out, "… and {} more", trace.dropped);
    }
    out
}

struct Ladder<'a> {
    trace: &'a Trace,
    times: bool,
}

impl Ladder<'_> {
    fn columns(&self) -> usize {
        self.trace.lanes.len() + 1
    }

    /// The column of our own lifeline: the second, or the first if nobody called us.
    fn own(&self) -> usize {
        usize::from(!self.trace.lanes.is_empty())
    }

    fn column(&self, call: CallId) -> usize {
        match self.trace.lanes.iter().position(|lane| lane.call == call) {
            Some(0) => 0,
            Some(lane) => lane + 1,
            None => self.own(),
        }
    }

    fn head(&self, out: &mut String) {
        let mut labels: Vec<&str> = self.trace.lanes.iter().map(|l| l.label.as_str()).collect();
        labels.insert(self.own(), "jackfield");
        let mut line = if self.times {
            format!("{:>8}  ", "ms")
        } else {
            String::new()
        };
        for label in labels {
            let _ = write!(line, "{label:<width$}", width = GAP + 1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }

    fn row(&self, out: &mut String, at_us: u64, item: &TraceItem) {
        let stamp = format!("{:>6}.{}  ", at_us / 1000, at_us % 1000 / 100);
        let stamp = if self.times { stamp } else { String::new() };
        let blank = " ".repeat(stamp.len());
        let mut line = |prefix: &str, text: String| {
            let _ = writeln!(out, "{}", format!("{prefix}{text}").trim_end());
        };
        match item {
            TraceItem::Sip {
                call,
                sent,
                line: text,
                sdp,
            } => {
                let text = if *sdp {
                    format!("{text} (SDP)")
                } else {
                    text.clone()
                };
                line(&stamp, self.arrow(self.column(*call), *sent, &text));
            }
            TraceItem::Turn {
                event,
                call,
                decisions,
            } => {
                let about = call
                    .map(|c| format!(" {}", self.trace.label(c)))
                    .unwrap_or_default();
                line(&stamp, self.note(&format!("* {event}{about}")));
                for decision in decisions {
                    line(&blank, self.note(&format!("  {decision}")));
                }
            }
            TraceItem::Quality { .. } if !self.times => {}
            TraceItem::Media { call, what } | TraceItem::Quality { call, what } => {
                line(
                    &stamp,
                    self.note(&format!("~ {} {what}", self.trace.label(*call))),
                );
            }
            TraceItem::Note { what } => line(&stamp, self.note(&format!("! {what}"))),
        }
    }

    /// An arrow between our lifeline and the party's, across those between them.
    fn arrow(&self, party: usize, sent: bool, text: &str) -> String {
        let own = self.own();
        let (left, right) = (own.min(party), own.max(party));
        let width = (right - left).max(1) * (GAP + 1) - 1;
        let body: String = format!("--{text}").chars().take(width - 1).collect();
        let to_right = (party > own) == sent;
        let shaft = if to_right {
            format!("{body:-<w$}>", w = width - 1)
        } else {
            format!("<{:-<w$}", format!("-{body}"), w = width - 1)
        };
        let shaft: String = shaft.chars().take(width).collect();
        let mut line = String::new();
        for _ in 0..left {
            let _ = write!(line, "|{}", " ".repeat(GAP));
        }
        let _ = write!(line, "|{shaft}|");
        for _ in right + 1..self.columns() {
            let _ = write!(line, "{}|", " ".repeat(GAP));
        }
        line
    }

    /// Words beside our own lifeline, over whatever stands right of it.
    fn note(&self, text: &str) -> String {
        let mut line = String::new();
        for _ in 0..self.own() {
            let _ = write!(line, "|{}", " ".repeat(GAP));
        }
        format!("{line}{text}")
    }
}
