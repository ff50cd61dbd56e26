//! Descriptions of a session that has one already (RFC 3264 §8).

use super::*;

const NEXT: SessionVersion = SessionVersion { id: 7, version: 2 };

#[test]
fn a_new_offer_keeps_every_stream_in_its_place_and_every_payload_type() {
    let theirs = audio(
        "96 97",
        &["rtpmap:96 PCMA/8000", "rtpmap:97 telephone-event/8000"],
    )
    .replace("m=audio", "m=video 5000 RTP/AVP 99\r\nm=audio");
    let (before, _) = answer(theirs.as_bytes(), local(), &Codec::ALL, SESSION).unwrap();
    let codecs = [Codec::Pcma, Codec::Pcmu, Codec::G722];
    let again = offer_again(&before, &codecs, Direction::SendOnly, NEXT).unwrap();
    expect![[r"
        v=0
        o=- 7 2 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=video 0 RTP/AVP 99
        m=audio 20000 RTP/AVP 96 0 9 97
        a=rtpmap:96 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:9 G722/8000
        a=rtpmap:97 telephone-event/8000
        a=fmtp:97 0-16
        a=ptime:20
        a=sendonly
        a=rtcp-mux
    "]]
    .assert_eq(&text(&again));
}

#[test]
fn a_new_offer_after_one_of_ours_offers_the_same() {
    let before = offer(local(), &Codec::ALL, SESSION);
    let again = offer_again(&before, &Codec::ALL, Direction::SendRecv, NEXT).unwrap();
    assert!(same_session(&before, &again), "{}", text(&again));
    assert!(text(&again).contains("o=- 7 2 "));
}

#[test]
fn a_description_is_the_same_session_whatever_its_version_and_nothing_else() {
    let one = offer(local(), &Codec::ALL, SESSION);
    let other = offer(local(), &Codec::ALL, NEXT);
    assert!(same_session(&one, &other));
    let held = redirected(&one, Direction::SendOnly, SESSION).unwrap();
    assert!(!same_session(&one, &held));
    let longer = [&one[..], b"a=x\r\n"].concat();
    assert!(!same_session(&one, &longer) && !same_session(&longer, &one));
}
