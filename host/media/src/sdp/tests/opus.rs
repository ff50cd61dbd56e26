//! Opus in descriptions (RFC 7587 §7).

use super::*;

#[test]
fn an_offer_names_opus_behind_the_others_with_its_clock_and_what_we_can_hear() {
    let offer = offer(local(), &Codec::ALL, SESSION);
    expect![[r"
        v=0
        o=- 7 1 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=audio 20000 RTP/AVP 8 0 9 111 101 110
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:9 G722/8000
        a=rtpmap:111 opus/48000/2
        a=fmtp:111 maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=rtpmap:110 telephone-event/48000
        a=fmtp:110 0-16
        a=ptime:20
        a=sendrecv
        a=rtcp-mux
    "]]
    .assert_eq(&text(&offer));
}

const WEB: [&str; 4] = [
    "rtpmap:96 OPUS/48000/2",
    "fmtp:96 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000",
    "rtpmap:126 telephone-event/8000",
    "rtpmap:97 telephone-event/48000",
];

#[test]
fn an_answer_keeps_the_number_of_opus_and_the_events_of_its_clock() {
    let (answer, agreed) = answered(&audio("96 126 97", &WEB));
    assert!(answer.contains("m=audio 20000 RTP/AVP 96 97\n"), "{answer}");
    assert!(answer.contains("a=rtpmap:96 opus/48000/2\n"), "{answer}");
    assert!(answer.contains("a=rtpmap:97 telephone-event/48000\n"));
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Opus, 96));
    assert_eq!(agreed.telephone_event.map(|it| it.receive), Some(97));
    // With G.711 beside it G.711 is taken, and its events.
    let (_, agreed) = answered(&audio("96 0 126 97", &WEB));
    assert_eq!(agreed.codec, Codec::Pcmu);
    assert_eq!(agreed.telephone_event.map(|it| it.receive), Some(126));
}

#[test]
fn what_is_called_opus_and_is_not_is_no_codec_of_ours() {
    for map in [
        "96 opus/48000",
        "96 opus/48000/1",
        "96 opus/8000/2",
        "96 opus/16000/1",
        "96 opus",
    ] {
        let offer = audio("96", &[&format!("rtpmap:{map}")]);
        let error = refused(&offer);
        assert_eq!(error, SdpError::NoCodec("96".into()), "{map}");
    }
    // Nor is its number alone.
    assert_eq!(refused(&audio("111", &[])), SdpError::NoCodec("111".into()));
}

#[test]
fn senseless_parameters_change_nothing() {
    let long = format!("fmtp:96 {}", "stereo=1;".repeat(200));
    for fmtp in [
        "fmtp:96",
        "fmtp:96 ",
        "fmtp:96 ;;;=;=1;maxplaybackrate",
        "fmtp:96 maxplaybackrate=-1;maxaveragebitrate=99999999999999999999",
        "fmtp:x stereo=1",
        &long,
    ] {
        let offer = audio("96", &["rtpmap:96 opus/48000/2", fmtp]);
        let (answer, agreed) = answered(&offer);
        assert_eq!(agreed.codec, Codec::Opus);
        assert!(
            answer.contains("a=fmtp:96 maxplaybackrate=16000;"),
            "{fmtp}"
        );
    }
}

#[test]
fn the_answer_to_our_offer_says_which_events_go_with_it() {
    let ours = offer(local(), &Codec::ALL, SESSION);
    let theirs = audio(
        "111 110",
        &[
            "rtpmap:111 opus/48000/2",
            "rtpmap:110 telephone-event/48000",
        ],
    );
    let agreed = accept(&ours, theirs.as_bytes()).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Opus, 111));
    let events = agreed.telephone_event.unwrap();
    assert_eq!((events.send, events.receive), (110, 110));
    // Events of another clock are none beside it.
    let theirs = audio(
        "111 101",
        &["rtpmap:111 opus/48000/2", "rtpmap:101 telephone-event/8000"],
    );
    let agreed = accept(&ours, theirs.as_bytes()).unwrap();
    assert_eq!(agreed.telephone_event, None);
}

#[test]
fn a_number_that_means_something_else_by_now_is_not_taken_for_opus() {
    let theirs = audio(
        "8 111 110",
        &["rtpmap:111 telephone-event/8000", "rtpmap:110 PCMU/8000"],
    );
    let (before, _) = answer(theirs.as_bytes(), local(), &Codec::ALL, SESSION).unwrap();
    let again = offer_again(&before, &Codec::ALL, Direction::SendRecv, SESSION).unwrap();
    let again = text(&again);
    assert!(
        again.contains("m=audio 20000 RTP/AVP 8 0 9 96 111 110\n"),
        "{again}"
    );
    assert!(again.contains("a=rtpmap:96 opus/48000/2\n"), "{again}");
    assert!(
        again.contains("a=rtpmap:111 telephone-event/8000\n"),
        "{again}"
    );
    assert!(
        again.contains("a=rtpmap:110 telephone-event/48000\n"),
        "{again}"
    );
}
