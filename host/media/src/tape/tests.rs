use super::*;

#[expect(
    clippy::disallowed_methods,
    reason = "some instant: tests count from it"
)]
fn clock() -> Instant {
    Instant::now()
}

const TAPE: TapeId = TapeId {
    port: PortId(7),
    operation: 3,
};

fn entry(at_ms: u64, payload: &[u8]) -> Entry<'_> {
    Entry {
        side: Side::Heard,
        codec: Codec::Pcmu,
        marker: false,
        at: Duration::from_millis(at_ms),
        ssrc: 0xfeed_beef,
        timestamp: u32::MAX,
        payload,
    }
}

#[test]
fn packets_read_back_as_they_were_put() {
    let (mut blocks, mut tape) = (Blocks::default(), Tape::new(TAPE, clock()));
    let long = vec![3; limits::PACKET];
    let first = Entry {
        side: Side::Said,
        codec: Codec::Pcma,
        marker: true,
        at: Duration::from_micros(149_999),
        ..entry(0, &long)
    };
    let marked = Entry {
        marker: true,
        ..entry(2, &[1])
    };
    let others = [entry(1, &[]), marked, entry(3, &[1, 2, 3])];
    for entry in others.iter().chain([&first]) {
        assert!(tape.put(&mut blocks, entry).is_none());
    }
    let block = tape.end().unwrap();
    assert_eq!(block.tape(), TAPE);
    let read: Vec<_> = block.entries().collect();
    assert_eq!(read[..3], others);
    assert_eq!(read[3], first);
}

#[test]
fn a_block_is_handed_over_when_it_is_full_or_old() {
    let (mut blocks, mut tape) = (Blocks::default(), Tape::new(TAPE, clock()));
    let payload = [0; 160];
    let packets = (0..).take_while(|_| tape.put(&mut blocks, &entry(0, &payload)).is_none());
    assert_eq!(packets.count(), limits::TAPE_BLOCK / (HEAD + 160));

    let held = limits::TAPE_HELD.as_millis() as u64;
    let mut tape = Tape::new(TAPE, clock());
    assert!(tape.put(&mut blocks, &entry(5, &payload)).is_none());
    assert!(tape.put(&mut blocks, &entry(4 + held, &payload)).is_none());
    let done = tape.put(&mut blocks, &entry(5 + held, &payload)).unwrap();
    assert_eq!(done.entries().count(), 2);
    assert_eq!(
        tape.end().unwrap().entries().count(),
        1,
        "none is lost between"
    );
}

#[test]
fn there_are_no_more_blocks_than_the_limit_and_what_finds_none_is_counted() {
    let (mut blocks, mut tape) = (Blocks::default(), Tape::new(TAPE, clock()));
    let payload = vec![0; limits::PACKET];
    // Two packets fill a block.
    let mut out: Vec<_> = (0..2 * limits::TAPE_BLOCKS)
        .filter_map(|_| tape.put(&mut blocks, &entry(0, &payload)))
        .collect();
    assert_eq!((out.len(), blocks.lost()), (limits::TAPE_BLOCKS - 1, 0));
    out.extend(tape.put(&mut blocks, &entry(0, &payload)));
    assert_eq!((out.len(), blocks.lost()), (limits::TAPE_BLOCKS, 1));
    assert!(tape.put(&mut blocks, &entry(0, &payload)).is_none());
    assert_eq!(blocks.lost(), 2);
    blocks.give_back(out.remove(0));
    assert!(tape.put(&mut blocks, &entry(0, &payload)).is_none());
    assert_eq!(blocks.lost(), 2, "one is free again");
}

#[test]
fn giving_blocks_back_asks_for_no_memory() {
    let mut blocks = Blocks::default();
    let mut taken = Vec::new();
    // As fast as they are made, and then more than that.
    for tapes in 1..=20 {
        blocks.reserve(tapes);
        taken.extend((0..limits::TAPE_SHARE).map(|_| blocks.take(TAPE, Duration::ZERO).unwrap()));
    }
    taken.extend((0..100).map(|_| blocks.take(TAPE, Duration::ZERO).unwrap()));
    let room = blocks.free.capacity();
    for block in taken {
        blocks.give_back(block);
    }
    assert_eq!(blocks.free.len(), 20 * limits::TAPE_SHARE + 100);
    assert_eq!(blocks.free.capacity(), room);
}
