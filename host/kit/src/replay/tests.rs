use std::collections::BTreeMap;

use recorded::Session;

use super::{Verdict, replay};
use crate::Components;

/// A recorded session whose turns have these numbers, and of which so many more are not kept.
fn session(numbers: &[u32], lost: u32) -> Session {
    let id = "00000000000000000000000000";
    let turn = |number: &u32| {
        format!(
            r#"{{"turn":{number},"event":{{"on_timer":{{"name":"t"}}}},"at":1,"session":"ses_{id}",
            "plugin":"p","version":1,"digest":"sha256:1","calls_made":0,"operations":0,
            "ids":{{"seed":[{}1],"node":0,"shard":0}},"did":{{}},
            "tenant":{{"id":"ten_{id}","domain":"acme.example"}}}}"#,
            "1,".repeat(31)
        )
    };
    let turns: Vec<_> = numbers.iter().map(turn).collect();
    let turns = turns.join(",");
    Session::read(&format!(r#"{{"turns_lost":{lost},"turns":[{turns}]}}"#)).unwrap()
}

#[test]
fn a_session_that_is_not_recorded_to_its_end_is_cut_and_not_the_same() {
    // None at all: it decides nothing, and so did they.
    let nobody = Components::new(Components::engine().unwrap(), BTreeMap::new()).unwrap();
    for (numbers, lost, verdict) in [
        (&[0, 1][..], 0, Verdict::Same(2)),
        (&[0, 1], 3, Verdict::Cut(2)),
        (&[0, 2], 0, Verdict::Cut(1)),
    ] {
        assert_eq!(replay(&session(numbers, lost), &nobody), verdict);
    }
}
