//! Conferences that are played into and recorded, as `plugins/conference-room` does it by its settings.

use std::{sync::Arc, time::Duration};

use model::TenantConfig;

use crate::{World, menus, town};

const SECOND: Duration = Duration::from_secs(1);

/// What all hear when somebody comes: a prompt of three seconds, and its tone in Hz.
pub const ANNOUNCED: (&str, u16) = ("menu", menus::PROMPTS[2].1);

/// Who comes, one after the other.
pub const MEMBERS: [&str; 3] = ["1001", "1002", "3002"];

/// A tenant whose conferences need no PIN, announce who comes, and are recorded.
pub fn tenant(world: &mut World, script: &str) -> TenantConfig {
    let mut tenant = menus::with_prompts(world, town::tenant("acme", 1, script));
    for plugin in tenant.plugins.values_mut() {
        let settings = [("announce", ANNOUNCED.0), ("record", "yes")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        plugin.settings = Arc::new(settings.into());
    }
    tenant
}

/// Somebody calls the conference.
pub fn come(world: &mut World, user: &str) {
    let line = world.line(0, user);
    world.dial(line, "2001");
}

/// Somebody hangs up.
pub fn go(world: &mut World, user: &str) {
    let line = world.line(0, user);
    world.lines_mut()[line].put_down();
    world.hang_up(line);
}

/// Each comes while the last one is still being announced; then whoever came first goes first.
pub fn announced(world: &mut World) {
    for user in MEMBERS {
        come(world, user);
        world.run_for(2 * SECOND);
    }
    world.run_for(4 * SECOND);
    for user in MEMBERS {
        go(world, user);
        world.run_for(SECOND);
    }
    world.run_to_rest();
}

/// Nobody else comes, and the announcement is not over.
pub fn alone(world: &mut World) {
    come(world, "1001");
    world.run_for(2 * SECOND);
    go(world, "1001");
    world.run_to_rest();
}
