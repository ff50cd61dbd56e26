//! Commands in words: all that one says, so that two are the same if their words are.
//!
//! What a trunk or phone leads to is no decision of the policy and stands in none of them.

use std::fmt::Write;

use model::{
    Command, Keys, Via,
    command::Construct,
    turn::{Collect, Play},
};

/// A command with all that it says.
pub(crate) fn command(command: &Command) -> String {
    match command {
        Command::Ring { call } => format!("ring {call}"),
        Command::Answer { call, user_data } => format!("answer {call} {user_data:?}"),
        Command::Release { call, cause } => format!("release {call} {cause}"),
        Command::Redirect { call, to } => format!("redirect {call} to {to}"),
        Command::SetUserData { call, user_data } => format!("set-user-data {call} {user_data:?}"),
        Command::Construct(it) => construct(it),
        Command::BridgeStart { a, b } => format!("bridge-start {a} {b}"),
        Command::BridgeStop { call } => format!("bridge-stop {call}"),
        Command::Transfer { call, to, replaces } => {
            let place = replaces.map_or(String::new(), |it| format!(", replaces {it}"));
            format!("transfer {call} to {to}{place}")
        }
        Command::TransferAccept { call } => format!("transfer-accept {call}"),
        Command::TransferRefuse { call, cause } => format!("transfer-refuse {call} {cause}"),
        Command::SendDigits { call, digits } => format!("send-digits {call} {digits}"),
        Command::Hold { call } => format!("hold {call}"),
        Command::Resume { call } => format!("resume {call}"),
        Command::TimerStart { name, after_ms } => format!("timer-start {name:?} {after_ms} ms"),
        Command::TimerStop { name } => format!("timer-stop {name:?}"),
        other => media(other),
    }
}

/// A command about audio.
fn media(command: &Command) -> String {
    match command {
        Command::PlayStart {
            call,
            operation,
            what,
        } => format!("play-start {call} #{operation} {}", play(what)),
        Command::PlayStop { call } => format!("play-stop {call}"),
        Command::CollectStart {
            call,
            operation,
            what,
        } => format!("collect-start {call} #{operation} {}", collect(what)),
        Command::CollectStop { call } => format!("collect-stop {call}"),
        Command::RecordStart {
            call,
            operation,
            name,
            finish_keys,
            max_seconds,
        } => {
            let keys = keys(*finish_keys);
            format!("record-start {call} #{operation} {name:?}, at most {max_seconds} s{keys}")
        }
        Command::RecordStop { call } => format!("record-stop {call}"),
        Command::ConfEnter {
            call,
            conference,
            name,
            mode,
        } => format!(
            "conf-enter {call} {name:?} ({conference}) {}",
            mode.as_str()
        ),
        Command::ConfExit { call } => format!("conf-exit {call}"),
        Command::ConfPlayStart {
            name,
            operation,
            what,
            ..
        } => format!("conference {name:?} play-start #{operation} {}", play(what)),
        Command::ConfPlayStop { name } => format!("conference {name:?} play-stop"),
        Command::ConfRecordStart {
            name,
            operation,
            file,
            max_seconds,
            ..
        } => format!(
            "conference {name:?} record-start #{operation} {file:?}, at most {max_seconds} s"
        ),
        Command::ConfRecordStop { name } => format!("conference {name:?} record-stop"),
        // Whoever adds a command adds its words; until then it is told as it is.
        other => format!("{other:?}"),
    }
}

fn construct(it: &Construct) -> String {
    let mut text = format!("construct {} from {} to {}", it.call, it.from, it.to);
    match it.route.via {
        Via::Phone => text.push_str(" (a phone)"),
        Via::Trunk(id) => {
            let _ = write!(text, " ({id})");
        }
    }
    for (what, seconds) in [
        ("ring", it.max_ring_seconds),
        ("answered", it.max_answer_seconds),
    ] {
        if seconds > 0 {
            let _ = write!(text, ", {what} at most {seconds} s");
        }
    }
    let _ = write!(text, ", {:?}", it.user_data);
    for (name, value) in &it.headers {
        let _ = write!(text, ", {name}: {value}");
    }
    if it.anonymous {
        text.push_str(", anonymous");
    }
    if let Some(call) = it.transfer {
        let _ = write!(text, ", as {call} wished");
    }
    text
}

fn play(what: &Play) -> String {
    let sounds: Vec<_> = what.sounds.iter().map(ToString::to_string).collect();
    let keys: String = what.finish_keys.iter().collect();
    let mut text = sounds.join(" ");
    if what.repeat != 1 {
        let _ = write!(text, ", {} times", what.repeat);
    }
    if !keys.is_empty() {
        let _ = write!(text, ", until {keys}");
    }
    text
}

fn collect(what: &Collect) -> String {
    let keys: String = what.finish_keys.iter().collect();
    let Collect {
        max_digits,
        first_timeout_ms: first,
        next_timeout_ms: next,
        ..
    } = what;
    let until = if keys.is_empty() { "" } else { ", until " };
    format!("{max_digits} digits in {first} ms, {next} ms{until}{keys}")
}

fn keys(keys: Keys) -> String {
    let keys: String = "0123456789*#ABCD"
        .chars()
        .filter(|key| keys.has(*key))
        .collect();
    if keys.is_empty() {
        String::new()
    } else {
        format!(", until {keys}")
    }
}
