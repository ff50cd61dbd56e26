use super::*;

fn hall() -> Hall {
    Hall::new(&Arc::new(Room::new(1, 1)))
}

#[test]
fn a_sum_beyond_16_bits_is_exact_and_only_what_is_heard_is_cut() {
    let (mut mixer, room) = (Mixer::default(), Arc::new(Room::new(1, 1)));
    let mut members = [0; 3].map(|_| mixer.enter(&room, Mode::TalkAndListen, Codec::Pcma));
    let hall = mixer.halls[0].as_mut().unwrap();
    let voices = [30_000, 20_000, -25_000];
    for (member, voice) in members.iter_mut().zip(voices) {
        let said = [voice; FRAME_SAMPLES];
        hall.replace(&member.part, &said);
        member.part.said = said;
    }
    let mut heard = [0; FRAME_SAMPLES];
    for (member, others) in members.iter().zip([-5_000, 5_000, i16::MAX]) {
        hall.write(&member.part.said, &mut heard);
        assert!(heard[..160].iter().all(|&it| it == others), "{others}");
    }
    // What it said is taken out again to the last bit.
    for member in &members {
        mixer.leave(&member.part);
    }
    assert_eq!(mixer.halls(), 0);
}

#[test]
fn what_other_shards_say_is_heard_by_all() {
    let mut hall = hall();
    hall.others = Some([1_000; FRAME_SAMPLES]);
    hall.sum = [300; FRAME_SAMPLES];
    let mut heard = [0; FRAME_SAMPLES];
    hall.write(&[100; FRAME_SAMPLES], &mut heard);
    assert_eq!(heard[..160], [1_200; 160]);
}
