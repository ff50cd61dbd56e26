use super::super::client_invite::{Input, State};
use super::super::{Action, Rules, Timer};
use super::{PATIENCE, T1, TCP, UDP, bytes, send};
use Action::{Deliver, Done, Start, Stop, TimedOut};

#[track_caller]
fn check(rules: Rules, state: State, input: Input, expect: (State, &[Action])) {
    let mut actions = Vec::new();
    let after = state.step(input, &rules, &mut actions);
    assert_eq!((after, actions.as_slice()), expect);
}

fn calling(interval: std::time::Duration) -> State {
    State::Calling {
        request: bytes("INVITE"),
        interval,
    }
}

fn completed() -> State {
    State::Completed { ack: bytes("ACK") }
}

#[test]
fn starts_by_sending_with_timers_a_and_b() {
    // RFC 3261 §17.1.1.2: A only on an unreliable transport.
    let mut actions = Vec::new();
    assert_eq!(
        State::start(bytes("INVITE"), &UDP, &mut actions),
        calling(T1)
    );
    assert_eq!(
        actions,
        [
            send("INVITE"),
            Start(Timer::A, T1),
            Start(Timer::B, PATIENCE)
        ]
    );
    actions.clear();
    State::start(bytes("INVITE"), &TCP, &mut actions);
    assert_eq!(actions, [send("INVITE"), Start(Timer::B, PATIENCE)]);
}

#[test]
fn calling_retransmits_until_anything_comes() {
    let ack = || Input::Failure(bytes("ACK"));
    // §17.1.1.2: Timer A doubles and has no upper bound but B.
    let again = [send("INVITE"), Start(Timer::A, T1 * 2)];
    check(
        UDP,
        calling(T1),
        Input::Timer(Timer::A),
        (calling(T1 * 2), &again),
    );
    let again = [send("INVITE"), Start(Timer::A, T1 * 32)];
    check(
        UDP,
        calling(T1 * 16),
        Input::Timer(Timer::A),
        (calling(T1 * 32), &again),
    );
    check(
        UDP,
        calling(T1),
        Input::Timer(Timer::B),
        (State::Terminated, &[TimedOut, Done]),
    );
    let quiet = [Stop(Timer::A), Stop(Timer::B), Deliver];
    check(
        UDP,
        calling(T1),
        Input::Provisional,
        (State::Proceeding, &quiet),
    );
    // RFC 6026 §8.4: a 2xx does not end it, Timer M does.
    let accepted = [
        Stop(Timer::A),
        Stop(Timer::B),
        Start(Timer::M, PATIENCE),
        Deliver,
    ];
    check(
        UDP,
        calling(T1),
        Input::Success,
        (State::Accepted, &accepted),
    );
    let d = Start(Timer::D, PATIENCE);
    let refused = [Stop(Timer::A), Stop(Timer::B), send("ACK"), Deliver, d];
    check(UDP, calling(T1), ack(), (completed(), &refused));
    let refused = [Stop(Timer::A), Stop(Timer::B), send("ACK"), Deliver, Done];
    check(TCP, calling(T1), ack(), (State::Terminated, &refused));
}

#[test]
fn proceeding_waits_for_the_final_answer() {
    let ack = || Input::Failure(bytes("ACK"));
    check(
        UDP,
        State::Proceeding,
        Input::Provisional,
        (State::Proceeding, &[Deliver]),
    );
    // A timer that crossed the 1xx does nothing.
    check(
        UDP,
        State::Proceeding,
        Input::Timer(Timer::A),
        (State::Proceeding, &[]),
    );
    check(
        UDP,
        State::Proceeding,
        Input::Timer(Timer::B),
        (State::Proceeding, &[]),
    );
    let accepted = [
        Stop(Timer::A),
        Stop(Timer::B),
        Start(Timer::M, PATIENCE),
        Deliver,
    ];
    check(
        UDP,
        State::Proceeding,
        Input::Success,
        (State::Accepted, &accepted),
    );
    let d = Start(Timer::D, PATIENCE);
    let refused = [Stop(Timer::A), Stop(Timer::B), send("ACK"), Deliver, d];
    check(UDP, State::Proceeding, ack(), (completed(), &refused));
}

#[test]
fn completed_repeats_its_ack_and_tells_nobody() {
    // §17.1.1.2: the same ACK bytes, whatever the later response says.
    check(
        UDP,
        completed(),
        Input::Failure(bytes("other")),
        (completed(), &[send("ACK")]),
    );
    check(UDP, completed(), Input::Provisional, (completed(), &[]));
    check(UDP, completed(), Input::Success, (completed(), &[]));
    check(
        UDP,
        completed(),
        Input::Timer(Timer::D),
        (State::Terminated, &[Done]),
    );
}

#[test]
fn accepted_passes_up_every_2xx_until_timer_m() {
    // RFC 6026 §8.4.
    check(
        UDP,
        State::Accepted,
        Input::Success,
        (State::Accepted, &[Deliver]),
    );
    check(
        UDP,
        State::Accepted,
        Input::Provisional,
        (State::Accepted, &[]),
    );
    check(
        UDP,
        State::Accepted,
        Input::Failure(bytes("ACK")),
        (State::Accepted, &[]),
    );
    check(
        UDP,
        State::Accepted,
        Input::Timer(Timer::M),
        (State::Terminated, &[Done]),
    );
}

#[test]
fn a_lost_connection_fails_what_nobody_has_answered() {
    // §17.1.4; once a 1xx has come the response may take another connection (§18.2.2).
    let stop = [Stop(Timer::A), Stop(Timer::B)];
    let mut actions = Vec::new();
    let proceeding = calling(T1).step(Input::Provisional, &TCP, &mut actions);
    assert_eq!(actions[..2], stop);
    check(
        TCP,
        calling(T1),
        Input::Disconnected,
        (State::Terminated, &[TimedOut, Done]),
    );
    check(
        TCP,
        proceeding.clone(),
        Input::Disconnected,
        (proceeding, &[]),
    );
    check(
        TCP,
        State::Accepted,
        Input::Disconnected,
        (State::Accepted, &[]),
    );
}
