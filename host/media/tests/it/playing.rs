//! Prompts over real sockets, at their pace.

use std::sync::Arc;
use std::time::Duration;

use media::g711::{Law, encode_sample};
use media::{Command, Event, Piece, Play, PortId, Prompt, io::LATENESS, rtp};

use crate::clock;
use crate::loopback::{call, each, start_with};

#[test]
fn a_prompt_is_heard_whole_and_at_its_pace_and_its_ticks_are_counted() {
    each(|backend| {
        let (shard, handle, events) = start_with(backend, clock);
        let [(peer, _), _] = call(&handle, &events);
        let samples: Vec<i16> = (0..50 * 160).map(|n| (n % 97) * 300).collect();
        let prompt = Arc::new(Prompt::from_8khz(&samples));
        let play = Play {
            operation: 5,
            pieces: [Piece::Prompt(prompt)].into(),
            repeat: 1,
        };
        let begin = clock();
        let port = PortId(1);
        handle.send(Command::Play { port, play }).unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 2_048];
        while heard.len() < samples.len() {
            let length = peer.recv(&mut buffer).unwrap();
            let packet = rtp::parse(&buffer[..length]).unwrap();
            heard.extend_from_slice(&buffer[packet.payload]);
        }
        let a_law = |&sample: &i16| encode_sample(Law::A, sample);
        assert_eq!(heard, samples.iter().map(a_law).collect::<Vec<_>>());
        // The first of fifty frames goes at once.
        assert!(begin.elapsed() >= Duration::from_millis(49 * 20));
        let event = events.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(matches!(event, Event::Played { operation: 5, .. }));
        let ticks = handle.counters().ticks;
        assert!((1..=50).contains(&ticks.iter().sum::<u64>()), "{ticks:?}");
        assert!(LATENESS.is_sorted());
        shard.stop();
    });
}
