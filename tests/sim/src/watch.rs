//! The watch: judges everything that passes between the node and the world by the invariants of the
//! architecture (§14).
//!
//! Owns the books: which INVITE got which answers, what each call's policy was told, which rows were
//! written. Reads messages with eyes of its own, since the parser is among those that are judged.

mod glimpse;
mod operations;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use control::{Counts, TurnRequest};
use media::{Command, PortId};
use model::{
    CallDirection, CallId, Cdr, Command as Decision, Event, SessionId, TenantId, Trace,
    turn::{Phase, StoreTouch, TurnOutcome, Version, Write},
};

pub(crate) use glimpse::Glimpse;
use operations::{Carried, Operations, begun, begun_in_conference};
use told::Told;

/// How long an INVITE is sent again (RFC 3261 §17.1.1.2).
const TIMER_B: Duration = Duration::from_secs(32);

/// The books of one world.
#[derive(Debug, Default)]
pub struct Watch {
    violations: Vec<String>,
    /// INVITE transactions that came to us, by source and branch, and their final answers.
    invites: BTreeMap<(SocketAddr, String), BTreeSet<String>>,
    /// Those that were sent within a dialog.
    reinvites: BTreeSet<(SocketAddr, String)>,
    /// The INVITE that is being handled just now.
    arriving: Option<String>,
    /// Our INVITEs by where to and Call-ID: when first, and whether they were answered in time.
    outbound: BTreeMap<(SocketAddr, String), (Duration, bool)>,
    /// INVITEs that take the place of a party in a call: whose record is there.
    joins: BTreeSet<String>,
    /// Inbound calls by Call-ID.
    inbound: BTreeMap<String, CallId>,
    calls: BTreeMap<CallId, Book>,
    /// By call, also of one that its turn has only just made.
    operations: BTreeMap<CallId, Operations>,
    /// Sessions, and whether a turn of theirs is out.
    sessions: BTreeMap<SessionId, Run>,
    ports: BTreeMap<PortId, SessionId>,
    /// Questions of the API, and how often they were answered.
    asks: BTreeMap<u64, u32>,
    /// Values that a turn has seen and removed: nobody else may have had them.
    taken: BTreeSet<(TenantId, String, Version)>,
}

#[derive(Debug)]
struct Book {
    tenant: TenantId,
    session: SessionId,
    direction: CallDirection,
    told: Told,
    /// The row with its end; it may be put out again until it is durable.
    end: Option<Cdr>,
    /// The answer time of the last row.
    answered: bool,
    /// A 200 to its INVITE has left.
    accepted: bool,
}

#[derive(Debug)]
struct Run {
    tenant: TenantId,
    turn: bool,
    /// What the last turn constructed.
    constructed: Vec<CallId>,
    /// Its timers, and when they are due.
    timers: BTreeMap<String, Duration>,
    /// Plays and recordings that run.
    carried: Carried,
    /// What it began in conferences.
    conferred: Operations,
    /// When the call ended whose end was told last.
    told_end: u64,
    traces: u32,
}

impl Run {
    fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            turn: false,
            constructed: Vec::new(),
            timers: BTreeMap::new(),
            carried: Carried::default(),
            conferred: Operations::default(),
            told_end: 0,
            traces: 0,
        }
    }

    fn set_timer(&mut self, now: Duration, decision: &Decision) {
        match decision {
            Decision::TimerStart { name, after_ms } => {
                let after = Duration::from_millis(u64::from(*after_ms));
                self.timers.insert(name.clone(), now + after);
            }
            Decision::TimerStop { name } => {
                self.timers.remove(name);
            }
            _ => {}
        }
    }
}

impl Watch {
    /// What was violated, in words.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// The calls of a tenant, oldest first.
    pub(crate) fn calls_of(&self, tenant: TenantId) -> impl Iterator<Item = CallId> {
        let own = self
            .calls
            .iter()
            .filter(move |(_, book)| book.tenant == tenant);
        own.map(|(call, _)| *call)
    }

    pub(crate) fn violated(&mut self, what: String) {
        // The first ones tell the story.
        if self.violations.len() < 20 {
            self.violations.push(what);
        }
    }

    /// A SIP message came to the node.
    pub(crate) fn received(&mut self, now: Duration, from: SocketAddr, message: &Glimpse) {
        self.arriving = None;
        let leg = (from, message.call_id.to_owned());
        if let Some((sent, heard)) = self.outbound.get_mut(&leg) {
            *heard |= now < *sent + TIMER_B;
        }
        if message.is_request("INVITE") {
            let key = (from, message.branch.to_owned());
            if message.replaces {
                self.joins.insert(message.call_id.to_owned());
            } else if message.to_tag.is_empty() {
                self.arriving = Some(message.call_id.to_owned());
            } else {
                self.reinvites.insert(key.clone());
            }
            self.invites.entry(key).or_default();
        }
    }

    /// The node has taken an input and is quiet again.
    pub(crate) fn settled(&mut self) {
        self.arriving = None;
    }

    /// A SIP message left the node; `durable` tells the row of a call as it is on disk.
    pub(crate) fn sent<'a>(
        &mut self,
        now: Duration,
        to: SocketAddr,
        message: &Glimpse,
        durable: impl Fn(CallId) -> Option<&'a Cdr>,
    ) {
        if message.is_request("INVITE") {
            let leg = (to, message.call_id.to_owned());
            self.outbound.entry(leg).or_insert((now, false));
        }
        let Some(status) = message
            .status
            .filter(|s| *s >= 200 && message.method == "INVITE")
        else {
            return;
        };
        let key = (to, message.branch.to_owned());
        match self.invites.get_mut(&key) {
            Some(answers) => {
                answers.insert(format!("{status} {}", message.to_tag));
            }
            None => self.violated(format!("{status} to an INVITE that nobody sent, to {to}")),
        }
        let joins = self.joins.contains(message.call_id);
        if !(200..300).contains(&status) || self.reinvites.contains(&key) || joins {
            return;
        }
        let Some(call) = self.inbound.get(message.call_id).copied() else {
            return self.violated(format!("{status} to an INVITE of no call, to {to}"));
        };
        if let Some(book) = self.calls.get_mut(&call) {
            book.accepted = true;
        }
        if durable(call).is_none_or(|row| row.answer.is_none()) {
            self.violated(format!("{call} was answered before its CDR was durable"));
        }
    }

    /// Whether an INVITE of ours to that address was given up without a word from there: then it may
    /// have arrived all the same, and whoever got it rings on (RFC 3261 §9.1: no CANCEL without 1xx).
    pub(crate) fn gave_up(&self, address: SocketAddr) -> bool {
        let mut invites = self.outbound.iter();
        invites.any(|((to, _), (_, heard))| *to == address && !heard)
    }

    /// A shard puts out a row.
    pub(crate) fn record(&mut self, cdr: &Cdr) {
        if let (CallDirection::Inbound, false) = (cdr.direction, self.calls.contains_key(&cdr.call))
            && let Some(sip) = self.arriving.take()
        {
            self.inbound.insert(sip, cdr.call);
        }
        let book = self.calls.entry(cdr.call).or_insert_with(|| Book {
            tenant: cdr.tenant,
            session: cdr.session,
            direction: cdr.direction,
            told: Told::new(cdr.direction),
            end: None,
            answered: false,
            accepted: false,
        });
        book.answered = cdr.answer.is_some();
        let crossed = book.tenant != cdr.tenant || book.session != cdr.session;
        let differs = book.end.as_ref().is_some_and(|end| !is_same_end(end, cdr));
        if cdr.end.is_some() {
            book.end.get_or_insert_with(|| cdr.clone());
        }
        if differs {
            self.violated(format!("{} has another row after its final one", cdr.call));
        }
        if crossed {
            self.violated(format!("the record of {} went to another tenant", cdr.call));
        }
        let answered = cdr.answer.unwrap_or(cdr.begin);
        if cdr.begin > answered || cdr.end.is_some_and(|end| end < answered) {
            self.violated(format!("the times of {} run backwards", cdr.call));
        }
        if cdr.cause == Some(200) && cdr.answer.is_none() {
            self.violated(format!("{} ended well without an answer", cdr.call));
        }
        if cdr.end.is_some() != cdr.end_reason.is_some() {
            self.violated(format!(
                "{} ended without a reason, or not at all",
                cdr.call
            ));
        }
    }

    /// A shard wants a turn to be run.
    pub(crate) fn turn(&mut self, now: Duration, request: &TurnRequest) {
        let view = &request.view;
        let run = Run::new(view.tenant.id);
        let run = self.sessions.entry(view.session).or_insert(run);
        let expired = match &request.event {
            Event::Timer { name } => run.timers.remove(name).is_some_and(|due| due <= now),
            _ => true,
        };
        // Ends are counted from the begin of their calls, in whole milliseconds.
        let end = end_of(&request.event).unwrap_or(run.told_end);
        let backwards = end + 1 < run.told_end;
        run.carried.event(&request.event);
        run.told_end = end;
        let is_conference = request.event.conference().is_some();
        let unheard_of = is_conference && run.conferred.hear(&request.event).is_err();
        let constructed = std::mem::take(&mut run.constructed);
        let crossed = run.tenant != view.tenant.id;
        if std::mem::replace(&mut run.turn, true) {
            self.violated(format!("two turns of {} at one time", view.session));
        }
        if constructed
            .iter()
            .any(|call| !self.calls.contains_key(call))
        {
            let what = "begins while the last one is being carried out";
            self.violated(format!("a turn of {} {what}", view.session));
        }
        let mut foreign = Vec::new();
        for call in &view.calls {
            let own = |book: &Book| book.tenant == view.tenant.id && book.session == view.session;
            if self.calls.get(&call.id).is_some_and(|book| !own(book)) {
                foreign.push(call.id);
            }
        }
        if crossed || !foreign.is_empty() {
            self.violated(format!(
                "{} sees another tenant's {foreign:?}",
                view.session
            ));
        }
        if unheard_of {
            let what = "is told twice, or of what it did not begin";
            self.violated(format!("{} {what}", view.session));
        }
        if backwards {
            let what = "is told of ends in another order than they came";
            self.violated(format!("{} {what}", view.session));
        }
        if !expired {
            self.violated(format!(
                "{} is told of a timer that does not run",
                view.session
            ));
        }
        let about = request
            .event
            .call()
            .and_then(|id| view.calls.iter().find(|c| c.id == id));
        let over = about.is_some_and(|call| call.phase == Phase::Released);
        if over && !is_terminal(&request.event) {
            let name = request.event.name();
            self.violated(format!(
                "{} is told {name} of a call that is over",
                view.session
            ));
        }
        self.event(&request.event);
    }

    fn event(&mut self, event: &Event) {
        let Some(call) = event.call() else { return };
        let Some(book) = self.calls.get_mut(&call) else {
            return self.violated(format!("{} of {call}, which has no row", event.name()));
        };
        let heard = book.told.hear(event);
        let operations = self.operations.entry(call).or_default();
        if let Err(why) = heard.and(operations.hear(event)) {
            self.violated(format!("{call}: {} {why}", event.name()));
        }
    }

    /// A turn ended.
    pub(crate) fn turn_done(&mut self, now: Duration, session: SessionId, outcome: &TurnOutcome) {
        let Some(run) = self.sessions.get_mut(&session) else {
            return;
        };
        run.turn = false;
        if let TurnOutcome::Done(effects) = outcome {
            run.constructed = effects.commands.iter().filter_map(constructs).collect();
            for decision in &effects.commands {
                run.set_timer(now, decision);
            }
            for operation in effects.commands.iter().filter_map(begun_in_conference) {
                run.conferred.begin(operation);
            }
            for (call, operation) in effects.commands.iter().filter_map(begun) {
                self.operations.entry(call).or_default().begin(operation);
            }
            let tenant = run.tenant;
            self.take(tenant, &effects.store);
        }
    }

    /// What a turn took out of the store nobody may have taken before.
    fn take(&mut self, tenant: TenantId, touch: &StoreTouch) {
        for (key, write) in &touch.writes {
            let seen = touch.reads.get(key).filter(|version| **version != 0);
            let (Write::Remove, Some(version)) = (write, seen) else {
                continue;
            };
            if !self.taken.insert((tenant, key.clone(), *version)) {
                self.violated(format!("version {version} of {key} was taken twice"));
            }
        }
    }

    /// A shard commands a media shard.
    pub(crate) fn media(&mut self, session: SessionId, command: &Command) {
        if let Some(run) = self.sessions.get_mut(&session) {
            run.carried.command(command);
        }
        let named: Vec<PortId> = match command {
            Command::Open { port, .. }
            | Command::Announce { port, .. }
            | Command::Overhear { port, .. } => {
                if self.ports.insert(*port, session).is_some() {
                    self.violated(format!("{port:?} was opened twice"));
                }
                return;
            }
            Command::Bridge { a, b } => vec![*a, *b],
            Command::Configure { port, .. }
            | Command::Unbridge { port }
            | Command::Listen { port, .. }
            | Command::Watch { port, .. }
            | Command::Play { port, .. }
            | Command::StopPlay { port }
            | Command::Confer { port, .. }
            | Command::Leave { port }
            | Command::Key { port, .. }
            | Command::Record { port, .. }
            | Command::StopRecord { port }
            | Command::Close { port } => vec![*port],
        };
        for port in named {
            if self.ports.get(&port) != Some(&session) {
                self.violated(format!("{session} commands the {port:?} of somebody else"));
            }
        }
    }

    /// The trace of a session is put out.
    pub(crate) fn trace(&mut self, trace: &Trace) {
        let run = Run::new(trace.tenant);
        let run = self.sessions.entry(trace.session).or_insert(run);
        run.traces += 1;
        if run.traces > 1 || run.tenant != trace.tenant {
            self.violated(format!("another trace of {}", trace.session));
        }
    }

    /// The API asks.
    pub(crate) fn asked(&mut self, ticket: u64) {
        self.asks.insert(ticket, 0);
    }

    /// A shard replies.
    pub(crate) fn replied(&mut self, ticket: u64) {
        match self.asks.get_mut(&ticket) {
            Some(replies) => *replies += 1,
            None => self.violated(format!("a reply to question {ticket}, which nobody asked")),
        }
    }

    /// Everything has come to rest: the books are closed.
    pub(crate) fn close(&mut self) {
        let mut found = Vec::new();
        for ((from, branch), answers) in &self.invites {
            // Of a challenge nothing is remembered: a copy that comes when the caller's tenant is gone, or
            // the caller locked out, is told so.
            let is = |answer: &&String, status: &str| answer.starts_with(status);
            let challenged = answers.iter().filter(|it| is(it, "401 ")).count();
            let turned_away = answers.iter().filter(|it| is(it, "403 ")).count();
            let forgotten = (challenged, turned_away) == (1, 1) && answers.len() == 2;
            if answers.len() != 1 && !forgotten {
                found.push(format!("INVITE {branch} of {from} got {answers:?}"));
            }
        }
        for (call, book) in &self.calls {
            if book.end.is_none() {
                found.push(format!("{call} has no final CDR"));
            }
            if let Err(why) = book.told.is_complete() {
                found.push(format!("{call}: {why}"));
            }
            if book.direction == CallDirection::Inbound && book.answered != book.accepted {
                let (row, wire) = (book.answered, book.accepted);
                found.push(format!("{call} answered: row says {row}, wire says {wire}"));
            }
        }
        for (session, run) in &self.sessions {
            if run.traces != 1 {
                found.push(format!("{session} has {} traces", run.traces));
            }
            if run.carried.forgotten() > 0 {
                found.push(format!(
                    "{session} was not told the end of {:?}",
                    run.carried
                ));
            }
        }
        for (ticket, replies) in self.asks.iter().filter(|(_, replies)| **replies != 1) {
            found.push(format!("question {ticket} got {replies} replies"));
        }
        for what in found {
            self.violated(what);
        }
    }

    /// What lives in a shard at rest.
    pub(crate) fn shard_at_rest(&mut self, shard: usize, counts: Counts) {
        if counts != Counts::default() {
            self.violated(format!("shard {shard} at rest: {counts:?}"));
        }
    }
}

fn is_same_end(a: &Cdr, b: &Cdr) -> bool {
    let end = |row: &Cdr| {
        (
            row.end,
            row.cause,
            row.end_reason,
            row.dropped_by,
            row.answer,
        )
    };
    end(a) == end(b)
}

fn is_terminal(event: &Event) -> bool {
    matches!(
        event,
        Event::DialCompleted { .. }
            | Event::Released { .. }
            | Event::PlayCompleted { .. }
            | Event::RecordCompleted { .. }
            | Event::DigitsCollected { .. }
    )
}

/// When the call ended whose end this tells. That of an answered call's dialling is none: it is told
/// when the answer is durable.
fn end_of(event: &Event) -> Option<u64> {
    match event {
        Event::DialCompleted { report, .. } if report.error.is_some() => Some(report.end),
        Event::Released { report, .. } => Some(report.end),
        _ => None,
    }
}

fn constructs(decision: &Decision) -> Option<CallId> {
    match decision {
        Decision::Construct(construct) => Some(construct.call),
        _ => None,
    }
}
