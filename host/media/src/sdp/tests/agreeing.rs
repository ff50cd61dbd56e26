//! Both sides of offer and answer come to the same agreement, whatever else the offer holds.

use super::*;
use crate::command::Family;

/// What a browser offers beside the audio, which none of ours needs (RFC 8839, RFC 8445 §6.1.1).
const ICE: [&str; 5] = [
    "ice-lite",
    "ice-ufrag:8hhY",
    "ice-pwd:asd88fgpdd777uzjYhagZg",
    "candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host",
    "end-of-candidates",
];

#[test]
fn attributes_of_ice_change_nothing_and_are_not_answered() {
    let plain = audio("8", &[]);
    let ice = audio("8", &ICE).replace("t=0 0", "t=0 0\r\na=ice-options:trickle");
    let (answer, agreed) = answered(&ice);
    assert_eq!((answer, agreed), answered(&plain));
}

#[test]
fn a_stream_that_cannot_be_reached_or_read_does_not_hide_the_next() {
    for unusable in [
        "m=audio 4 RTP/AVP 8\r\nc=IN IP6 2001:db8::9\r\n",
        "m=audio 4 RTP/AVP 8\r\nc=IN IP4 media.example.com\r\n",
        "m=audio 4 UDP/TLS/RTP/SAVPF 8\r\n",
        "m=audio 4 RTP/AVP 18\r\n",
    ] {
        let offer = audio("8", &[]).replace("m=audio", &format!("{unusable}m=audio"));
        assert_eq!(answered(&offer).1.remote.port(), 4000, "{unusable}");
    }
}

#[test]
fn a_refusal_tells_of_the_first_stream_of_audio() {
    let offer = audio("18", &[]) + "m=audio 4 UDP/TLS/RTP/SAVPF 8\r\nm=video 4 RTP/AVP 99\r\n";
    assert_eq!(refused(&offer), SdpError::NoCodec("18".into()));
}

/// The family of the stream that somebody without SRTP takes in these codecs.
fn family_in(codecs: &[Codec], offer: &str) -> Option<Family> {
    family(offer.as_bytes(), &Side::new(codecs, Srtp::Off))
}

#[test]
fn a_socket_is_of_the_family_of_the_stream_that_is_taken() {
    const IP6: &str = "c=IN IP6 2001:db8::2\r\n";
    let ipv4 = audio("8", &[]);
    let ipv6 = ipv4.replace("c=IN IP4 198.51.100.9\r\n", IP6);
    let before = |other: &str, offer: &str| offer.replace("m=audio", &format!("{other}m=audio"));
    let video = format!("m=video 9 RTP/AVP 99\r\n{IP6}");
    let wide = format!("m=audio 9 RTP/AVP 9\r\n{IP6}");
    for (offer, expect) in [
        (ipv4.clone(), Some(Family::V4)),
        (ipv6.clone(), Some(Family::V6)),
        // The stream's line overrides that of the session (RFC 8866 §5.7).
        (ipv4.clone() + IP6, Some(Family::V6)),
        (ipv6 + "c=IN IP4 198.51.100.9\r\n", Some(Family::V4)),
        (before(&video, &ipv4), Some(Family::V4)),
        (before(&wide, &ipv4), Some(Family::V4)),
        (audio("18", &[]), None),
        (String::new(), None),
    ] {
        let found = family_in(&[Codec::Pcma], &offer);
        assert_eq!(found, expect, "{offer}");
        let Some(family) = found else { continue };
        let ours: SocketAddr = match family {
            Family::V4 => local(),
            Family::V6 => "[2001:db8::1]:20000".parse().expect("it is an address"),
        };
        let made = answer(offer.as_bytes(), ours, &[Codec::Pcma], SESSION);
        assert!(made.is_ok(), "{made:?} to {offer}");
    }
    // Who has its codec takes the first.
    let both = [Codec::Pcma, Codec::G722];
    assert_eq!(family_in(&both, &before(&wide, &ipv4)), Some(Family::V6));
}

#[test]
fn what_nobody_can_be_sent_is_refused_before_there_is_a_socket() {
    let multicast = audio("8", &[]).replace("c=IN IP4 198.51.100.9", "c=IN IP4 224.0.1.1");
    let side = Side::new(&Codec::ALL, Srtp::Off);
    let refusal = check(multicast.as_bytes(), &side).unwrap_err();
    assert_eq!(refusal, SdpError::Address("224.0.1.1".into()));
    assert_eq!(refusal, refused(&multicast));
    let other = multicast + "m=audio 6 RTP/AVP 8\r\nc=IN IP6 2001:db8::2\r\n";
    assert_eq!(family_in(&Codec::ALL, &other), Some(Family::V6));
}

#[test]
fn every_refusal_has_a_code_to_warn_with() {
    for (offer, code) in [
        (
            audio("8", &[]).replace("IP4 198.51.100.9\r\nt", "IP4 x.example\r\nt"),
            302,
        ),
        (audio("8", &[]).replace("RTP/AVP", "RTP/SAVPF"), 303),
        (audio("8", &[]).replace("m=audio", "m=video"), 304),
        (audio("18", &[]), 305),
        (String::new(), 399),
    ] {
        assert_eq!(refused(&offer).warning(), code, "{offer}"); // RFC 3261 §20.43
    }
}

/// An offer as a telephone might make it: other streams before and after, formats in any order.
fn offers() -> impl Strategy<Value = String> {
    let format = prop::sample::select(vec!["0", "8", "18", "96", "97", "101", "13"]);
    let line = prop::sample::select(vec![
        "rtpmap:96 PCMU/8000",
        "rtpmap:97 telephone-event/8000",
        "rtpmap:101 telephone-event/8000",
        "rtpmap:18 G729/8000",
        "sendonly",
        "recvonly",
        "inactive",
        "rtcp-mux",
        "rtcp:5005",
        "ptime:30",
        "maxptime:60",
        "ice-lite",
        "fmtp:101 0-15",
    ]);
    let other = prop::sample::select(vec![
        "m=video 5000 RTP/AVP 99\r\n",
        "m=audio 0 RTP/AVP 8\r\n",
        "m=audio 6000 RTP/SAVPF 8\r\n",
        "m=application 9 TCP/BFCP *\r\n",
    ]);
    let several = |what| prop::collection::vec(what, 0..3);
    (
        prop::collection::btree_set(format, 1..6),
        prop::collection::btree_set(line, 0..8),
        several(other.clone().boxed()),
        several(other.boxed()),
    )
        .prop_map(|(formats, lines, before, after)| {
            let formats: Vec<_> = formats.into_iter().collect();
            let lines: Vec<_> = lines.into_iter().collect();
            let before = before.concat() + "m=audio 4000";
            audio(&formats.join(" "), &lines).replace("m=audio 4000", &before) + &after.concat()
        })
}

proptest! {
    #[test]
    fn whoever_offers_sees_what_whoever_answers_sees(offer in offers(), allowed in 0_usize..3) {
        let allowed = [&Codec::ALL[..], &[Codec::Pcmu], &[Codec::Pcma]][allowed];
        let Ok((answer, ours)) = answer(offer.as_bytes(), local(), allowed, SESSION) else {
            return Ok(());
        };
        let theirs = accept(offer.as_bytes(), &answer).unwrap();
        prop_assert_eq!(theirs.codec, ours.codec);
        prop_assert_eq!(theirs.payload_type, ours.payload_type);
        prop_assert_eq!(theirs.direction, ours.direction.reversed());
        prop_assert_eq!(theirs.remote, local());
        prop_assert!(theirs.receive.contains(&(ours.payload_type, ours.codec)));
        prop_assert!(allowed.contains(&ours.codec));
        let events = |agreed: &Negotiated| agreed.telephone_event;
        prop_assert_eq!(events(&theirs).map(|it| it.receive), events(&ours).map(|it| it.send));
        prop_assert_eq!(events(&theirs).map(|it| it.send), events(&ours).map(|it| it.receive));
        // Every stream has its answer, of its own kind; one of them is taken.
        let streams = |text: &str| -> Vec<Vec<String>> {
            let lines = text.lines().filter_map(|line| line.strip_prefix("m="));
            lines.map(|it| it.split(' ').map(str::to_owned).collect()).collect()
        };
        let (asked, given) = (streams(&offer), streams(&text(&answer)));
        prop_assert_eq!(asked.len(), given.len());
        for (asked, given) in asked.iter().zip(&given) {
            prop_assert_eq!((&asked[0], &asked[2]), (&given[0], &given[2]));
        }
        prop_assert_eq!(given.iter().filter(|it| it[1] != "0").count(), 1);
    }
}
