//! Callers of `plugins/ivr` and of `plugins/voicemail`: each way through them.
//!
//! The prompts of these tenants are tones, so that what somebody heard can be told.

use std::{sync::Arc, time::Duration};

use control::phone::{Behaviour, Input};
use media::{Prompt, tone::Tone};
use model::{PromptFile, TenantConfig};

use crate::World;

const SECOND: Duration = Duration::from_secs(1);

/// The prompts: their names, tones in Hz and length in milliseconds.
pub const PROMPTS: [(&str, u16, u64); 5] = [
    ("greeting", 2_450, 1_500),
    ("welcome", 2_590, 1_000),
    ("menu", 2_730, 3_000),
    ("hours", 2_870, 2_000),
    ("goodbye", 3_010, 500),
];

/// The level of prompts, in dB below full scale.
const LEVEL_DB: f32 = -12.0;

/// The same tenant, which has the prompts of a menu; the world keeps their audio.
pub fn with_prompts(world: &mut World, tenant: TenantConfig) -> TenantConfig {
    with_tones(world, tenant, 0)
}

/// The same with prompts that are so many Hz higher: in a large town these are telephones' own tones.
pub(crate) fn with_tones(world: &mut World, mut tenant: TenantConfig, by: u16) -> TenantConfig {
    for (name, hz, duration_ms) in PROMPTS {
        let hz = hz + by;
        let digest: Arc<str> = Arc::from(name);
        let mut samples = vec![0; 8 * duration_ms as usize];
        Tone::new(hz, LEVEL_DB).fill(&mut samples);
        world.keep_prompt(&digest, Prompt::from_8khz(&samples));
        let file = PromptFile {
            digest,
            duration_ms,
        };
        tenant.prompts.insert(name.to_owned(), file);
    }
    tenant
}

/// A caller hears the greeting, takes its time with the menu, hears the hours to their end, then chooses
/// what there is not, and at last nothing.
pub fn hours(world: &mut World) {
    let alice = dial(world);
    world.run_for(4 * SECOND);
    world.press(alice, "1");
    world.run_for(4 * SECOND);
    world.press(alice, "7");
    world.run_for(10 * SECOND);
    world.run_to_rest();
}

/// A caller asks for the operator, who answers after a while.
pub fn operator(world: &mut World) {
    let bob = world.line(0, "3001");
    let late = Behaviour::Ring {
        after: Duration::from_millis(200),
        answer: Some(3 * SECOND),
    };
    world.phone(bob, Input::Behave(late));
    let alice = dial(world);
    world.run_for(2 * SECOND);
    world.press(alice, "0");
    world.run_for(8 * SECOND);
    world.hang_up(alice);
    world.run_to_rest();
}

/// The operator is busy.
pub fn busy(world: &mut World) {
    let bob = world.line(0, "3001");
    let refuses = Behaviour::Refuse {
        after: Duration::from_millis(200),
        status: 486,
    };
    world.phone(bob, Input::Behave(refuses));
    let alice = dial(world);
    world.run_for(2 * SECOND);
    world.press(alice, "0");
    world.run_for(5 * SECOND);
    world.run_to_rest();
}

/// A caller gives up in the middle of the greeting, which nobody has answered yet.
pub fn given_up(world: &mut World) {
    let alice = dial(world);
    world.run_for(Duration::from_millis(500));
    world.hang_up(alice);
    world.run_to_rest();
}

/// A caller hangs up in the middle of the menu.
pub fn hung_up(world: &mut World) {
    let alice = dial(world);
    world.run_for(2 * SECOND);
    world.hang_up(alice);
    world.run_to_rest();
}

/// A caller who knows the way keys during the hours.
pub fn hasty(world: &mut World) {
    let alice = dial(world);
    world.run_for(2 * SECOND);
    world.press(alice, "1");
    world.run_for(SECOND);
    world.press(alice, "*");
    world.run_for(SECOND);
    world.press(alice, "9");
    world.run_for(5 * SECOND);
    world.run_to_rest();
}

/// A caller listens, leaves a message and ends it by a key.
pub fn message(world: &mut World) {
    let alice = dial(world);
    world.run_for(5 * SECOND);
    world.press(alice, "#");
    world.run_for(5 * SECOND);
    world.run_to_rest();
}

/// A caller skips the greeting and hangs up when all is said.
pub fn brief_message(world: &mut World) {
    let alice = dial(world);
    world.run_for(SECOND);
    world.press(alice, "#");
    world.run_for(3 * SECOND);
    world.hang_up(alice);
    world.run_to_rest();
}

/// A caller who does not end is ended.
pub fn endless_message(world: &mut World) {
    dial(world);
    world.run_for(140 * SECOND);
    world.run_to_rest();
}

/// A message that cannot be kept.
pub fn lost_message(world: &mut World) {
    world.fill_disk();
    dial(world);
    world.run_for(10 * SECOND);
    world.run_to_rest();
}

fn dial(world: &mut World) -> usize {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    alice
}
