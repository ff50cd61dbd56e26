//! Attendants: who plays into a conference, or records it, by the wish of a session that has a call in it.
//!
//! ```text
//!  play-start ──▶ Loading ──prompts──▶ Ready ─┐ our call is mixed
//!  record-start ─────────────────────▶ Ready ─┴──▶ at work ── all was said ─▶ finished
//!                                                     └── as long as it may ─▶ timeout
//!  any state:  stop, another start, by whomever ─▶ stopped
//!              the last call leaves ─▶ a recording finished, a play stopped
//! ```
//!
//! A conference has one of each at a time, whichever session began it: its room, which all shards share, says
//! which. So one that is relieved, or whose conference is over, leaves by itself wherever it is, and is
//! reported; what this session ends by itself is told at once, before the end of its call. A session that is
//! gone hears nothing, and what it began goes on; it goes when the prompts are there that it waits for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::media::{
    self, Leaving, PortId,
    room::{Post, Room},
};
use model::{CallId, Command, Completion, ConferenceId, Event, Now, SessionId, TraceItem};

use super::{
    Shard,
    play::{Listener, Stage},
};
use crate::Output;

/// What plays into a conference or records it, until its session was told the end of it.
#[derive(Debug)]
pub(crate) struct Attendant {
    session: SessionId,
    place: Place,
    /// The call by which it came.
    call: CallId,
    room: Arc<Room>,
    operation: u32,
    work: Work,
}

/// A conference as policies know it.
type Place = (ConferenceId, String);

#[derive(Debug)]
enum Work {
    Play(Stage),
    Record {
        /// The name in the tenant's catalogue.
        file: String,
        longest: Duration,
        /// Since when it runs.
        since: Option<Instant>,
    },
}

impl Work {
    fn post(&self) -> Post {
        match self {
            Self::Play(_) => Post::Speaker,
            Self::Record { .. } => Post::Recorder,
        }
    }

    /// Whether it waits for nothing but its party.
    fn is_ready(&self) -> bool {
        matches!(
            self,
            Self::Play(Stage::Ready(_)) | Self::Record { since: None, .. }
        )
    }

    /// How it ends with its conference: all of that is recorded, and a play is cut off.
    fn with_the_room(&self) -> Completion {
        match self {
            Self::Play(_) => Completion::Stopped,
            Self::Record { .. } => Completion::Finished,
        }
    }
}

impl Shard {
    /// Carries out a command about what plays into a conference or records it.
    pub(super) fn attend(
        &mut self,
        now: Now,
        session: SessionId,
        command: Command,
    ) -> Result<(), String> {
        match command {
            Command::ConfPlayStart {
                conference,
                name,
                operation,
                what,
            } => {
                let (place, which) = ((conference, name), (Post::Speaker, operation));
                self.take_post(now, session, place, which, |shard, port| {
                    let listener = Listener::Room(port);
                    let stage = shard.stage(session, listener, operation, what);
                    stage.map(Work::Play)
                })
            }
            Command::ConfRecordStart {
                conference,
                name,
                operation,
                file,
                max_seconds,
            } => {
                let (place, which) = ((conference, name), (Post::Recorder, operation));
                let work = Work::Record {
                    file,
                    longest: Duration::from_secs(u64::from(max_seconds)),
                    since: None,
                };
                self.take_post(now, session, place, which, |_, _| Ok(work))
            }
            Command::ConfPlayStop { name } => self.clear_post(now, session, &name, Post::Speaker),
            Command::ConfRecordStop { name } => {
                self.clear_post(now, session, &name, Post::Recorder)
            }
            _ => Ok(()),
        }
    }

    /// A new attendant takes that post of a conference.
    fn take_post(
        &mut self,
        now: Now,
        session: SessionId,
        (conference, name): Place,
        (post, operation): (Post, u32),
        begin: impl FnOnce(&mut Self, PortId) -> Result<Work, String>,
    ) -> Result<(), String> {
        if let Some(s) = self.sessions.get_mut(&session) {
            s.operations = s.operations.max(operation);
        }
        let Some((call, conference, room)) = self.seat_in(session, &name) else {
            // Its end is promised all the same.
            let ended = (Completion::Stopped, Duration::ZERO);
            self.tell_attended(now, session, (conference, name), (post, operation), ended);
            return Err(skipped(post));
        };
        self.relieve(now, session, &room, post);
        let port = self.new_port();
        let work = begin(self, port)?;
        let Some(s) = self.sessions.get_mut(&session) else {
            return Ok(());
        };
        s.attendants.push(port);
        room.appoint(post, Some(port));
        let attendant = Attendant {
            session,
            place: (conference, name),
            call,
            room,
            operation,
            work,
        };
        self.attendants.insert(port, attendant);
        Ok(())
    }

    /// Nobody has that post of a conference any more.
    fn clear_post(
        &mut self,
        now: Now,
        session: SessionId,
        name: &str,
        post: Post,
    ) -> Result<(), String> {
        let (.., room) = self.seat_in(session, name).ok_or_else(|| skipped(post))?;
        room.appoint(post, None);
        self.relieve(now, session, &room, post);
        Ok(())
    }

    /// A call of the session that is in the conference of that name, its id, and its room.
    fn seat_in(&self, session: SessionId, name: &str) -> Option<(CallId, ConferenceId, Arc<Room>)> {
        let mut calls = self.sessions.get(&session)?.calls.iter();
        calls.find_map(|id| {
            let seat = &self.calls.get(id)?.conference.as_ref()?.seat;
            (seat.name() == name).then(|| (*id, seat.id(), seat.room()))
        })
    }

    /// What the session itself has on that post ends.
    fn relieve(&mut self, now: Now, session: SessionId, room: &Room, post: Post) {
        for port in self.attendants_of(session, |it| it.is_in(room) && it.work.post() == post) {
            self.attended(now, port, Completion::Stopped);
        }
    }

    fn attendants_of(&self, session: SessionId, fits: impl Fn(&Attendant) -> bool) -> Vec<PortId> {
        let all = self.sessions.get(&session).map(|s| &s.attendants[..]);
        let of_it = all.unwrap_or_default().iter().copied();
        of_it
            .filter(|port| self.attendants.get(port).is_some_and(&fits))
            .collect()
    }

    /// A call gives its seat in a conference back, if it has one. If it was the last one the conference is over, and so is what this
    /// session began in it.
    pub(super) fn leave_seat(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(left) = call.conference.take() else {
            return;
        };
        let (session, room) = (call.session, left.seat.room());
        drop(left);
        if !room.is_over() {
            return;
        }
        for port in self.attendants_of(session, |it| it.is_in(&room)) {
            self.end_with_room(now, port);
        }
    }

    fn end_with_room(&mut self, now: Now, port: PortId) {
        if let Some(attendant) = self.attendants.get(&port) {
            let how = attendant.work.with_the_room();
            self.attended(now, port, how);
        }
    }

    /// Lets those begin whose call is in the conference, or was.
    pub(super) fn begin_attending(&mut self, now: Now, session: SessionId) {
        let waits = |it: &Attendant| {
            let call = self.calls.get(&it.call);
            let conferring = call.and_then(|call| call.conference.as_ref());
            conferring.is_some_and(|its| its.seat.name() == it.place.1 && !its.mixed)
        };
        for port in self.attendants_of(session, |it| it.work.is_ready() && !waits(it)) {
            self.begin_work(now, port);
        }
    }

    fn begin_work(&mut self, now: Now, port: PortId) {
        let Some(attendant) = self.attendants.get_mut(&port) else {
            return;
        };
        let (room, operation) = (Arc::clone(&attendant.room), attendant.operation);
        if room.is_over() {
            return self.end_with_room(now, port);
        }
        if !room.is_held(attendant.work.post(), port) {
            return self.attended(now, port, Completion::Stopped);
        }
        let (session, call, name) = (attendant.session, attendant.call, &attendant.place.1);
        let (command, what) = match &mut attendant.work {
            Work::Play(stage) => {
                let Stage::Ready(play) = std::mem::replace(stage, Stage::Sounding) else {
                    return;
                };
                let what = format!("plays into conference {name}");
                (media::Command::Announce { port, room, play }, what)
            }
            Work::Record {
                file,
                longest,
                since,
            } => {
                *since = Some(now.mono);
                let what = format!("records conference {name} as {file}");
                let (longest, recorded) = (*longest, file.clone());
                let Some(file) = self.new_recording(now, session, call, recorded) else {
                    return;
                };
                let command = media::Command::Overhear {
                    port,
                    room,
                    operation,
                    file,
                    longest,
                };
                (command, what)
            }
        };
        self.out.push_back(Output::Media { session, command });
        self.trace(now, call, TraceItem::Media { call, what });
    }

    /// The play of an attendant: its session, its number, and how far it is.
    pub(super) fn speaker(&mut self, port: PortId) -> Option<(SessionId, u32, &mut Stage)> {
        let attendant = self.attendants.get_mut(&port)?;
        match &mut attendant.work {
            Work::Play(stage) => Some((attendant.session, attendant.operation, stage)),
            Work::Record { .. } => None,
        }
    }

    /// The media shard says that an attendant has left.
    pub(super) fn attendant_left(&mut self, now: Now, port: PortId, why: Leaving) {
        match why {
            Leaving::Done => self.attended(now, port, Completion::Finished),
            Leaving::TimedOut => self.attended(now, port, Completion::Timeout),
            Leaving::Relieved => self.attended(now, port, Completion::Stopped),
            Leaving::RoomOver => self.end_with_room(now, port),
        }
    }

    /// What an attendant did is over, and its session is told. Nothing happens if it was told already, or is
    /// gone.
    pub(super) fn attended(&mut self, now: Now, port: PortId, how: Completion) {
        let Some(done) = self.attendants.remove(&port) else {
            return;
        };
        if let Some(s) = self.sessions.get_mut(&done.session) {
            s.attendants.retain(|it| *it != port);
        }
        let post = done.work.post();
        done.room.vacate(post, port);
        let mut lasted = Duration::ZERO;
        match done.work {
            Work::Play(Stage::Loading(ticket, _)) => {
                self.loading.remove(&ticket);
            }
            Work::Record {
                since: Some(since), ..
            } => lasted = now.mono.saturating_duration_since(since),
            _ => {}
        }
        let which = (post, done.operation);
        self.tell_attended(now, done.session, done.place, which, (how, lasted));
    }

    /// A session that has nothing more to wait for hears nothing more; what it began goes on. It waits for
    /// prompts: a play without them would not go on.
    pub(super) fn forget_attendants(&mut self, session: SessionId) {
        let Some(s) = self.sessions.get(&session) else {
            return;
        };
        let lives = |id: &CallId| self.calls.get(id).is_some_and(|call| !call.is_released());
        let waits = s.calls.iter().any(lives) || !s.is_idle();
        let loads = |it: &Attendant| matches!(it.work, Work::Play(Stage::Loading(..)));
        if waits || !self.attendants_of(session, loads).is_empty() {
            return;
        }
        for port in self.attendants_of(session, |_| true) {
            self.attendants.remove(&port);
        }
        if let Some(s) = self.sessions.get_mut(&session) {
            s.attendants.clear();
        }
    }

    /// Tells a session how what it began in a conference ended, and how long it was.
    fn tell_attended(
        &mut self,
        now: Now,
        session: SessionId,
        (conference, name): Place,
        (post, operation): (Post, u32),
        (how, lasted): (Completion, Duration),
    ) {
        let what = match post {
            Post::Speaker => "played into",
            Post::Recorder => "recorded",
        };
        let what = format!("{what} conference {name}: {}", how.as_str());
        self.note(now, session, what);
        if !self.hears(session, "conference-events") {
            return;
        }
        let event = match post {
            Post::Speaker => Event::ConferencePlayCompleted {
                conference,
                name,
                operation,
                how,
            },
            Post::Recorder => Event::ConferenceRecordCompleted {
                conference,
                name,
                operation,
                how,
                duration_ms: lasted.as_millis() as u32,
            },
        };
        self.tell(now, session, event);
    }
}

impl Attendant {
    fn is_in(&self, room: &Room) -> bool {
        self.room.id() == room.id()
    }
}

/// Why a command was skipped.
fn skipped(post: Post) -> String {
    let what = match post {
        Post::Speaker => "play",
        Post::Recorder => "record",
    };
    format!("conference {what} skipped: no call is in it any more")
}
