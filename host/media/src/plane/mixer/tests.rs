use super::*;
use crate::plane::wheel::Wheel;

fn now() -> Instant {
    #[allow(
        clippy::disallowed_methods,
        reason = "any instant will do; it is never read again"
    )]
    Instant::now()
}

/// Any seat: the wheel's matter.
fn seat() -> Seat {
    Wheel::default().join(now(), crate::PortId(1))
}

/// What the members of a row say, in place of their ears.
fn say(mixer: &mut Mixer, row: usize, voices: &[i16]) -> Vec<i16> {
    mixer.begin(now(), (0, row));
    for (at, &voice) in voices.iter().enumerate() {
        mixer.turn.said[at] = [voice; FRAME_SAMPLES];
        hall::put_in(&mut mixer.turn.sum, &[voice; 160]);
        mixer.turn.members += 1;
    }
    mixer.gather(row);
    let each = mixer.turn.said.iter().take(voices.len());
    each.map(|said| {
        let mut heard = [0; 160];
        hear(&mixer.turn.sum, said, &mut heard);
        assert!(heard.iter().all(|&it| it == heard[0]));
        heard[0]
    })
    .collect()
}

/// Comes into a row, or into a new one, whose number is as given.
fn enter(mixer: &mut Mixer, room: &Arc<Room>, row: usize) -> Member {
    let mut member = mixer.enter(room, Mode::TalkAndListen, Codec::Pcma);
    let is_there = mixer.rows(0).any(|(number, _)| number == row);
    mixer.sit(&mut member, is_there.then_some(row), seat());
    assert_eq!(member.row(), Some((0, row)));
    member
}

#[test]
fn a_sum_beyond_16_bits_is_exact_and_only_what_is_heard_is_cut() {
    let (mut mixer, room) = (Mixer::default(), Arc::new(Room::new(1, 1)));
    let members = [0; 3].map(|_| enter(&mut mixer, &room, 0));
    let heard = say(&mut mixer, 0, &[30_000, 20_000, -25_000]);
    assert_eq!(heard, [-5_000, 5_000, i16::MAX]);
    for member in &members {
        mixer.leave(member);
    }
    assert_eq!(mixer.halls(), 0);
}

#[test]
fn rows_hear_what_the_others_said_last_and_nothing_of_one_that_is_empty() {
    let (mut mixer, room) = (Mixer::default(), Arc::new(Room::new(1, 1)));
    let (one, two) = (0, 1);
    let first = [0; 2].map(|_| enter(&mut mixer, &room, one));
    assert_eq!(say(&mut mixer, one, &[100, 20]), [20, 100]);
    // While there was one row nothing was kept for others.
    let second = enter(&mut mixer, &room, two);
    assert_eq!(say(&mut mixer, two, &[3]), [0]);
    assert_eq!(say(&mut mixer, one, &[100, 20]), [23, 103]);
    assert_eq!(say(&mut mixer, two, &[4]), [120]);
    assert_eq!(say(&mut mixer, one, &[200, 30]), [34, 204]);
    mixer.leave(&first[0]);
    assert_eq!(say(&mut mixer, one, &[30]), [4]);
    assert_eq!(say(&mut mixer, two, &[4]), [30]);
    mixer.leave(&second);
    assert_eq!(say(&mut mixer, one, &[30]), [0]);
    // And again nothing was kept.
    let second = enter(&mut mixer, &room, two);
    assert_eq!(say(&mut mixer, two, &[4]), [0]);
    mixer.leave(&first[1]);
    mixer.leave(&second);
    assert_eq!(mixer.halls(), 0);
}

#[test]
fn who_is_no_member_is_heard_by_every_row_until_it_goes() {
    let (mut mixer, room) = (Mixer::default(), Arc::new(Room::new(1, 1)));
    let (one, two) = (0, 1);
    let (_first, _second) = (enter(&mut mixer, &room, one), enter(&mut mixer, &room, two));
    let (mut voice, _) = mixer.attend(&room, Mode::TalkAndListen);
    let play = |mixer: &mut Mixer, voice: &mut Voice, what: i16| {
        let mut heard = [0; FRAME_SAMPLES];
        let length = mixer.turn(now(), voice, &mut heard, |_, said| said.fill(what));
        assert_eq!(length, 160);
        heard[0]
    };
    assert_eq!(say(&mut mixer, one, &[1]), [0]);
    assert_eq!(play(&mut mixer, &mut voice, 1_000), 1);
    assert_eq!(say(&mut mixer, two, &[20]), [1_001]);
    assert_eq!(say(&mut mixer, one, &[2]), [1_020]);
    assert_eq!(play(&mut mixer, &mut voice, 3_000), 22);
    assert_eq!(say(&mut mixer, one, &[2]), [3_020]);
    mixer.unattend(&voice);
    assert_eq!(say(&mut mixer, two, &[20]), [2]);
}

#[test]
fn who_goes_after_the_rate_has_risen_takes_nothing_out_of_the_sum() {
    let (mut mixer, room) = (Mixer::default(), Arc::new(Room::new(1, 1)));
    let _members = [0, 1].map(|row| enter(&mut mixer, &room, row));
    let (mut voice, _) = mixer.attend(&room, Mode::TalkOnly);
    let mut heard = [0; FRAME_SAMPLES];
    mixer.turn(now(), &mut voice, &mut heard, |_, said| said.fill(500));
    assert_eq!(say(&mut mixer, 0, &[1]), [500]);
    room.widen();
    let (_other, rate) = mixer.attend(&room, Mode::ListenOnly);
    assert_eq!(rate, Rate::Wide);
    mixer.unattend(&voice);
    assert_eq!(say(&mut mixer, 1, &[2]), [0]);
    assert_eq!(say(&mut mixer, 0, &[1]), [2]);
}
