//! One turn: a fresh instance, one handler, and what came of it.
//!
//! It owns the limits in time and the verdict. A turn that does not return has done nothing: its
//! commands, state and writes are dropped here, and its log lines survive.

use std::time::Duration;

use model::turn::{Fault, TurnOutcome, Usage, View};
use model::{Event, IdSource, Reply};
use wasmtime::component::Resource;
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::convert;
use crate::engine::{Policy, Shared};
use crate::host::{Host, Stop, StoreReads};
use crate::{meter, optional};

/// What a turn is about.
#[derive(Clone, Debug)]
pub struct TurnInput {
    /// What the policy sees.
    pub view: View,
    /// What happened.
    pub event: Event,
    /// Ids and randomness: the same source again gives the same ones when the turn is run again.
    pub ids: IdSource,
}

pub(crate) async fn run(
    shared: &Shared,
    policy: &Policy,
    input: TurnInput,
    reads: Box<dyn StoreReads>,
    longest: Duration,
) -> TurnOutcome {
    let longest = longest.min(shared.limits.whole_time);
    let _running = shared.ticker.run();
    let TurnInput { view, event, ids } = input;
    let mut store = store(shared, Host::new(view, ids, reads, shared.limits));
    let mut guest_time = Duration::ZERO;
    let result = {
        let handler = meter::timed(
            handle(&mut store, policy, event),
            shared.clock,
            &mut guest_time,
        );
        tokio::time::timeout(longest, handler).await
    };
    let host = store.into_data();
    let usage = Usage {
        turns: 1,
        guest_us: guest_time.as_micros() as u64,
        host_calls: host.calls_made(),
        memory: host.memory_used() as u64,
        faults: 0,
    };
    match result {
        Ok(Ok(reply)) => TurnOutcome::Done(Box::new(host.into_effects(reply, usage))),
        Ok(Err(why)) => {
            let (kind, text) = verdict(&host, &why);
            fault(host, kind, &text, usage)
        }
        Err(_) => {
            let text = format!("the turn took longer than {longest:?}");
            fault(host, Fault::TooLong, &text, usage)
        }
    }
}

/// A store with every limit set.
fn store(shared: &Shared, host: Host) -> Store<Host> {
    let limits = shared.limits;
    let mut store = Store::new(&shared.wasmtime, host);
    store.limiter(|host| host);
    store.set_hostcall_fuel(limits.call_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    // The callback runs only while the guest does, at each tick of the epoch. After a yield the deadline is set
    // anew; a tick that went by around a wait for the store is no reason to yield.
    store.epoch_deadline_callback(move |mut context| {
        if meter::at_tick() >= limits.guest_time {
            let text = format!("the guest ran longer than {:?}", limits.guest_time);
            context.data_mut().stop(Fault::Deadline, text);
            return Ok(UpdateDeadline::Interrupt);
        }
        if context.data_mut().take_has_waited() {
            return Ok(UpdateDeadline::Continue(1));
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// Instantiates, and calls the handler of that event.
async fn handle(
    store: &mut Store<Host>,
    policy: &Policy,
    event: Event,
) -> wasmtime::Result<Option<Reply>> {
    let made = policy.instance.instantiate_async(&mut *store).await;
    let instance = made.map_err(|why| instance_fault(store, why))?;
    let session = Resource::new_borrow(0);
    let call = match event.call() {
        Some(id) => Resource::new_borrow(store.data_mut().lend(id)),
        None => Resource::new_borrow(0),
    };
    let calls = policy.calls.load(&mut *store, &instance)?;
    match event {
        Event::Incoming { begin, .. } => {
            calls.call_on_incoming(store, session, call, begin).await?;
        }
        Event::Ringing { early_media, .. } => {
            let told = calls.call_on_ringing(store, session, call, early_media);
            told.await?;
        }
        Event::DialCompleted { report, .. } => {
            let report = convert::dial_report(&report);
            calls
                .call_on_dial_completed(store, session, call, &report)
                .await?;
        }
        Event::Answered { .. } => calls.call_on_answered(store, session, call).await?,
        Event::Released { report, .. } => {
            let report = convert::release_report(&report);
            calls
                .call_on_released(store, session, call, &report)
                .await?;
        }
        event => return optional::handle(store, policy, &instance, call, event).await,
    }
    Ok(None)
}

/// An instance that could not be made is our own fault, unless the guest's start trapped.
fn instance_fault(store: &mut Store<Host>, why: wasmtime::Error) -> wasmtime::Error {
    if !why.is::<Trap>() {
        store
            .data_mut()
            .stop(Fault::Instance, format!("no instance: {why:#}"));
    }
    why
}

fn fault(host: Host, kind: Fault, text: &str, usage: Usage) -> TurnOutcome {
    TurnOutcome::Fault {
        kind,
        logs: host.into_logs(text),
        usage,
    }
}

/// Why the handler did not return, and in words for the tenant.
fn verdict(host: &Host, why: &wasmtime::Error) -> (Fault, String) {
    if let Some(Stop { kind, text }) = host.stopped() {
        return (*kind, text.clone());
    }
    if host.wanted_memory() && why.is::<Trap>() {
        return (
            Fault::Memory,
            "the guest needs more memory than it may have".to_owned(),
        );
    }
    if let Some(trap) = why.downcast_ref::<Trap>() {
        return (Fault::Trap, trap.to_string());
    }
    let root = why.root_cause().to_string();
    // The runtime has no types for these two; the tests would notice if its words changed.
    let too_much = ["fuel allocated for hostcalls", "handle limit exceeded"];
    if too_much.iter().any(|words| root.contains(words)) {
        return (Fault::HostCalls, root);
    }
    (Fault::Trap, root)
}
