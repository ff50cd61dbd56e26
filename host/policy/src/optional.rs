//! The handlers that a policy need not have, one interface each.
//!
//! `control` asks for none that the policy does not export, so a missing one is our own fault.

use model::turn::Fault;
use model::{Event, Reply, Request};
use wasmtime::Store;
use wasmtime::component::{Instance, Resource};

use crate::bindings::exports::jackfield::policy::{
    command_events, digit_events, media_events, transfer_events,
};
use crate::bindings::jackfield::policy::call::Call;
use crate::convert;
use crate::engine::Policy;
use crate::host::Host;

/// Calls the handler of an event that is not of `call-events`, about that call if it is about one.
pub(crate) async fn handle(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
    call: Resource<Call>,
    event: Event,
) -> wasmtime::Result<Option<Reply>> {
    let session = Resource::new_borrow(0);
    match event {
        Event::Digit { digit, .. } => {
            let digits = digits(store, policy, instance)?;
            digits.call_on_digit(store, session, call, digit).await?;
        }
        Event::PlayCompleted { operation, how, .. } => {
            let (media, how) = (media(store, policy, instance)?, convert::completion(how));
            media
                .call_on_play_completed(store, session, call, operation, how)
                .await?;
        }
        Event::DigitsCollected {
            operation,
            digits: keyed,
            how,
            ..
        } => {
            let (digits, how) = (digits(store, policy, instance)?, convert::completion(how));
            digits
                .call_on_digits_collected(store, session, call, operation, &keyed, how)
                .await?;
        }
        Event::CommandFailed { command, why, .. } => {
            let (commands, why) = (commands(store, policy, instance)?, convert::error(why));
            commands
                .call_on_command_failed(store, session, call, command, &why)
                .await?;
        }
        Event::RecordCompleted {
            operation,
            how,
            duration_ms,
            ..
        } => {
            let how = convert::completion(how);
            media(store, policy, instance)?
                .call_on_record_completed(store, session, call, operation, how, duration_ms)
                .await?;
        }
        Event::TransferRequested {
            target, replaces, ..
        } => {
            let transfers = transfers(store, policy, instance)?;
            let (target, replaces) = (target.to_string(), replaces.as_deref());
            transfers
                .call_on_transfer_requested(store, session, call, &target, replaces)
                .await?;
        }
        Event::TransferCompleted { status, .. } => {
            transfers(store, policy, instance)?
                .call_on_transfer_completed(store, session, call, status)
                .await?;
        }
        Event::Timer { name } => expire(store, policy, instance, &name).await?,
        Event::Migrate { from } => migrate(store, policy, instance, from).await?,
        Event::Request(request) => return ask(store, policy, instance, &request).await.map(Some),
        event => conferred(store, policy, instance, event).await?,
    }
    Ok(None)
}

/// Calls the handler of requests.
async fn ask(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
    request: &Request,
) -> wasmtime::Result<Reply> {
    let Some(requests) = &policy.requests else {
        return Err(missing(store, "request-events"));
    };
    let (session, request) = (Resource::new_borrow(0), convert::request(request));
    let requests = requests.load(&mut *store, instance)?;
    let reply = requests.call_on_request(store, session, &request).await?;
    convert::reply(reply).map_err(wasmtime::Error::msg)
}

/// Calls the handler of timers.
async fn expire(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
    name: &str,
) -> wasmtime::Result<()> {
    let Some(timers) = &policy.timers else {
        return Err(missing(store, "timer-events"));
    };
    let timers = timers.load(&mut *store, instance)?;
    timers
        .call_on_timer(store, Resource::new_borrow(0), name)
        .await
}

/// Lets it make its state out of another version's.
async fn migrate(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
    from: u32,
) -> wasmtime::Result<()> {
    let Some(upgrade) = &policy.upgrade else {
        return Err(missing(store, "upgrade"));
    };
    let upgrade = upgrade.load(&mut *store, instance)?;
    let (from, state) = (from.to_string(), store.data().kept_state());
    let made = upgrade.call_migrate(&mut *store, &from, &state).await?;
    store.data_mut().take_over(made);
    Ok(())
}

/// Calls the handler of what ended in a conference.
async fn conferred(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
    event: Event,
) -> wasmtime::Result<()> {
    let Some(conferences) = &policy.conferences else {
        return Err(missing(store, "conference-events"));
    };
    let conferences = conferences.load(&mut *store, instance)?;
    let session = Resource::new_borrow(0);
    match event {
        Event::ConferencePlayCompleted {
            conference,
            operation,
            how,
            ..
        } => {
            let conference = Resource::new_borrow(store.data_mut().lend_conference(conference));
            let how = convert::completion(how);
            conferences
                .call_on_conference_play_completed(store, session, conference, operation, how)
                .await
        }
        Event::ConferenceRecordCompleted {
            conference,
            operation,
            how,
            duration_ms,
            ..
        } => {
            let conference = Resource::new_borrow(store.data_mut().lend_conference(conference));
            let how = convert::completion(how);
            conferences
                .call_on_conference_record_completed(
                    store,
                    session,
                    conference,
                    operation,
                    how,
                    duration_ms,
                )
                .await
        }
        // Those of `call-events`, which every policy has.
        event => Err(missing(store, event.name())),
    }
}

/// The handlers of plays and recordings.
fn media(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
) -> wasmtime::Result<media_events::Guest> {
    match &policy.media {
        Some(media) => media.load(store, instance),
        None => Err(missing(store, "media-events")),
    }
}

/// The handlers of digits.
fn digits(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
) -> wasmtime::Result<digit_events::Guest> {
    match &policy.digits {
        Some(digits) => digits.load(store, instance),
        None => Err(missing(store, "digit-events")),
    }
}

/// The handler of what failed later.
fn commands(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
) -> wasmtime::Result<command_events::Guest> {
    match &policy.commands {
        Some(commands) => commands.load(store, instance),
        None => Err(missing(store, "command-events")),
    }
}

/// The handlers of transfers.
fn transfers(
    store: &mut Store<Host>,
    policy: &Policy,
    instance: &Instance,
) -> wasmtime::Result<transfer_events::Guest> {
    match &policy.transfers {
        Some(transfers) => transfers.load(store, instance),
        None => Err(missing(store, "transfer-events")),
    }
}

fn missing(store: &mut Store<Host>, export: &str) -> wasmtime::Error {
    let text = format!("the policy does not export {export}");
    store.data_mut().stop(Fault::Instance, text.clone());
    wasmtime::Error::msg(text)
}
