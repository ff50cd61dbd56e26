use super::*;
use crate::plane::wheel::Wheel;

fn now() -> Instant {
    #[allow(
        clippy::disallowed_methods,
        reason = "any instant will do; it is never read again"
    )]
    Instant::now()
}

/// Seats in as many phases.
fn seats<const N: usize>() -> [Seat; N] {
    let (mut wheel, now) = (Wheel::default(), now());
    std::array::from_fn(|at| wheel.join(now, crate::PortId(at as u64)))
}

/// What the members of a row say, in place of their ears.
fn say(mixer: &mut Mixer, seat: Seat, voices: &[i16]) -> Vec<i16> {
    mixer.begin(now(), 0);
    for (at, &voice) in voices.iter().enumerate() {
        mixer.turn.said[at] = [voice; FRAME_SAMPLES];
        hall::put_in(&mut mixer.turn.sum, &[voice; 160]);
        mixer.turn.members += 1;
    }
    mixer.gather(seat);
    let each = mixer.turn.said.iter().take(voices.len());
    each.map(|said| {
        let mut heard = [0; 160];
        hear(&mixer.turn.sum, said, &mut heard);
        assert!(heard.iter().all(|&it| it == heard[0]));
        heard[0]
    })
    .collect()
}

fn enter(mixer: &mut Mixer, room: &Arc<Room>, seat: Seat) -> Member {
    let mut member = mixer.enter(room, Mode::TalkAndListen, Codec::Pcma);
    mixer.sit(&mut member, seat);
    member
}

#[test]
fn a_sum_beyond_16_bits_is_exact_and_only_what_is_heard_is_cut() {
    let (mut mixer, room) = (Mixer::default(), Arc::new(Room::new(1, 1)));
    let [seat] = seats();
    let members = [0; 3].map(|_| enter(&mut mixer, &room, seat));
    let heard = say(&mut mixer, seat, &[30_000, 20_000, -25_000]);
    assert_eq!(heard, [-5_000, 5_000, i16::MAX]);
    for member in &members {
        mixer.leave(member);
    }
    assert_eq!(mixer.halls(), 0);
}

#[test]
fn rows_hear_what_the_others_said_last_and_nothing_of_one_that_is_empty() {
    let (mut mixer, room) = (Mixer::default(), Arc::new(Room::new(1, 1)));
    let [one, two] = seats();
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
    let [one, two] = seats();
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
