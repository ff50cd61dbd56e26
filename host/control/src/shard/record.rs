//! Recordings: what records a call, and the one word about how it ended.
//!
//! ```text
//!  RecordStart ─▶ Waiting ──codec─▶ Running ──finish key, time, RecordStop, another start, failure, the
//!                    │                         call's end──▶ gone, `on_record_completed` told
//!                    └──RecordStop, another start, the call's end──▶ gone, told with 0 ms
//! ```
//!
//! Before a party and we have agreed on a codec there is nothing to be heard of it, nor is it known what a
//! file of that is worth. The media shard taps the port, and a thread of its own writes the file; neither
//! decides when a recording ends, but that the file cannot be written.

use std::time::{Duration, Instant};

use ::media::Command;
use model::{
    CallId, Completion, Event, Keys, Now, Recording, RecordingId, RecordingState, SessionId,
    TraceItem,
};

use super::Shard;
use crate::{Output, timers::Due};

/// What records a call.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// Which operation of the call.
    pub(crate) operation: u32,
    /// The name in the tenant's catalogue.
    pub(crate) name: String,
    /// What ends it.
    pub(crate) finish_keys: Keys,
    /// How long it may take.
    pub(crate) longest: Duration,
    /// Since when it runs; it waits until the party can be heard.
    pub(crate) since: Option<Instant>,
}

impl Shard {
    /// Records a call as soon as its party can be heard.
    pub(super) fn record_start(
        &mut self,
        now: Now,
        id: CallId,
        recorder: Recorder,
    ) -> Result<(), String> {
        self.living(id, "record-start")?;
        self.end_recording(now, id, Completion::Stopped);
        let call = self.living(id, "record-start")?;
        call.operations = recorder.operation;
        call.media.recorder = Some(recorder);
        Ok(())
    }

    /// The recording of a call begins, if one waits and what its party speaks is agreed on.
    pub(super) fn begin_recording(&mut self, now: Now, id: CallId) {
        let waits = |call: &crate::call::Call| {
            let recorder = call.media.recorder.as_ref();
            let waits = recorder.is_some_and(|it| it.since.is_none());
            waits && call.media.agreed.is_some() && !call.is_released()
        };
        if !self.calls.get(&id).is_some_and(waits) {
            return;
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some((port, _)) = call.port() else { return };
        let Some(recorder) = &mut call.media.recorder else {
            return;
        };
        recorder.since = Some(now.mono);
        let (operation, name) = (recorder.operation, recorder.name.clone());
        self.timers
            .set(Due::Record(id), now.mono + recorder.longest);
        let session = call.session;
        let what = format!("records {name}");
        let Some(file) = self.new_recording(now, session, id, name) else {
            return;
        };
        let command = Command::Record {
            port,
            operation,
            file,
        };
        self.out.push_back(Output::Media { session, command });
        self.trace(now, id, TraceItem::Media { call: id, what });
    }

    /// Puts out the row of a recording that begins; returns what its file is called.
    pub(super) fn new_recording(
        &mut self,
        now: Now,
        session: SessionId,
        call: CallId,
        name: String,
    ) -> Option<Box<str>> {
        let tenant = self.sessions.get(&session)?.tenant.id;
        let id = RecordingId::mint(&mut self.ids, now.unix_ms);
        self.out.push_back(Output::Recording(Box::new(Recording {
            id,
            tenant,
            call,
            session,
            name,
            begin: now.unix_ms,
            state: RecordingState::Open,
        })));
        Some(id.to_string().into())
    }

    /// Ends what records a call, if anything does, and tells the policy.
    pub(super) fn end_recording(&mut self, now: Now, id: CallId, how: Completion) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(recorder) = call.media.recorder.take() else {
            return;
        };
        let (session, port) = (call.session, call.port());
        self.timers.stop(&Due::Record(id));
        if let (Some(_), Some((port, _))) = (recorder.since, port) {
            let command = Command::StopRecord { port };
            self.out.push_back(Output::Media { session, command });
        }
        let lasted = recorder.since.map_or(Duration::ZERO, |since| {
            now.mono.saturating_duration_since(since)
        });
        let what = format!("recorded {}: {}", recorder.name, how.as_str());
        self.trace(now, id, TraceItem::Media { call: id, what });
        if self.hears(session, "media-events") {
            let event = Event::RecordCompleted {
                call: id,
                operation: recorder.operation,
                how,
                duration_ms: lasted.as_millis() as u32,
            };
            self.tell(now, session, event);
        }
    }

    /// The file of a recording cannot be written (any more).
    pub(super) fn recording_failed(&mut self, now: Now, id: CallId, operation: u32) {
        let recorder = self.calls.get(&id).map(|call| &call.media.recorder);
        if matches!(recorder, Some(Some(it)) if it.operation == operation) {
            self.end_recording(now, id, Completion::Failed);
        }
    }

    /// Whether this key ends the recording of a call; then it does, and is no digit.
    pub(super) fn key_ends_recording(&mut self, now: Now, id: CallId, key: char) -> bool {
        let recorder = self
            .calls
            .get(&id)
            .and_then(|call| call.media.recorder.as_ref());
        let ends = recorder.is_some_and(|it| it.finish_keys.has(key));
        if ends {
            self.end_recording(now, id, Completion::FinishKey(key));
        }
        ends
    }
}
