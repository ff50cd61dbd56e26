use super::*;

const NARROW: usize = Rate::Narrow.frame();

/// What a shard hears of the others when it tells `said` in every sample.
fn turn(room: &Room, place: &mut Place, said: i32) -> i32 {
    let mut others = [0; NARROW];
    room.exchange(place, Rate::Narrow, &[said; NARROW], &mut others);
    assert!(others.iter().all(|&it| it == others[0]));
    others[0]
}

#[test]
fn every_shard_hears_each_frame_of_the_others_once_and_in_order() {
    let room = Room::new(1, 3);
    let mut places = [0; 3].map(|_| room.enter().unwrap());
    let mut heard = [const { Vec::new() }; 3];
    for frame in 1..=20 {
        for (shard, place) in places.iter_mut().enumerate() {
            let said = frame * [1, 100, 10_000][shard];
            heard[shard].push(turn(&room, place, said));
        }
    }
    // Once all have begun the frames of each of the others are consecutive.
    for (shard, heard) in heard.iter().enumerate() {
        for pair in heard[4..].windows(2) {
            let step = pair[1] - pair[0];
            assert_eq!(step, [10_100, 10_001, 101][shard], "{heard:?}");
        }
    }
}

#[test]
fn who_comes_first_makes_no_difference_once_they_have_met() {
    let room = Room::new(1, 2);
    let mut one = room.enter().unwrap();
    let mut other = room.enter().unwrap();
    let mut heard = Vec::new();
    for frame in 1..=40 {
        // One is a little late in every third round: another order within the same 20 ms.
        if frame % 3 == 0 {
            turn(&room, &mut other, frame);
            heard.push(turn(&room, &mut one, 0));
        } else {
            heard.push(turn(&room, &mut one, 0));
            turn(&room, &mut other, frame);
        }
    }
    assert!(
        heard[6..].windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{heard:?}"
    );
}

#[test]
fn a_shard_alone_exchanges_nothing() {
    let room = Room::new(1, 2);
    let mut place = room.enter().unwrap();
    let mut others = [7; NARROW];
    assert!(!room.exchange(&mut place, Rate::Narrow, &[1; NARROW], &mut others));
    assert_eq!(others, [7; NARROW]);
}

#[test]
fn a_shard_that_left_is_silent_and_its_place_is_free() {
    let room = Room::new(1, 2);
    let mut one = room.enter().unwrap();
    let mut other = room.enter().unwrap();
    assert!(room.enter().is_none());
    for _ in 0..5 {
        turn(&room, &mut other, 5);
        assert_eq!(turn(&room, &mut one, 0), 5);
    }
    room.leave(other);
    let mut others = [0; NARROW];
    assert!(!room.exchange(&mut one, Rate::Narrow, &[0; NARROW], &mut others));
    // Who takes the place is not heard with what the one before said.
    let mut again = room.enter().unwrap();
    for _ in 0..5 {
        assert_eq!(turn(&room, &mut again, 9), 0);
        assert!([0, 5, 9].contains(&turn(&room, &mut one, 0)));
    }
    turn(&room, &mut again, 9);
    assert_eq!(turn(&room, &mut one, 0), 9);
}

#[test]
fn a_shard_that_was_held_up_goes_on_where_the_others_are() {
    let room = Room::new(1, 2);
    let mut one = room.enter().unwrap();
    let mut other = room.enter().unwrap();
    for frame in 1..=30 {
        turn(&room, &mut other, frame);
    }
    assert_eq!(turn(&room, &mut one, 0), 29);
    turn(&room, &mut other, 31);
    assert_eq!(turn(&room, &mut one, 0), 30);
}

#[test]
fn a_shard_that_stalls_is_silent_until_it_goes_on() {
    for other_is_first in [true, false] {
        let room = Room::new(1, 2);
        let mut one = room.enter().unwrap();
        let mut other = room.enter().unwrap();
        let mut said = 0;
        let mut heard = Vec::new();
        for round in 1..=60 {
            // It stalls after its tenth frame, for longer than the ring is.
            let says = !(11..=40).contains(&round);
            said += i32::from(says);
            if other_is_first && says {
                turn(&room, &mut other, said);
            }
            heard.push(turn(&room, &mut one, 0));
            if !other_is_first && says {
                turn(&room, &mut other, said);
            }
        }
        let frames: Vec<_> = heard.iter().filter(|&&it| it != 0).copied().collect();
        let each_once: Vec<_> = (1..=frames.len() as i32).collect();
        assert_eq!(frames, each_once);
        assert!(frames.len() >= 29, "{heard:?}");
        assert_eq!(heard[12..40], [0; 28], "{heard:?}");
    }
}

#[test]
fn frames_of_another_rate_are_silence() {
    let room = Room::new(1, 2);
    let mut one = room.enter().unwrap();
    let mut other = room.enter().unwrap();
    assert_eq!(room.rate(), Rate::Narrow);
    room.widen();
    assert_eq!(room.rate(), Rate::Wide);
    for _ in 0..5 {
        turn(&room, &mut other, 5);
        let mut others = [1; FRAME_SAMPLES];
        assert!(room.exchange(&mut one, Rate::Wide, &[3; FRAME_SAMPLES], &mut others));
        assert_eq!(others, [0; FRAME_SAMPLES]);
    }
}

#[test]
fn whoever_vacates_a_post_takes_it_from_nobody_else() {
    let room = Room::new(1, 1);
    let [one, other] = [PortId(1), PortId(2)];
    room.appoint(Post::Speaker, Some(one));
    room.appoint(Post::Recorder, Some(one));
    room.vacate(Post::Speaker, other);
    assert!(room.is_held(Post::Speaker, one));
    room.vacate(Post::Speaker, one);
    assert!(!room.is_held(Post::Speaker, one));
    assert!(room.is_held(Post::Recorder, one), "that is another post");
}

#[test]
fn a_post_that_is_taken_while_another_vacates_it_stays_taken() {
    let room = Room::new(1, 1);
    let barrier = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..10_000 {
                barrier.wait();
                room.vacate(Post::Speaker, PortId(1));
                barrier.wait();
            }
        });
        for _ in 0..10_000 {
            room.appoint(Post::Speaker, Some(PortId(1)));
            barrier.wait();
            room.appoint(Post::Speaker, Some(PortId(2)));
            barrier.wait();
            assert!(room.is_held(Post::Speaker, PortId(2)));
        }
    });
}

#[test]
fn two_threads_never_hear_half_a_frame() {
    let room = Room::new(1, 2);
    let mut one = room.enter().unwrap();
    let mut other = room.enter().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for frame in 1..20_000 {
                turn(&room, &mut other, frame);
            }
        });
        // `turn` asserts that all samples of a frame are of one frame.
        for _ in 0..20_000 {
            turn(&room, &mut one, 0);
        }
    });
}
