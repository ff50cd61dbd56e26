//! Draws a trace as one self-contained SVG: the picture of console, API and documentation.

use std::fmt::Write as _;

use crate::{CallId, Trace, TraceItem};

const TOP: usize = 60;
const ROW: usize = 26;
const LEFT: usize = 100;
const GAP: usize = 260;
/// Width of the policy's lane.
const POLICY: usize = 300;

/// The SVG of a trace: parties and `jackfield` as lifelines, the policy's decisions in a lane of their
/// own at the right, milliseconds since the session began at the left.
pub fn draw(trace: &Trace) -> String {
    let columns = trace.lanes.len() + 1;
    let rows: usize = trace.entries.iter().map(|entry| height(&entry.item)).sum();
    let (width, bottom) = (LEFT + columns * GAP + POLICY, TOP + rows * ROW + ROW);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {h}" font-family="ui-monospace,monospace" font-size="13">
<style>.l{{stroke:#9aa4b2}}.a{{stroke:#1f6feb;stroke-width:1.5}}.p{{fill:#8250df}}.t{{fill:#6e7781}}.h{{font-weight:bold}}.n{{fill:#bf3989}}</style>
<defs><marker id="m" orient="auto" markerWidth="8" markerHeight="8" refX="7" refY="4"><path d="M0,0 L8,4 L0,8 z" fill="#1f6feb"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>"##,
        h = bottom + ROW
    );
    let own = usize::from(!trace.lanes.is_empty());
    let mut labels: Vec<&str> = trace.lanes.iter().map(|lane| lane.label.as_str()).collect();
    labels.insert(own, "jackfield");
    for (column, label) in labels.iter().enumerate() {
        let x = LEFT + column * GAP;
        let _ = writeln!(
            svg,
            r#"<text class="h" x="{x}" y="32" text-anchor="middle">{}</text><line class="l" x1="{x}" y1="42" x2="{x}" y2="{bottom}"/>"#,
            escape(label)
        );
    }
    let lane = LEFT + (columns - 1) * GAP + 40;
    let _ = writeln!(svg, r#"<text class="h p" x="{lane}" y="32">policy</text>"#);
    let mut y = TOP;
    for entry in &trace.entries {
        let at = format!("{}.{}", entry.at_us / 1000, entry.at_us % 1000 / 100);
        let _ = writeln!(svg, r#"<text class="t" x="8" y="{y}">{at}</text>"#);
        row(&mut svg, trace, &entry.item, lane, y);
        y += height(&entry.item) * ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

fn height(item: &TraceItem) -> usize {
    match item {
        TraceItem::Turn { decisions, .. } => 1 + decisions.len(),
        _ => 1,
    }
}

fn row(svg: &mut String, trace: &Trace, item: &TraceItem, lane: usize, y: usize) {
    let mut words = |class: &str, y: usize, text: &str| {
        let text = escape(text);
        let _ = writeln!(
            svg,
            r#"<text class="{class}" x="{lane}" y="{y}">{text}</text>"#
        );
    };
    match item {
        TraceItem::Sip {
            call,
            sent,
            line,
            sdp,
        } => {
            let own = LEFT + usize::from(!trace.lanes.is_empty()) * GAP;
            let party = LEFT + column(trace, *call) * GAP;
            let (from, to) = if *sent { (own, party) } else { (party, own) };
            let text = escape(&if *sdp {
                format!("{line} (SDP)")
            } else {
                line.clone()
            });
            let (middle, text_y) = (usize::midpoint(from, to), y - 4);
            let _ = writeln!(
                svg,
                r#"<line class="a" x1="{from}" y1="{y}" x2="{to}" y2="{y}" marker-end="url(#m)"/><text x="{middle}" y="{text_y}" text-anchor="middle">{text}</text>"#
            );
        }
        TraceItem::Turn {
            event,
            call,
            decisions,
        } => {
            let about = call
                .map(|c| format!(" {}", trace.label(c)))
                .unwrap_or_default();
            words("p h", y, &format!("{event}{about}"));
            for (n, decision) in decisions.iter().enumerate() {
                words("p", y + (n + 1) * ROW, &format!("→ {decision}"));
            }
        }
        TraceItem::Media { call, what } | TraceItem::Quality { call, what } => {
            words("t", y, &format!("{} {what}", trace.label(*call)));
        }
        TraceItem::Note { what } => words("n", y, what),
    }
}

fn column(trace: &Trace, call: CallId) -> usize {
    match trace.lanes.iter().position(|lane| lane.call == call) {
        Some(0) => 0,
        Some(lane) => lane + 1,
        None => usize::from(!trace.lanes.is_empty()),
    }
}

/// Labels come from the network: nothing of them may become markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
