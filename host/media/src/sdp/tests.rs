//! Offers, and answers to the offers of others. RFC 3264 unless another is named.

mod accepting;
mod again;
mod agreeing;
mod oddities;
#[cfg(feature = "opus")]
mod opus;
mod protected;

use std::net::SocketAddr;

use expect_test::expect;
use proptest::prelude::*;

use super::*;

const SESSION: SessionVersion = SessionVersion { id: 7, version: 1 };

fn local() -> SocketAddr {
    "192.0.2.1:20000".parse().unwrap()
}

fn text(description: &[u8]) -> String {
    String::from_utf8(description.to_vec())
        .unwrap()
        .replace('\r', "")
}

/// An offer of one audio stream at 198.51.100.9:4000 with these formats and attribute lines.
fn audio(formats: &str, attributes: &[&str]) -> String {
    let mut offer = format!(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP {formats}\r\n"
    );
    for attribute in attributes {
        offer.extend(["a=", attribute, "\r\n"]);
    }
    offer
}

fn answered(offer: &str) -> (String, Negotiated) {
    let (answer, agreed) = answer(offer.as_bytes(), local(), &Codec::ALL, SESSION).unwrap();
    (text(&answer), agreed)
}

fn refused(offer: &str) -> SdpError {
    answer(offer.as_bytes(), local(), &Codec::ALL, SESSION).unwrap_err()
}

#[test]
fn offer_names_codecs_events_and_packet_time() {
    let offer = offer(local(), &[Codec::Pcmu, Codec::Pcma], SESSION);
    expect![[r"
        v=0
        o=- 7 1 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=audio 20000 RTP/AVP 0 8 101
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=ptime:20
        a=sendrecv
        a=rtcp-mux
    "]]
    .assert_eq(&text(&offer));
}

#[test]
fn answer_keeps_the_payload_types_of_the_offer() {
    let (answer, agreed) = answered(&audio(
        "18 0 96 97",
        &[
            "rtpmap:18 G729/8000",
            "rtpmap:96 pcma/8000/1",
            "rtpmap:97 telephone-event/8000",
        ],
    ));
    expect![[r"
        v=0
        o=- 7 1 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=audio 20000 RTP/AVP 96 97
        a=rtpmap:96 PCMA/8000
        a=rtpmap:97 telephone-event/8000
        a=fmtp:97 0-16
        a=ptime:20
        a=sendrecv
    "]]
    .assert_eq(&answer);
    assert_eq!(
        agreed,
        Negotiated {
            remote: "198.51.100.9:4000".parse().unwrap(),
            remote_rtcp: Some("198.51.100.9:4001".parse().unwrap()),
            codec: Codec::Pcma,
            payload_type: 96,
            receive: vec![(96, Codec::Pcma)],
            telephone_event: Some(Types {
                send: 97,
                receive: 97
            }),
            noise: None,
            packing: Packing::default(),
            direction: Direction::SendRecv,
            srtp: None,
        }
    );
}

#[test]
fn our_preference_decides_among_the_offered_codecs() {
    let offer = audio("0 8", &[]);
    let choose = |prefer: &[Codec]| {
        let (_, agreed) = answer(offer.as_bytes(), local(), prefer, SESSION).unwrap();
        (agreed.codec, agreed.payload_type)
    };
    assert_eq!(choose(&[Codec::Pcma, Codec::Pcmu]), (Codec::Pcma, 8));
    assert_eq!(choose(&[Codec::Pcmu, Codec::Pcma]), (Codec::Pcmu, 0));
    assert_eq!(choose(&[Codec::Pcmu]), (Codec::Pcmu, 0));
    assert_eq!(
        answer(offer.as_bytes(), local(), &[], SESSION).unwrap_err(),
        SdpError::NoCodec("0 8".into())
    );
}

#[test]
fn direction_is_mirrored_and_both_kinds_of_hold_understood() {
    // RFC 3264 §6.1 and §8.4; the default is sendrecv.
    for (lines, ours) in [
        (&[][..], Direction::SendRecv),
        (&["sendonly"], Direction::RecvOnly),
        (&["recvonly"], Direction::SendOnly),
        (&["inactive"], Direction::Inactive),
    ] {
        let (answer, agreed) = answered(&audio("8", lines));
        assert_eq!(agreed.direction, ours);
        assert!(
            answer.contains(&format!("a={}\n", ours.attribute())),
            "{answer}"
        );
    }
    let held = audio("8", &[]).replace("c=IN IP4 198.51.100.9", "c=IN IP4 0.0.0.0");
    assert_eq!(answered(&held).1.direction, Direction::RecvOnly);
    let silent = held + "a=recvonly\r\n";
    assert_eq!(answered(&silent).1.direction, Direction::Inactive);
}

#[test]
fn direction_of_the_session_holds_for_streams_that_name_none() {
    let offer = audio("8", &[]).replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n");
    assert_eq!(answered(&offer).1.direction, Direction::RecvOnly);
    assert_eq!(
        answered(&(offer + "a=inactive\r\n")).1.direction,
        Direction::Inactive
    );
}

#[test]
fn every_stream_of_the_offer_is_answered_in_its_place() {
    let offer = audio("8", &[]).replace(
        "m=audio",
        "m=video 5000 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\nm=audio",
    ) + "m=audio 6000 RTP/SAVP 8\r\nm=audio 7000 RTP/AVP 8\r\nm=application 9 TCP/BFCP *\r\n";
    let (answer, agreed) = answered(&offer);
    let media: Vec<&str> = answer.lines().filter(|l| l.starts_with("m=")).collect();
    assert_eq!(
        media,
        [
            "m=video 0 RTP/AVP 99",
            "m=audio 20000 RTP/AVP 8",
            "m=audio 0 RTP/SAVP 8",
            "m=audio 0 RTP/AVP 8",
            "m=application 0 TCP/BFCP *",
        ]
    );
    assert_eq!(agreed.remote.port(), 4000);
}

#[test]
fn the_first_stream_with_a_codec_in_common_is_taken() {
    let offer = audio("18", &[]) + "m=audio 6000 RTP/AVP 8\r\nc=IN IP4 198.51.100.10\r\n";
    let (answer, agreed) = answered(&offer);
    assert!(
        answer.contains("m=audio 0 RTP/AVP 18\nm=audio 20000 RTP/AVP 8\n"),
        "{answer}"
    );
    assert_eq!(agreed.remote, "198.51.100.10:6000".parse().unwrap());
}

#[test]
fn candidates_and_other_words_of_ice_are_passed_over() {
    let ice = [
        "ice-ufrag:8hhY",
        "ice-pwd:asd88fgpdd777uzjYhagZg",
        "ice-options:trickle",
        "candidate:1 1 UDP 2130706431 192.0.2.66 7777 typ host",
        "candidate:2 1 TCP nonsense",
        "end-of-candidates",
        "setup:actpass",
        "mid:0",
        "extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ];
    let offer = audio("8", &ice);
    let session = offer.replacen(
        "t=0 0\r\n",
        "t=0 0\r\na=ice-lite\r\na=group:BUNDLE 0\r\n",
        1,
    );
    let (answer, agreed) = answered(&session);
    assert_eq!(agreed.remote, answered(&audio("8", &[])).1.remote);
    for word in ["ice", "candidate", "setup", "mid", "extmap", "BUNDLE"] {
        assert!(!answer.contains(word), "{word} in {answer}");
    }
}

#[test]
fn times_of_the_offer_are_repeated() {
    let offer = audio("8", &[]).replace("t=0 0", "t=2873397496 2873404696");
    assert!(answered(&offer).0.contains("t=2873397496 2873404696\n")); // RFC 3264 §6
    let timeless = audio("8", &[]).replace("t=0 0\r\n", "");
    assert!(answered(&timeless).0.contains("t=0 0\n")); // RFC 8866 §5.9
}

#[test]
fn rtcp_goes_where_the_peer_says() {
    let rtcp = |lines: &[&str]| {
        answered(&audio("8", lines))
            .1
            .remote_rtcp
            .unwrap()
            .to_string()
    };
    assert_eq!(rtcp(&[]), "198.51.100.9:4001");
    assert_eq!(rtcp(&["rtcp:5005"]), "198.51.100.9:5005");
    assert_eq!(rtcp(&["rtcp:5005 IN IP4 203.0.113.4"]), "203.0.113.4:5005");
    assert_eq!(rtcp(&["rtcp-mux"]), "198.51.100.9:4000");
    assert!(
        answered(&audio("8", &["rtcp-mux"]))
            .0
            .contains("a=rtcp-mux\n")
    );
}

#[test]
fn payload_types_that_look_like_rtcp_are_not_taken() {
    let offer = audio("72 0", &["rtpmap:72 PCMA/8000"]);
    assert_eq!(answered(&offer).1.codec, Codec::Pcmu); // RFC 5761 §4
}

#[test]
fn events_on_another_clock_are_not_taken() {
    let offer = audio("8 101", &["rtpmap:101 telephone-event/16000"]);
    assert_eq!(answered(&offer).1.telephone_event, None);
}

#[test]
fn packet_time_of_the_peer_is_kept_within_reason() {
    for (lines, expected) in [
        (&["ptime:30"][..], 30),
        (&["ptime:0"], 20),
        (&["ptime:x"], 20),
        (&["maxptime:10"], 10),
        (&["maxptime:150", "ptime:30"], 30),
        (&["ptime:60", "maxptime:40"], 40),
    ] {
        assert_eq!(
            answered(&audio("8", lines)).1.packing.octets(),
            expected * 8
        );
    }
}

#[test]
fn ipv6_is_offered_and_answered() {
    let ours: SocketAddr = "[2001:db8::1]:20000".parse().unwrap();
    let theirs: SocketAddr = "[2001:db8::2]:4000".parse().unwrap();
    let offer = offer(theirs, &[Codec::Pcma], SESSION);
    assert!(text(&offer).contains("c=IN IP6 2001:db8::2\n"));
    let (answer, agreed) = answer(&offer, ours, &Codec::ALL, SESSION).unwrap();
    assert_eq!(agreed.remote, theirs);
    assert_eq!(accept(&offer, &answer).unwrap().remote, ours);
}

#[test]
fn refusals_name_the_fault_and_their_status() {
    let many_lines = audio("8", &vec!["x:y"; limits::SDP_LINES]);
    let many_streams = audio("8", &[]) + &"m=audio 4 RTP/AVP 8\r\n".repeat(limits::SDP_MEDIA);
    let no_connection = audio("8", &[]).replace("c=IN IP4 198.51.100.9\r\n", "");
    let at = |address: &str| audio("8", &[]).replace("c=IN IP4 198.51.100.9", address);
    for (offer, status, message) in [
        (
            String::new(),
            400,
            "malformed session description: no version line",
        ),
        (
            "v=0\r\nnonsense\r\n".to_owned(),
            400,
            "malformed session description: \
          invalid formatted line 2: \"Line not in key=value format\"",
        ),
        (
            no_connection,
            400,
            "malformed session description: no c= line for the audio stream",
        ),
        (
            "x".repeat(limits::SDP_BYTES + 1),
            400,
            "session description has more than 16384 octets",
        ),
        (
            many_lines,
            400,
            "session description has more than 256 lines",
        ),
        (
            many_streams,
            400,
            "session description has more than 16 media descriptions",
        ),
        (
            "v=0\r\ns=-\r\n".to_owned(),
            488,
            "no audio in the session description",
        ),
        (
            audio("8", &[]).replace("4000", "0"),
            488,
            "no audio in the session description",
        ),
        (
            audio("8", &[]).replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"),
            488,
            "no audio over RTP/AVP, peer has `UDP/TLS/RTP/SAVPF`",
        ),
        (
            audio("18 4", &[]),
            488,
            "no audio codec in common, peer has `18 4`",
        ),
        (
            at("c=IN IP4 media.example.com"),
            488,
            "unusable media address `media.example.com`",
        ),
        (
            at("c=IN IP4 224.0.1.1/127"),
            488,
            "unusable media address `224.0.1.1/127`",
        ),
        (
            at("c=IN IP4 224.0.1.1"),
            488,
            "unusable media address `224.0.1.1`",
        ),
        (
            at("c=IN IP6 2001:db8::9"),
            488,
            "unusable media address `2001:db8::9`",
        ),
    ] {
        let error = refused(&offer);
        assert_eq!(
            (error.status(), error.to_string().as_str()),
            (status, message)
        );
    }
}

#[test]
fn limits_of_a_description_are_reached_before_they_refuse() {
    let lines = audio("8", &vec!["x:y"; limits::SDP_LINES - 6]);
    assert_eq!(lines.lines().count(), limits::SDP_LINES);
    answered(&lines);
    answered(&(audio("8", &[]) + &"m=audio 4 RTP/AVP 8\r\n".repeat(limits::SDP_MEDIA - 1)));
}

#[test]
fn offered_codecs_come_in_the_order_of_the_offer() {
    let codecs = |formats| offered_codecs(audio(formats, &[]).as_bytes());
    assert_eq!(codecs("0 18 8 0"), Ok(vec![Codec::Pcmu, Codec::Pcma]));
    assert_eq!(codecs("8"), Ok(vec![Codec::Pcma]));
    assert_eq!(codecs("18"), Err(SdpError::NoCodec("18".into())));
}

#[test]
fn a_description_is_redirected_and_nothing_else_in_it_changes() {
    let offered = audio("8 0", &["sendonly"]).replace("m=audio", "m=video 9 RTP/AVP 31\r\nm=audio");
    let (ours, _) = answer(offered.as_bytes(), local(), &Codec::ALL, SESSION).unwrap();
    let next = SessionVersion {
        version: SESSION.version + 1,
        ..SESSION
    };
    for direction in [Direction::SendRecv, Direction::Inactive] {
        let held = redirected(&ours, direction, next).unwrap();
        let held = String::from_utf8(held).unwrap();
        assert_eq!(offered_direction(held.as_bytes()), Ok(direction));
        let bare = |text: &str| {
            let kept =
                |line: &&str| !line.starts_with("o=") && !super::audio::is_direction(&line[2..]);
            text.lines()
                .filter(kept)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(bare(&held), bare(std::str::from_utf8(&ours).unwrap()));
        let origin = format!("o=- {} {} ", SESSION.id, next.version);
        assert!(held.contains(&origin), "{held}");
    }
}

#[test]
fn who_speaks_for_somebody_on_hold_answers_within_that() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (offered, limit, agreed) in [
        ("sendrecv", SendRecv, SendRecv),
        ("sendrecv", SendOnly, SendOnly),
        ("sendonly", SendRecv, RecvOnly),
        ("sendonly", SendOnly, Inactive),
        ("inactive", SendRecv, Inactive),
    ] {
        let offer = audio("8", &[offered]);
        let made = answer_within(
            offer.as_bytes(),
            local(),
            &Side::new(&Codec::ALL, Srtp::Off),
            limit,
            SESSION,
        );
        assert_eq!(made.unwrap().1.direction, agreed, "{offered} {limit:?}");
    }
}

#[test]
fn both_sides_agree_on_what_they_agreed() {
    let theirs: SocketAddr = "198.51.100.9:4000".parse().unwrap();
    let offer = offer(theirs, &Codec::ALL, SESSION);
    let (answer, ours) = answer(&offer, local(), &[Codec::Pcmu], SESSION).unwrap();
    let peer = accept(&offer, &answer).unwrap();
    assert_eq!(
        (ours.codec, ours.payload_type),
        (peer.codec, peer.payload_type)
    );
    assert_eq!((ours.remote, peer.remote), (theirs, local()));
    assert_eq!(peer.remote_rtcp, Some(local()));
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = answer(&octets, local(), &Codec::ALL, SESSION);
        let _ = accept(&octets, &octets);
    }

    #[test]
    fn no_description_makes_it_panic(
        lines in proptest::collection::vec(
            "(m=(audio|video) [0-9]{0,6} RTP/AVP( [0-9]{0,4}){0,4}|a=rtpmap:[0-9]{0,4} [A-Za-z/0-9-]{0,20}\
             |c=IN IP[46] [0-9a-f.:/]{0,20}|a=(rtcp|ptime|fmtp|sendonly|inactive)(:.{0,20})?|[a-z]=.{0,20})",
            0..20,
        )
    ) {
        let offer = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
        if let Ok((answer, agreed)) = answer(offer.as_bytes(), local(), &Codec::ALL, SESSION) {
            // Whatever we answer, the offerer can accept, and sees it as we do.
            let theirs = accept(offer.as_bytes(), &answer).unwrap();
            prop_assert_eq!(theirs.codec, agreed.codec);
        }
    }
}
