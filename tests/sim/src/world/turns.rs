//! Turns in the world: when they end, what befalls them, and that their writes commit or they run
//! again. The fourth run has the store to itself, as in the server.

use std::time::Duration;

use control::{Input, TurnRequest};
use model::{
    LogLine,
    limits::TURN_WHOLE,
    turn::{Fault, TurnOutcome, Usage},
};

use super::{Happening, World};
use crate::Sabotage;

/// How long a policy has run that is stopped for it.
const DEADLINE: Duration = Duration::from_millis(50);

/// Runs of one turn before it runs with the store to itself.
const OPTIMISTIC: u32 = 3;

impl World {
    pub(super) fn begin_turn(&mut self, shard: usize, request: Box<TurnRequest>) {
        let drops = match request.event {
            model::Event::Released { .. } => self.is_sabotaged(Sabotage::DropReleased),
            model::Event::PlayCompleted { .. } => self.is_sabotaged(Sabotage::DropPlayCompleted),
            _ => false,
        };
        if drops {
            let (ticket, outcome) = (request.ticket, TurnOutcome::Done(Box::default()));
            return self.input(shard, Input::TurnDone { ticket, outcome });
        }
        self.watch.turn(self.now, &request);
        if self.is_sabotaged(Sabotage::DialCompletedTwice)
            && matches!(request.event, model::Event::DialCompleted { .. })
        {
            let nothing = TurnOutcome::Done(Box::default());
            self.watch
                .turn_done(self.now, request.view.session, &nothing);
            self.watch.turn(self.now, &request);
        }
        self.note(format_args!(
            "turn {} {}",
            request.view.session,
            request.event.name()
        ));
        self.run_turn(shard, request, 1);
    }

    fn run_turn(&mut self, shard: usize, request: Box<TurnRequest>, attempt: u32) {
        let snapshot = self
            .store
            .snapshot(request.view.tenant.id, request.view.now);
        let outcome = self.policies.run(&request, &snapshot);
        let outcome = self.misfortune(outcome);
        let drawn = self.options.turns.draw(&mut self.chance);
        let pace = self.paces.get(request.event.name());
        let mut takes = pace.copied().unwrap_or(drawn);
        if matches!(
            &outcome,
            TurnOutcome::Fault {
                kind: Fault::Deadline,
                ..
            }
        ) {
            takes += DEADLINE;
        }
        let outcome = if takes > TURN_WHOLE {
            takes = TURN_WHOLE;
            faulted(Fault::TooLong, outcome)
        } else {
            outcome
        };
        let commit = Happening::Commit {
            shard,
            request,
            outcome,
            attempt,
        };
        self.agenda.enter(self.now + takes, commit);
    }

    fn misfortune(&mut self, outcome: TurnOutcome) -> TurnOutcome {
        if self.chance.percent(self.options.faults) {
            let kinds = [Fault::Trap, Fault::Deadline, Fault::Memory, Fault::Store];
            faulted(*self.chance.pick(&kinds), outcome)
        } else {
            outcome
        }
    }

    /// The end of a turn: its writes commit, or it runs again.
    pub(super) fn commit(
        &mut self,
        shard: usize,
        request: Box<TurnRequest>,
        outcome: TurnOutcome,
        attempt: u32,
    ) {
        let (tenant, now_ms) = (request.view.tenant.id, request.view.now);
        let mut outcome = outcome;
        let mut run = attempt;
        if self.is_sabotaged(Sabotage::ForgetConflicts)
            && let TurnOutcome::Done(effects) = &outcome
        {
            self.store.write(tenant, &effects.store);
        } else if let TurnOutcome::Done(effects) = &outcome
            && self.store.commit(tenant, &effects.store, now_ms).is_err()
        {
            self.note(format_args!("conflict of {}", request.view.session));
            if attempt < OPTIMISTIC {
                return self.run_turn(shard, request, attempt + 1);
            }
            run += 1;
            // Nobody comes in between: the snapshot is the store.
            let snapshot = self.store.snapshot(tenant, now_ms);
            outcome = self.policies.run(&request, &snapshot);
            if let TurnOutcome::Done(effects) = &outcome
                && self.store.commit(tenant, &effects.store, now_ms).is_err()
            {
                self.watch
                    .violated("a turn alone with the store is in conflict".to_owned());
            }
        }
        *self.commits.entry(run).or_default() += 1;
        self.watch
            .turn_done(self.now, request.view.session, &outcome);
        self.note(format_args!(
            "done {} {}",
            request.view.session,
            kind(&outcome)
        ));
        let ticket = request.ticket;
        self.input(shard, Input::TurnDone { ticket, outcome });
    }
}

fn faulted(kind: Fault, outcome: TurnOutcome) -> TurnOutcome {
    let logs: Vec<LogLine> = match outcome {
        TurnOutcome::Done(effects) => effects.logs,
        TurnOutcome::Fault { logs, .. } => logs,
    };
    let usage = Usage {
        turns: 1,
        ..Usage::default()
    };
    TurnOutcome::Fault { kind, logs, usage }
}

fn kind(outcome: &TurnOutcome) -> &'static str {
    match outcome {
        TurnOutcome::Done(_) => "done",
        TurnOutcome::Fault { kind, .. } => kind.as_str(),
    }
}
