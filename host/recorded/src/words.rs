//! Commands in words: all that one says, so that two are the same if their words are.
//!
//! What a trunk or phone leads to is no decision of the policy and stands in none of them.

use std::fmt::Write;

use model::{
    Command, Keys, Via,
    command::Construct,
    turn::{Collect, Play},
};

/// In which order keys are told: as in the turns that are kept, where recordings have another than all else.
const KEYS: &str = "#*0123456789ABCD";
const KEYS_OF_RECORDINGS: &str = "0123456789*#ABCD";

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
            let keys = until(*finish_keys, KEYS_OF_RECORDINGS);
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
    let mut text = sounds.join(" ");
    if what.repeat != 1 {
        let _ = write!(text, ", {} times", what.repeat);
    }
    text + &until(what.finish_keys, KEYS)
}

fn collect(what: &Collect) -> String {
    let Collect {
        max_digits,
        first_timeout_ms: first,
        next_timeout_ms: next,
        finish_keys,
    } = what;
    let keys = until(*finish_keys, KEYS);
    format!("{max_digits} digits in {first} ms, {next} ms{keys}")
}

fn until(keys: Keys, order: &str) -> String {
    let keys: String = order.chars().filter(|key| keys.has(*key)).collect();
    if keys.is_empty() {
        String::new()
    } else {
        format!(", until {keys}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{CallId, Sound};

    use super::*;

    #[test]
    fn finish_keys_are_told_as_in_turns_that_are_kept() {
        let call = CallId::first_of(5);
        let told = |keys: &str| {
            let finish_keys = Keys::parse(keys).unwrap();
            let play = Box::new(Play {
                sounds: vec![Sound::Silence(40)],
                prompts: BTreeMap::new(),
                repeat: 1,
                finish_keys,
            });
            let collect = Box::new(Collect {
                max_digits: 4,
                finish_keys,
                first_timeout_ms: 5,
                next_timeout_ms: 3,
            });
            let operation = 7;
            [
                Command::PlayStart {
                    call,
                    operation,
                    what: play,
                },
                Command::CollectStart {
                    call,
                    operation,
                    what: collect,
                },
                Command::RecordStart {
                    call,
                    operation,
                    name: "memo".into(),
                    finish_keys,
                    max_seconds: 9,
                },
            ]
            .map(|it| command(&it).replace(&call.to_string(), "A"))
        };
        let plain = [
            "play-start A #7 silence:40",
            "collect-start A #7 4 digits in 5 ms, 3 ms",
            "record-start A #7 \"memo\", at most 9 s",
        ];
        assert_eq!(told(""), plain);
        let all = "DCBA#*9876543210";
        let sorted = "#*0123456789ABCD";
        let until = [sorted, sorted, "0123456789*#ABCD"];
        for ((told, plain), keys) in told(all).iter().zip(plain).zip(until) {
            assert_eq!(*told, format!("{plain}, until {keys}"));
        }
    }
}
