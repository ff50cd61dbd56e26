//! A trace as JSON, on the disk.
//!
//! An entry is an object of one member, whose name says what it is and whose value is a list: a trace
//! has dozens of them, every call writes one, and so each stays short enough for one page of the
//! database. Rows whose entries have a member for each field are older, and are read as well.

use model::{CallId, Lane, Trace, TraceEntry, TraceItem};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::db::parsed;

#[derive(Serialize, Deserialize)]
struct Body<E> {
    lanes: Vec<LaneRow>,
    entries: Vec<E>,
    dropped: u32,
}

#[derive(Serialize, Deserialize)]
struct LaneRow {
    call: String,
    label: String,
}

/// Microseconds since the begin of the trace, then the lane by its place in `lanes`, then the rest.
#[derive(Serialize, Deserialize)]
enum Entry<T, L> {
    /// A SIP message that we have sent: its line, and whether it describes a session.
    #[serde(rename = ">")]
    Sent(u64, usize, T, bool),
    /// One that came.
    #[serde(rename = "<")]
    Heard(u64, usize, T, bool),
    /// An event, and what the policy decided.
    #[serde(rename = "turn")]
    Turn(u64, Option<usize>, T, L),
    #[serde(rename = "media")]
    Media(u64, usize, T),
    #[serde(rename = "quality")]
    Quality(u64, usize, T),
    #[serde(rename = "note")]
    Note(u64, T),
}

/// An entry as it is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyEntry {
    Now(Entry<String, Vec<String>>),
    Before(Before),
}

/// An entry as it was written once.
#[derive(Deserialize)]
struct Before {
    at_us: u64,
    #[serde(flatten)]
    item: ItemBefore,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum ItemBefore {
    Sip {
        call: String,
        sent: bool,
        line: String,
        sdp: bool,
    },
    Turn {
        event: String,
        call: Option<String>,
        decisions: Vec<String>,
    },
    Media {
        call: String,
        what: String,
    },
    Note {
        what: String,
    },
}

/// The JSON of a trace. What is told of a call without a lane is left out: nothing could show it.
pub(super) fn write(trace: &Trace) -> Result<String, StoreError> {
    let lane = |lane: &Lane| LaneRow {
        call: lane.call.to_string(),
        label: lane.label.clone(),
    };
    let place = |call: &CallId| trace.lanes.iter().position(|lane| lane.call == *call);
    let entries = trace.entries.iter();
    let body = Body {
        lanes: trace.lanes.iter().map(lane).collect(),
        entries: entries.filter_map(|it| entry_of(it, place)).collect(),
        dropped: trace.dropped,
    };
    serde_json::to_string(&body).map_err(|why| StoreError::Damaged(why.to_string()))
}

fn entry_of(
    entry: &TraceEntry,
    place: impl Fn(&CallId) -> Option<usize>,
) -> Option<Entry<&str, &[String]>> {
    let at = entry.at_us;
    Some(match &entry.item {
        TraceItem::Sip {
            call,
            sent: true,
            line,
            sdp,
        } => Entry::Sent(at, place(call)?, line, *sdp),
        TraceItem::Sip {
            call, line, sdp, ..
        } => Entry::Heard(at, place(call)?, line, *sdp),
        TraceItem::Turn {
            event,
            call,
            decisions,
        } => Entry::Turn(at, call.as_ref().and_then(place), event, decisions),
        TraceItem::Media { call, what } => Entry::Media(at, place(call)?, what),
        TraceItem::Quality { call, what } => Entry::Quality(at, place(call)?, what),
        TraceItem::Note { what } => Entry::Note(at, what),
    })
}

/// Fills a trace from its JSON.
pub(super) fn read(body: &str, trace: &mut Trace) -> Result<(), StoreError> {
    let body: Body<AnyEntry> =
        serde_json::from_str(body).map_err(|why| StoreError::Damaged(why.to_string()))?;
    for row in body.lanes {
        let call = parsed(&row.call)?;
        let label = row.label;
        trace.lanes.push(Lane { call, label });
    }
    for row in body.entries {
        let entry = match row {
            AnyEntry::Now(row) => entry_from(row, &trace.lanes)?,
            AnyEntry::Before(row) => entry_before(row)?,
        };
        trace.entries.push(entry);
    }
    trace.dropped = body.dropped;
    Ok(())
}

fn entry_from(row: Entry<String, Vec<String>>, lanes: &[Lane]) -> Result<TraceEntry, StoreError> {
    let call = |place: usize| {
        let lane = lanes.get(place).map(|lane| lane.call);
        lane.ok_or_else(|| StoreError::Damaged(format!("a trace has no lane {place}")))
    };
    let (at_us, item) = match row {
        Entry::Sent(at, lane, line, sdp) => (at, sip(call(lane)?, true, line, sdp)),
        Entry::Heard(at, lane, line, sdp) => (at, sip(call(lane)?, false, line, sdp)),
        Entry::Turn(at, lane, event, decisions) => {
            let call = lane.map(call).transpose()?;
            let turn = TraceItem::Turn {
                event,
                call,
                decisions,
            };
            (at, turn)
        }
        Entry::Media(at, lane, what) => {
            let call = call(lane)?;
            (at, TraceItem::Media { call, what })
        }
        Entry::Quality(at, lane, what) => {
            let call = call(lane)?;
            (at, TraceItem::Quality { call, what })
        }
        Entry::Note(at, what) => (at, TraceItem::Note { what }),
    };
    Ok(TraceEntry { at_us, item })
}

fn sip(call: CallId, sent: bool, line: String, sdp: bool) -> TraceItem {
    TraceItem::Sip {
        call,
        sent,
        line,
        sdp,
    }
}

fn entry_before(row: Before) -> Result<TraceEntry, StoreError> {
    let item = match row.item {
        ItemBefore::Sip {
            call,
            sent,
            line,
            sdp,
        } => sip(parsed(&call)?, sent, line, sdp),
        ItemBefore::Turn {
            event,
            call,
            decisions,
        } => TraceItem::Turn {
            event,
            call: call.as_deref().map(parsed).transpose()?,
            decisions,
        },
        ItemBefore::Media { call, what } => TraceItem::Media {
            call: parsed(&call)?,
            what,
        },
        ItemBefore::Note { what } => TraceItem::Note { what },
    };
    let at_us = row.at_us;
    Ok(TraceEntry { at_us, item })
}

#[cfg(test)]
mod tests {
    use model::{IdSource, SessionId, TenantId};

    use super::*;

    fn empty() -> (Trace, CallId, CallId) {
        let mut ids = IdSource::new([3; 32], 0, 0);
        let trace = Trace::new(SessionId::mint(&mut ids, 1), TenantId::mint(&mut ids, 1), 1);
        (trace, CallId::mint(&mut ids, 1), CallId::mint(&mut ids, 1))
    }

    fn full() -> Trace {
        let (mut trace, caller, callee) = empty();
        trace.join(caller, "1001");
        trace.join(callee, "3001");
        trace.push(0, sip(caller, false, "INVITE 2001".into(), true));
        let decisions = vec!["construct 2001 -> 3001".into()];
        let turn = TraceItem::Turn {
            event: "on-incoming".into(),
            call: Some(caller),
            decisions,
        };
        trace.push(20, turn);
        trace.push(30, sip(callee, true, "INVITE 3001".into(), true));
        let what = "RTP comes from 192.0.2.1:4000".to_owned();
        trace.push(40, TraceItem::Media { call: callee, what });
        let what = "the callee did not ring in time".to_owned();
        trace.push(50, TraceItem::Note { what });
        trace.dropped = 7;
        trace
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut trace = full();
        let call = trace.lanes[0].call;
        let what = "was heard".to_owned();
        trace.push(60, TraceItem::Quality { call, what });
        let (mut again, ..) = empty();
        let body = write(&trace).unwrap();
        read(&body, &mut again).unwrap();
        assert_eq!(again, trace);
        assert!(body.contains(r#"{"<":[0,0,"INVITE 2001",true]}"#), "{body}");
    }

    #[test]
    fn a_trace_of_the_form_before_is_read() {
        let trace = full();
        let (caller, callee) = (trace.lanes[0].call, trace.lanes[1].call);
        let body = format!(
            r#"{{"lanes":[{{"call":"{caller}","label":"1001"}},{{"call":"{callee}","label":"3001"}}],
            "entries":[
            {{"at_us":0,"kind":"sip","call":"{caller}","sent":false,"line":"INVITE 2001","sdp":true}},
            {{"at_us":20,"kind":"turn","event":"on-incoming","call":"{caller}",
              "decisions":["construct 2001 -> 3001"]}},
            {{"at_us":30,"kind":"sip","call":"{callee}","sent":true,"line":"INVITE 3001","sdp":true}},
            {{"at_us":40,"kind":"media","call":"{callee}","what":"RTP comes from 192.0.2.1:4000"}},
            {{"at_us":50,"kind":"note","what":"the callee did not ring in time"}}],"dropped":7}}"#
        );
        let (mut again, ..) = empty();
        read(&body, &mut again).unwrap();
        assert_eq!(again, trace);
    }

    #[test]
    fn a_lane_that_is_not_there_is_damage() {
        let (mut trace, ..) = empty();
        let body = r#"{"lanes":[],"entries":[{">":[0,3,"BYE",false]}],"dropped":0}"#;
        let refused = read(body, &mut trace).unwrap_err();
        assert!(refused.to_string().contains("no lane 3"), "{refused}");
    }
}
