use super::super::client_request::{Input, State};
use super::super::{Action, Rules, Timer};
use super::{PATIENCE, T1, T2, T4, TCP, UDP, bytes, send};
use Action::{Deliver, Done, Start, Stop, TimedOut};

#[track_caller]
fn check(rules: Rules, state: State, input: Input, expect: (State, &[Action])) {
    let mut actions = Vec::new();
    let after = state.step(input, &rules, &mut actions);
    assert_eq!((after, actions.as_slice()), expect);
}

fn trying(interval: std::time::Duration) -> State {
    State::Trying {
        request: bytes("BYE"),
        interval,
    }
}

fn proceeding() -> State {
    State::Proceeding {
        request: bytes("BYE"),
    }
}

#[test]
fn starts_by_sending_with_timers_e_and_f() {
    let mut actions = Vec::new();
    assert_eq!(State::start(bytes("BYE"), &UDP, &mut actions), trying(T1));
    assert_eq!(
        actions,
        [send("BYE"), Start(Timer::E, T1), Start(Timer::F, PATIENCE)]
    );
    actions.clear();
    State::start(bytes("BYE"), &TCP, &mut actions);
    assert_eq!(actions, [send("BYE"), Start(Timer::F, PATIENCE)]);
}

#[test]
fn trying_retransmits_with_a_backoff_up_to_t2() {
    // RFC 3261 §17.1.2.2: MIN(2*E, T2).
    let again = [send("BYE"), Start(Timer::E, T1 * 2)];
    check(
        UDP,
        trying(T1),
        Input::Timer(Timer::E),
        (trying(T1 * 2), &again),
    );
    let again = [send("BYE"), Start(Timer::E, T2)];
    check(
        UDP,
        trying(T2),
        Input::Timer(Timer::E),
        (trying(T2), &again),
    );
    let out = [Stop(Timer::E), TimedOut, Done];
    check(
        UDP,
        trying(T1),
        Input::Timer(Timer::F),
        (State::Terminated, &out),
    );
}

#[test]
fn proceeding_retransmits_every_t2() {
    check(
        UDP,
        trying(T1),
        Input::Provisional,
        (proceeding(), &[Deliver]),
    );
    check(
        UDP,
        proceeding(),
        Input::Provisional,
        (proceeding(), &[Deliver]),
    );
    let again = [send("BYE"), Start(Timer::E, T2)];
    check(
        UDP,
        proceeding(),
        Input::Timer(Timer::E),
        (proceeding(), &again),
    );
    let out = [Stop(Timer::E), TimedOut, Done];
    check(
        UDP,
        proceeding(),
        Input::Timer(Timer::F),
        (State::Terminated, &out),
    );
}

#[test]
fn a_final_response_is_delivered_once_and_timer_k_ends_it() {
    let done = [Stop(Timer::E), Stop(Timer::F), Deliver, Start(Timer::K, T4)];
    check(UDP, trying(T1), Input::Final, (State::Completed, &done));
    check(UDP, proceeding(), Input::Final, (State::Completed, &done));
    let done = [Stop(Timer::E), Stop(Timer::F), Deliver, Done];
    check(TCP, trying(T1), Input::Final, (State::Terminated, &done));
    check(UDP, State::Completed, Input::Final, (State::Completed, &[]));
    check(
        UDP,
        State::Completed,
        Input::Provisional,
        (State::Completed, &[]),
    );
    check(
        UDP,
        State::Completed,
        Input::Timer(Timer::E),
        (State::Completed, &[]),
    );
    check(
        UDP,
        State::Completed,
        Input::Timer(Timer::K),
        (State::Terminated, &[Done]),
    );
}
