use super::super::server_request::{Input, State};
use super::super::{Action, Rules, Timer};
use super::{PATIENCE, TCP, UDP, bytes, send};
use Action::{Done, Start};

#[track_caller]
fn check(rules: Rules, state: State, input: Input, expect: (State, &[Action])) {
    let mut actions = Vec::new();
    let after = state.step(input, &rules, &mut actions);
    assert_eq!((after, actions.as_slice()), expect);
}

#[test]
fn rows() {
    // RFC 3261 §17.2.2.
    let completed = || State::Completed {
        response: bytes("200"),
    };
    let answer = || Input::Final(bytes("200"));
    check(UDP, State::Trying, Input::Request, (State::Trying, &[]));
    check(
        UDP,
        State::Trying,
        answer(),
        (completed(), &[send("200"), Start(Timer::J, PATIENCE)]),
    );
    check(
        TCP,
        State::Trying,
        answer(),
        (State::Terminated, &[send("200"), Done]),
    );
    check(
        UDP,
        completed(),
        Input::Request,
        (completed(), &[send("200")]),
    );
    check(
        UDP,
        completed(),
        Input::Final(bytes("500")),
        (completed(), &[]),
    );
    check(
        UDP,
        completed(),
        Input::Timer(Timer::J),
        (State::Terminated, &[Done]),
    );
}
