//! The answer to an offer of ours.

use super::*;

#[test]
fn accept_sends_as_the_answer_says_and_receives_as_we_offered() {
    let ours = offer(local(), &[Codec::Pcmu, Codec::Pcma], SESSION);
    let theirs = audio("8 100", &["rtpmap:100 telephone-event/8000", "ptime:30"]);
    let agreed = accept(&ours, theirs.as_bytes()).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 8));
    assert_eq!(agreed.receive, [(0, Codec::Pcmu), (8, Codec::Pcma)]);
    assert_eq!(
        agreed.telephone_event,
        Some(Types {
            send: 100,
            receive: 101
        })
    );
    assert_eq!(agreed.packing, Packing::new(Some(30), None));
    assert_eq!(agreed.direction, Direction::SendRecv);
}

#[test]
fn accept_refuses_what_does_not_fit_the_offer() {
    let ours = offer(local(), &[Codec::Pcma], SESSION);
    let twice = audio("8", &[]) + "m=audio 4002 RTP/AVP 8\r\n";
    for (theirs, error) in [
        (audio("8", &[]).replace("4000", "0"), SdpError::Refused),
        (audio("0", &[]), SdpError::NoCodec("0".into())),
        (
            twice,
            SdpError::Mismatch("another number of media descriptions"),
        ),
        (
            audio("8", &[]).replace("m=audio", "m=video"),
            SdpError::Mismatch("another kind of media"),
        ),
        (
            audio("8", &[]).replace("RTP/AVP", "RTP/SAVP"),
            SdpError::Mismatch("another transport protocol"),
        ),
    ] {
        assert_eq!(accept(&ours, theirs.as_bytes()).unwrap_err(), error);
        assert_eq!(error.status(), 488);
    }
}

#[test]
fn accept_never_sends_more_than_was_agreed() {
    let ours = offer(local(), &[Codec::Pcma], SESSION);
    let held = accept(&ours, audio("8", &["sendonly"]).as_bytes()).unwrap();
    assert_eq!(held.direction, Direction::RecvOnly);
    // We offered to receive only; an answer of sendrecv does not change that.
    let modest = text(&ours).replace("sendrecv", "recvonly");
    let agreed = accept(modest.as_bytes(), audio("8", &[]).as_bytes()).unwrap();
    assert_eq!(agreed.direction, Direction::RecvOnly);
}
