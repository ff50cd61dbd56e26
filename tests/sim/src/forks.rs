//! Calls that are tried at several places: phones that registered several telephones, trunks with
//! several gateways.
//!
//! As in [`scenes`](crate::scenes), each scene plays in a world that somebody else has made: 1001 has
//! asked for a call to the callee and dials 2001; the callee's telephones are named by the town.

use std::time::Duration;

use control::phone::{Behaviour, Input};

use crate::World;

const SECOND: Duration = Duration::from_secs(1);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A telephone that rings after so many milliseconds, and is picked up.
pub fn rings(after: u64, answer: Option<u64>) -> Behaviour {
    Behaviour::Ring {
        after: millis(after),
        answer: answer.map(millis),
    }
}

/// A telephone that refuses after so many milliseconds.
pub fn refuses(after: u64, status: u16) -> Behaviour {
    let after = millis(after);
    Behaviour::Refuse { after, status }
}

/// 1001 calls somebody whose telephones behave like that. The caller's place.
pub fn call(world: &mut World, callee: &str, telephones: &[(&str, Behaviour)]) -> usize {
    for (name, behaviour) in telephones {
        let line = world.line(0, name);
        world.phone(line, Input::Behave(*behaviour));
    }
    let alice = world.line(0, "1001");
    assert_eq!(world.makecall(0, "1001", "2001", callee), 200);
    world.dial(alice, "2001");
    alice
}

/// The same; after so many milliseconds the caller hangs up.
pub fn call_for(world: &mut World, callee: &str, telephones: &[(&str, Behaviour)], after: u64) {
    let alice = call(world, callee, telephones);
    world.run_for(millis(after));
    world.hang_up(alice);
    world.run_for(SECOND);
    world.run_to_rest();
}
