use super::super::server_invite::{Input, State};
use super::super::{Action, Rules, Timer};
use super::{PATIENCE, T1, T2, T4, TCP, UDP, bytes, send};
use Action::{Deliver, Done, Start, Stop, TimedOut};

#[track_caller]
fn check(rules: Rules, state: State, input: Input, expect: (State, &[Action])) {
    let mut actions = Vec::new();
    let after = state.step(input, &rules, &mut actions);
    assert_eq!((after, actions.as_slice()), expect);
}

fn proceeding() -> State {
    State::Proceeding {
        last: Some(bytes("180")),
    }
}

fn completed(interval: std::time::Duration) -> State {
    State::Completed {
        response: bytes("486"),
        interval,
    }
}

#[test]
fn proceeding_repeats_the_last_1xx() {
    // RFC 3261 §17.2.1.
    let fresh = || State::Proceeding { last: None };
    check(UDP, fresh(), Input::Invite, (fresh(), &[]));
    check(
        UDP,
        fresh(),
        Input::Provisional(bytes("180")),
        (proceeding(), &[send("180")]),
    );
    check(
        UDP,
        proceeding(),
        Input::Invite,
        (proceeding(), &[send("180")]),
    );
    // An ACK with nothing to acknowledge.
    check(UDP, proceeding(), Input::Ack, (proceeding(), &[]));
}

#[test]
fn a_2xx_leads_to_accepted_which_absorbs_invites_and_passes_up_acks() {
    // RFC 6026 §8.5 and §7.1.
    let accepted = [send("200"), Start(Timer::L, PATIENCE)];
    check(
        UDP,
        proceeding(),
        Input::Success(bytes("200")),
        (State::Accepted, &accepted),
    );
    check(UDP, State::Accepted, Input::Invite, (State::Accepted, &[]));
    check(
        UDP,
        State::Accepted,
        Input::Ack,
        (State::Accepted, &[Deliver]),
    );
    check(
        UDP,
        State::Accepted,
        Input::Success(bytes("200")),
        (State::Accepted, &[send("200")]),
    );
    check(
        UDP,
        State::Accepted,
        Input::Failure(bytes("486")),
        (State::Accepted, &[]),
    );
    check(
        UDP,
        State::Accepted,
        Input::Provisional(bytes("180")),
        (State::Accepted, &[]),
    );
    check(
        UDP,
        State::Accepted,
        Input::Timer(Timer::L),
        (State::Terminated, &[Done]),
    );
}

#[test]
fn a_refusal_is_repeated_until_its_ack() {
    // §17.2.1: G only on an unreliable transport, doubling up to T2.
    let refused = [send("486"), Start(Timer::G, T1), Start(Timer::H, PATIENCE)];
    check(
        UDP,
        proceeding(),
        Input::Failure(bytes("486")),
        (completed(T1), &refused),
    );
    let refused = [send("486"), Start(Timer::H, PATIENCE)];
    check(
        TCP,
        proceeding(),
        Input::Failure(bytes("486")),
        (completed(T1), &refused),
    );
    let again = [send("486"), Start(Timer::G, T1 * 2)];
    check(
        UDP,
        completed(T1),
        Input::Timer(Timer::G),
        (completed(T1 * 2), &again),
    );
    let again = [send("486"), Start(Timer::G, T2)];
    check(
        UDP,
        completed(T2),
        Input::Timer(Timer::G),
        (completed(T2), &again),
    );
    check(
        UDP,
        completed(T1),
        Input::Invite,
        (completed(T1), &[send("486")]),
    );
    check(
        UDP,
        completed(T1),
        Input::Success(bytes("200")),
        (completed(T1), &[]),
    );
    check(
        UDP,
        completed(T1),
        Input::Provisional(bytes("180")),
        (completed(T1), &[]),
    );
    let out = [Stop(Timer::G), TimedOut, Done];
    check(
        UDP,
        completed(T1),
        Input::Timer(Timer::H),
        (State::Terminated, &out),
    );
    let acked = [Stop(Timer::G), Stop(Timer::H), Start(Timer::I, T4)];
    check(UDP, completed(T1), Input::Ack, (State::Confirmed, &acked));
    let acked = [Stop(Timer::G), Stop(Timer::H), Done];
    check(TCP, completed(T1), Input::Ack, (State::Terminated, &acked));
}

#[test]
fn confirmed_absorbs_until_timer_i() {
    check(UDP, State::Confirmed, Input::Ack, (State::Confirmed, &[]));
    check(
        UDP,
        State::Confirmed,
        Input::Invite,
        (State::Confirmed, &[]),
    );
    check(
        UDP,
        State::Confirmed,
        Input::Timer(Timer::G),
        (State::Confirmed, &[]),
    );
    check(
        UDP,
        State::Confirmed,
        Input::Timer(Timer::I),
        (State::Terminated, &[Done]),
    );
}
