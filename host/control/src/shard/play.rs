//! Plays: what a party hears by a command of its policy, and how each ends.
//!
//! ```text
//!  play-start ─▶ Loading ──prompts──▶ Ready ──port──▶ Sounding ── all sent ─▶ finished
//!                   └── one is not to be had ──┴── it cannot be heard yet ─▶ failed
//!  any state: a finish key ─▶ finish-key    stop, another, the call ends ─▶ stopped
//! ```
//!
//! Whoever takes the play out of its call tells its end, so it is told once. The media shard says only
//! that all was sent; one that says so of a play that was stopped meanwhile is not heard. A party that
//! holds us, or is not known yet, misses nothing: the media shard waits for it.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use ::media::{self, PortId, Prompt, tones};
use model::{
    CallId, Completion, Country, Event, Keys, LogLevel, LogLine, Now, SessionId, Sound,
    TenantConfig, Tone, TraceItem, turn::Play,
};

use super::Shard;
use crate::{Output, Ticket, call::State};

/// A play that is not over.
#[derive(Debug)]
pub(crate) struct Playing {
    operation: u32,
    finish_keys: Keys,
    stage: Stage,
}

/// Who is to hear a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    /// The party of a call.
    Party(CallId),
    /// All who listen in a conference, by that attendant.
    Room(PortId),
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Its prompts are on their way.
    Loading(Ticket, Box<Play>),
    /// Whoever is to hear it has no port yet.
    Ready(media::Play),
    /// The media shard has it.
    Sounding,
}

impl Playing {
    /// Whether the party's media is needed for it.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }
}

impl Shard {
    /// Plays to a party; what plays to it already is stopped.
    pub(super) fn play(
        &mut self,
        now: Now,
        id: CallId,
        operation: u32,
        what: Box<Play>,
    ) -> Result<(), String> {
        self.played(now, id, Completion::Stopped);
        self.living(id, "play-start")?;
        let finish_keys = what.finish_keys;
        let session = self.living(id, "play-start")?.session;
        let stage = self.stage(session, Listener::Party(id), operation, what)?;
        let call = self.living(id, "play-start")?;
        call.operations = call.operations.max(operation);
        call.playing = Some(Box::new(Playing {
            operation,
            finish_keys,
            stage,
        }));
        Ok(())
    }

    /// What a play begins with: its prompts are asked for, if it has any.
    pub(super) fn stage(
        &mut self,
        session: SessionId,
        listener: Listener,
        operation: u32,
        what: Box<Play>,
    ) -> Result<Stage, String> {
        let digests: BTreeSet<_> = what.prompts.values().cloned().collect();
        if digests.is_empty() {
            let play = pieces(operation, &what, &BTreeMap::new());
            let none = || "play-start skipped: nothing to be played".to_owned();
            return play.map(Stage::Ready).ok_or_else(none);
        }
        let ticket = self.ticket();
        if let Some(s) = self.sessions.get(&session) {
            let tenant = s.tenant.id;
            self.loading.insert(ticket, listener);
            self.out.push_back(Output::Prompts {
                ticket,
                tenant,
                digests: digests.into_iter().collect(),
            });
        }
        Ok(Stage::Loading(ticket, what))
    }

    /// Sessions that live play what their tenant's prompts are now; those that began under one configuration
    /// go on to share one.
    pub(super) fn prompts_changed(&mut self, before: &TenantConfig, tenant: &TenantConfig) {
        if before.prompts == tenant.prompts {
            return;
        }
        let mut renewed: Vec<[Arc<TenantConfig>; 2]> = Vec::new();
        let sessions = self.sessions.values_mut();
        for s in sessions.filter(|s| s.tenant.id == tenant.id) {
            let known = renewed.iter().find(|[old, _]| Arc::ptr_eq(old, &s.tenant));
            if let Some([_, new]) = known {
                s.tenant = Arc::clone(new);
                continue;
            }
            let prompts = tenant.prompts.clone();
            let rest = TenantConfig::clone(&s.tenant);
            let new = Arc::new(TenantConfig { prompts, ..rest });
            renewed.push([Arc::clone(&s.tenant), Arc::clone(&new)]);
            s.tenant = new;
        }
    }

    /// A policy wants no more of what plays; there may be nothing any more.
    pub(super) fn play_stop(&mut self, now: Now, id: CallId) -> Result<(), String> {
        self.living(id, "play-stop")?;
        self.played(now, id, Completion::Stopped);
        Ok(())
    }

    /// The prompts of a play are there, or one of them cannot be had. Whoever stopped it meanwhile needs
    /// them no more.
    pub(super) fn prompts(
        &mut self,
        now: Now,
        ticket: Ticket,
        prompts: Option<&BTreeMap<Arc<str>, Arc<Prompt>>>,
    ) {
        let Some(listener) = self.loading.remove(&ticket) else {
            return;
        };
        let found = match listener {
            Listener::Party(id) => self.calls.get_mut(&id).and_then(|call| {
                let playing = call.playing.as_mut()?;
                Some((call.session, playing.operation, &mut playing.stage))
            }),
            Listener::Room(port) => self.speaker(port),
        };
        let Some((session, operation, stage)) = found else {
            return;
        };
        let ready = match stage {
            Stage::Loading(expected, what) if *expected == ticket => {
                prompts.and_then(|prompts| pieces(operation, what, prompts))
            }
            _ => return,
        };
        if let Some(play) = ready {
            *stage = Stage::Ready(play);
        } else {
            let message = "a prompt cannot be read: nothing is played".to_owned();
            let level = LogLevel::Error;
            self.log(now, session, vec![LogLine { level, message }]);
            match listener {
                Listener::Party(id) => self.played(now, id, Completion::Failed),
                Listener::Room(port) => self.attended(now, port, Completion::Failed),
            }
        }
        self.advance_session(now, session);
        // It may have waited for nothing else.
        self.prune(session);
    }

    /// Lets a play begin whose party has a port. One that can hear nothing before it is answered is not waited
    /// for: its policy may be waiting for the end of the play to answer it.
    pub(super) fn sound(&mut self, now: Now, id: CallId) {
        if self.is_deaf(id) {
            return self.unheard(now, id);
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let (Some((port, _)), Some(playing)) = (call.port(), call.playing.as_mut()) else {
            return;
        };
        if !playing.is_ready() {
            return;
        }
        let Stage::Ready(play) = std::mem::replace(&mut playing.stage, Stage::Sounding) else {
            return;
        };
        let session = call.session;
        let command = media::Command::Play { port, play };
        self.out.push_back(Output::Media { session, command });
        let what = "plays".to_owned();
        self.trace(now, id, TraceItem::Media { call: id, what });
    }

    /// Whether something is to be played to a caller that has made no offer, is not answered, and takes no offer
    /// of ours before it is.
    fn is_deaf(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| {
            matches!(call.state, State::Offered { .. })
                && call.playing.as_ref().is_some_and(|it| it.is_ready())
                && call.media.local.is_none()
                && !self.takes_early_media(call)
        })
    }

    fn unheard(&mut self, now: Now, id: CallId) {
        if let Some(session) = self.calls.get(&id).map(|call| call.session) {
            let message = "nothing is played before the answer: the caller has made no offer, and takes \
                           none without 100rel";
            let (level, message) = (LogLevel::Warn, message.to_owned());
            self.log(now, session, vec![LogLine { level, message }]);
        }
        self.played(now, id, Completion::Failed);
    }

    /// The media shard has sent all of it.
    pub(super) fn all_sent(&mut self, now: Now, port: PortId, operation: u32) {
        let Some(&id) = self.by_port.get(&port) else {
            return;
        };
        let playing = self.calls.get(&id).and_then(|call| call.playing.as_ref());
        if playing.is_some_and(|it| it.operation == operation) {
            self.played(now, id, Completion::Finished);
        }
    }

    /// Whether a key that was pressed ended what plays.
    pub(super) fn ends_play(&mut self, now: Now, id: CallId, digit: char) -> bool {
        let playing = self.calls.get(&id).and_then(|call| call.playing.as_ref());
        let ends = playing.is_some_and(|it| it.finish_keys.has(digit));
        if ends {
            self.played(now, id, Completion::FinishKey(digit));
        }
        ends
    }

    /// What plays to a party is over, if something does: its policy is told.
    pub(super) fn played(&mut self, now: Now, id: CallId, how: Completion) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(done) = call.playing.take() else {
            return;
        };
        let session = call.session;
        match (done.stage, call.port()) {
            (Stage::Loading(ticket, _), _) => {
                self.loading.remove(&ticket);
            }
            (Stage::Sounding, Some((port, _))) if how != Completion::Finished => {
                let command = media::Command::StopPlay { port };
                self.out.push_back(Output::Media { session, command });
            }
            _ => {}
        }
        let what = format!("played: {}", how.as_str());
        self.trace(now, id, TraceItem::Media { call: id, what });
        if self.hears(session, "media-events") {
            let event = Event::PlayCompleted {
                call: id,
                operation: done.operation,
                how,
            };
            self.tell(now, session, event);
        }
    }
}

/// What the media shard is to play; none if a prompt is missing.
fn pieces(
    operation: u32,
    what: &Play,
    prompts: &BTreeMap<Arc<str>, Arc<Prompt>>,
) -> Option<media::Play> {
    let piece = |sound: &Sound| {
        Some(media::Piece::Prompt(match sound {
            Sound::Prompt(name) => Arc::clone(prompts.get(what.prompts.get(name)?)?),
            Sound::Tone(tone, country) => cadence(*tone, *country).prompt(),
            Sound::Silence(ms) => {
                let frames = (*ms as usize).div_ceil(20);
                return Some(media::Piece::Silence { frames });
            }
        }))
    };
    let pieces: Option<Box<[_]>> = what.sounds.iter().map(piece).collect();
    Some(media::Play {
        operation,
        pieces: pieces.filter(|pieces| !pieces.is_empty())?,
        repeat: what.repeat,
    })
}

fn cadence(tone: Tone, country: Country) -> &'static tones::Cadence {
    match (tone, country) {
        (Tone::Ringback, Country::Us) => &tones::RINGBACK_US,
        (Tone::Ringback, Country::Uk) => &tones::RINGBACK_UK,
        (Tone::Ringback, Country::De) => &tones::RINGBACK_DE,
        (Tone::Ringback, Country::Fr) => &tones::RINGBACK_FR,
        (Tone::Busy, Country::Us) => &tones::BUSY_US,
        (Tone::Busy, Country::Uk) => &tones::BUSY_UK,
        (Tone::Busy, Country::De) => &tones::BUSY_DE,
        (Tone::Busy, Country::Fr) => &tones::BUSY_FR,
        (Tone::Congestion, Country::Us) => &tones::CONGESTION_US,
        (Tone::Congestion, Country::Uk) => &tones::CONGESTION_UK,
        (Tone::Congestion, Country::De) => &tones::CONGESTION_DE,
        (Tone::Congestion, Country::Fr) => &tones::CONGESTION_FR,
        (Tone::Beep, _) => &tones::BEEP,
    }
}
