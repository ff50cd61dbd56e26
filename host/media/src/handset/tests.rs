use std::net::SocketAddr;

use super::mouth::{PAUSE, PRESS};
use super::*;
use crate::sdp::{Direction, Types};

const FRAME: Duration = Duration::from_millis(20);

fn agreed(codec: Codec) -> Negotiated {
    Negotiated {
        remote: SocketAddr::from(([192, 0, 2, 1], 4_000)),
        remote_rtcp: None,
        codec,
        payload_type: codec.payload_type(),
        receive: vec![(codec.payload_type(), codec)],
        telephone_event: Some(Types {
            send: 101,
            receive: 101,
        }),
        noise: None,
        packing: crate::sdp::Packing::default(),
        direction: Direction::SendRecv,
        srtp: None,
    }
}

fn start() -> Instant {
    #[allow(
        clippy::disallowed_methods,
        reason = "any instant will do; it is never read again"
    )]
    Instant::now()
}

fn handset(speech: Speech) -> Handset {
    Handset::new(HandsetConfig {
        record: true,
        ..HandsetConfig::new(agreed(Codec::Pcma), 7, speech)
    })
}

/// Lets one speak to the other for some packets, leaving out those of these numbers.
fn talk(speaker: &mut Handset, listener: &mut Handset, packets: u32, lost: &[u32]) {
    let start = start();
    for n in 0..packets {
        let now = start + FRAME * n;
        let packet = speaker.handle_tick(now).unwrap();
        assert_eq!(speaker.handle_tick(now), None);
        if !lost.contains(&n) {
            listener.handle_packet(now, &packet);
        }
    }
}

#[test]
fn a_tone_that_is_spoken_is_heard() {
    let (mut speaker, mut listener) = (handset(Speech::Tone(580)), handset(Speech::Silence));
    talk(&mut speaker, &mut listener, 100, &[]);
    let heard = listener.heard();
    assert_eq!(heard.tone, Some(580));
    assert_eq!(
        (heard.packets, heard.audio_ms, heard.lost, heard.streams),
        (100, 2_000, 0, 1)
    );
    assert_eq!(heard.longest_gap_ms, 20);
    assert!((heard.level_db + 15.0).abs() < 0.2, "{}", heard.level_db);
}

#[test]
fn loss_is_counted_and_its_gap_measured() {
    let (mut speaker, mut listener) = (handset(Speech::Tone(580)), handset(Speech::Silence));
    talk(&mut speaker, &mut listener, 50, &[10, 11, 12, 30]);
    let heard = listener.heard();
    assert_eq!(
        (heard.packets, heard.lost, heard.longest_gap_ms),
        (46, 4, 80)
    );
}

#[test]
fn silence_is_no_tone() {
    let (mut speaker, mut listener) = (handset(Speech::Silence), handset(Speech::Silence));
    talk(&mut speaker, &mut listener, 50, &[]);
    assert_eq!(
        (listener.heard().packets, listener.heard().tone),
        (50, None)
    );
}

#[test]
fn samples_are_played_once_and_recorded() {
    let samples: Vec<i16> = (0..200).map(|n| n * 100).collect();
    let mut speaker = handset(Speech::Samples(samples.clone()));
    let mut listener = handset(Speech::Silence);
    talk(&mut speaker, &mut listener, 3, &[]);
    let recorded = listener.recording();
    assert_eq!(recorded.len(), 480);
    for (heard, said) in recorded.iter().zip(&samples) {
        assert!((heard - said).abs() <= said / 16 + 8, "{heard} for {said}");
    }
    assert!(recorded[200..].iter().all(|s| s.abs() <= 8));
}

#[test]
fn a_recording_ends_at_its_limit() {
    let mut listener = handset(Speech::Silence);
    listener.ear.recording = Some(vec![0; RECORDED_SAMPLES - 100]);
    talk(&mut handset(Speech::Silence), &mut listener, 3, &[]);
    assert_eq!(listener.recording().len(), RECORDED_SAMPLES);
    assert_eq!(listener.heard().packets, 3);
}

#[test]
fn a_caller_that_paused_sends_no_burst() {
    let mut speaker = handset(Speech::Silence);
    let start = start();
    let first = rtp::parse(&speaker.handle_tick(start).unwrap())
        .unwrap()
        .fixed;
    let later = start + Duration::from_secs(1);
    let second = rtp::parse(&speaker.handle_tick(later).unwrap())
        .unwrap()
        .fixed;
    assert_eq!(speaker.handle_tick(later), None);
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert_eq!(second.timestamp, first.timestamp.wrapping_add(8_000));
    assert!(second.marker);
}

#[test]
fn on_hold_nothing_is_said() {
    let mut speaker = handset(Speech::Tone(425));
    speaker.configure(Negotiated {
        direction: Direction::RecvOnly,
        ..agreed(Codec::Pcma)
    });
    assert_eq!(speaker.handle_tick(start()), None);
    assert!(speaker.poll_timeout().is_some());
}

#[test]
fn what_was_not_agreed_is_not_heard() {
    let mut listener = handset(Speech::Silence);
    let mut speaker = Handset::new(HandsetConfig::new(
        agreed(Codec::Pcmu),
        9,
        Speech::Tone(425),
    ));
    listener.handle_packet(start(), &speaker.handle_tick(start()).unwrap());
    listener.handle_packet(start(), b"hello");
    listener.handle_packet(start(), &[0x80, 200, 0, 0]);
    assert_eq!(listener.heard().packets, 0);
}

#[test]
fn keys_that_are_pressed_are_heard_and_nothing_is_missing_around_them() {
    let (mut speaker, mut listener) = (handset(Speech::Tone(580)), handset(Speech::Silence));
    // One that is no key is left out.
    speaker.press("15x1#");
    talk(&mut speaker, &mut listener, 60, &[2, 7, 12, 13]);
    assert_eq!(listener.digits(), "151#");
    let heard = listener.heard();
    assert_eq!((heard.lost, heard.streams), (4, 1));
}

#[test]
fn a_handset_keeps_so_many_digits_and_no_more() {
    let (mut speaker, mut listener) = (handset(Speech::Silence), handset(Speech::Silence));
    speaker.press(&"7".repeat(RECORDED_DIGITS + 1));
    let packets = (RECORDED_DIGITS + 1) * usize::from(PRESS + PAUSE);
    talk(&mut speaker, &mut listener, packets as u32, &[]);
    assert_eq!(listener.digits().len(), RECORDED_DIGITS);
}
