//! What people and networks do differently.

use std::time::Duration;

use sim::Random;

use crate::{
    course::Course,
    scenario::{Phone, Step, Time},
};

/// How far from a moment something happens, in milliseconds.
const OFF: [u64; 6] = [0, 1, 2, 5, 20, 150];

/// What phones refuse with: busy, not found, unavailable, broken, declined, busy everywhere.
const REFUSALS: [u16; 6] = [486, 404, 480, 500, 603, 600];

/// How long turns may take: longer than a message travels, and than a user waits between two keys.
const TURNS: [u64; 4] = [5, 30, 200, 900];

/// One thing is different.
pub(super) fn vary(course: &mut Course, moments: &[u64], random: &mut Random) {
    let users: Vec<String> = course.users().into_iter().collect();
    if users.is_empty() {
        return;
    }
    let at = near(moments, random);
    match random.below(100) {
        0..30 => course.put(at, Step::HangUp(random.pick(&users).clone())),
        30..55 => repeat(course, at, random),
        55..65 => forget(course, random),
        65..80 => {
            let user = random.pick::<String>(&users);
            course.behave(other_phone(user, at, random));
        }
        80..88 => {
            let keys = (*random.pick(&["0", "1", "#", "*", "11", "##"])).to_owned();
            let by = random.pick(&users).clone();
            course.put(at, Step::Keys { by, keys });
        }
        88..95 => {
            let takes = Duration::from_millis(*random.pick(&TURNS));
            course.given.turns = Some(Time(takes));
        }
        _ => course.given.weather = Some(random.below(1 << 32)),
    }
}

/// A moment, or just before or after one.
fn near(moments: &[u64], random: &mut Random) -> u64 {
    if moments.is_empty() {
        return 0;
    }
    let (at, off) = (*random.pick(moments), *random.pick(&OFF));
    if random.percent(50) {
        at + off
    } else {
        at.saturating_sub(off)
    }
}

/// What somebody does is done then, too, or only then.
fn repeat(course: &mut Course, at: u64, random: &mut Random) {
    let done = course.moves.iter().enumerate();
    let done: Vec<usize> = done
        .filter(|(_, it)| !matches!(it.step, Step::Phone(_)))
        .map(|(place, _)| place)
        .collect();
    if done.is_empty() {
        return;
    }
    let place = *random.pick(&done);
    let step = course.moves[place].step.clone();
    if random.percent(50) {
        course.moves.remove(place);
    }
    course.put(at, step);
}

/// Somebody does not do something.
fn forget(course: &mut Course, random: &mut Random) {
    let place = random.below(course.moves.len() as u64) as usize;
    course.moves.remove(place);
}

/// A phone behaves otherwise; some answer at a moment that matters.
fn other_phone(user: &str, at: u64, random: &mut Random) -> Phone {
    let time = |ms: u64| Some(Time(Duration::from_millis(ms)));
    let mut phone = Phone {
        user: user.to_owned(),
        ..Phone::default()
    };
    match random.below(5) {
        0 => phone.refuses = Some(*random.pick(&REFUSALS)),
        1 => phone.rings = time(10),
        2 => phone.answers = time(0),
        3 => {
            phone.early_media = time(10);
            phone.answers = time(500);
        }
        _ => {
            phone.rings = time(10);
            phone.answers = time(at.min(60_000));
        }
    }
    phone
}
