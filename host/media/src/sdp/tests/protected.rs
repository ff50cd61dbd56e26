//! Keys in descriptions: RFC 4568.

use super::*;
use crate::srtp::{Secret, Suite};

/// That of RFC 4568 §10.1, first with what telephones write behind it.
const KEY: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn secret() -> Secret {
    Secret::new([1; 32])
}

/// An offer over this transport, with these lines.
fn secure(proto: &str, lines: &[&str]) -> String {
    audio("8", lines).replace("RTP/AVP", proto)
}

fn cm80(more: &str) -> String {
    format!("crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}{more}")
}

fn answered_under(offer: &str, srtp: Srtp<'_>) -> Result<(String, Negotiated), SdpError> {
    let codecs = &Codec::ALL;
    let way = Direction::SendRecv;
    let (answer, agreed) = answer_within(
        offer.as_bytes(),
        local(),
        &Side::new(codecs, srtp),
        way,
        SESSION,
    )?;
    Ok((text(&answer), agreed))
}

#[test]
fn an_offer_that_must_be_protected_names_keys_for_every_suite() {
    let offer = offer_with(
        local(),
        &Side::new(&[Codec::Pcma], Srtp::Must(&secret())),
        SESSION,
    );
    expect![[r"
        v=0
        o=- 7 1 IN IP4 192.0.2.1
        s=-
        c=IN IP4 192.0.2.1
        t=0 0
        m=audio 20000 RTP/SAVP 8 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=ptime:20
        a=sendrecv
        a=rtcp-mux
        a=crypto:1 AEAD_AES_128_GCM inline:X
        a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:X
        a=crypto:3 AEAD_AES_256_GCM inline:X
        a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:X
    "]]
    .assert_eq(&without_keys(&text(&offer)));
    let may = offer_with(
        local(),
        &Side::new(&[Codec::Pcma], Srtp::May(&secret())),
        SESSION,
    );
    assert_eq!(text(&offer).replace("RTP/SAVP", "RTP/AVP"), text(&may));
    let keys: std::collections::BTreeSet<&str> = std::str::from_utf8(&offer)
        .unwrap()
        .lines()
        .filter_map(|line| line.split("inline:").nth(1))
        .collect();
    assert_eq!(keys.len(), Suite::ALL.len());
}

/// A description as it may be shown.
fn without_keys(text: &str) -> String {
    let cut = |line: &str| match line.split_once("inline:") {
        Some((before, _)) => format!("{before}inline:X\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(cut).collect()
}

#[test]
fn the_first_suite_of_the_offer_that_we_know_is_answered_with_a_key_of_ours() {
    let lines = [
        "crypto:1 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm",
        &cm80("|2^20|1:32"),
        &format!("crypto:3 AES_CM_128_HMAC_SHA1_32 {KEY}|2^31"),
        &format!("crypto:4 AES_CM_128_HMAC_SHA1_80 {KEY}"),
    ];
    let ours = secret();
    for srtp in [Srtp::May(&ours), Srtp::Must(&ours)] {
        let (answer, agreed) = answered_under(&secure("RTP/SAVP", &lines), srtp).unwrap();
        assert!(answer.contains("m=audio 20000 RTP/SAVP 8\n"), "{answer}");
        let crypto: Vec<&str> = answer.lines().filter(|it| it.contains("crypto")).collect();
        let [line] = crypto[..] else {
            panic!("{answer}")
        };
        assert!(line.starts_with("a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:"));
        let keys = agreed.srtp.unwrap();
        assert_eq!(keys.send, ours.keys(Suite::AesCm32));
        assert_eq!(keys.receive.material(), b"wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#");
    }
}

#[test]
fn both_sides_have_each_others_keys() {
    let (ours, theirs) = (secret(), Secret::new([2; 32]));
    for (offering, answering, protected) in [
        (Srtp::Must(&ours), Srtp::Must(&theirs), true),
        (Srtp::Must(&ours), Srtp::May(&theirs), true),
        (Srtp::May(&ours), Srtp::May(&theirs), true),
        (Srtp::May(&ours), Srtp::Must(&theirs), true),
        (Srtp::May(&ours), Srtp::Off, false),
        (Srtp::Off, Srtp::May(&theirs), false),
    ] {
        let offer = offer_with(local(), &Side::new(&Codec::ALL, offering), SESSION);
        let (answer, agreed) = answered_under(&text(&offer), answering).unwrap();
        let accepted = accept(&offer, answer.as_bytes()).unwrap();
        assert_eq!(accepted.srtp.is_some(), protected);
        let swapped = accepted.srtp.map(|it| (it.receive, it.send));
        assert_eq!(swapped, agreed.srtp.map(|it| (it.send, it.receive)));
    }
}

#[test]
fn what_must_be_protected_is_refused_if_it_is_not() {
    let ours = secret();
    let plain = secure("RTP/AVP", &[]);
    let bare = secure("RTP/SAVP", &[]);
    for (offer, srtp, error) in [
        (&plain, Srtp::Must(&ours), SdpError::Unprotected),
        (&bare, Srtp::Must(&ours), SdpError::NoKeys),
        (&bare, Srtp::May(&ours), SdpError::NoKeys),
        (&bare, Srtp::Off, SdpError::Transport("RTP/SAVP".into())),
    ] {
        assert_eq!(
            check(offer.as_bytes(), &Side::new(&Codec::ALL, srtp)),
            Err(error.clone())
        );
        assert_eq!(error.status(), 488);
        assert_eq!(answered_under(offer, srtp).unwrap_err(), error);
    }
    for (offer, srtp) in [(&plain, Srtp::Off), (&plain, Srtp::May(&ours))] {
        assert_eq!(
            check(offer.as_bytes(), &Side::new(&Codec::ALL, srtp)),
            Ok(())
        );
    }
}

#[test]
fn lines_that_ask_for_what_we_do_not_have_are_passed_over() {
    let srtp = Srtp::May(&secret());
    for line in [
        cm80("|1:4"),
        cm80(" KDR=1"),
        cm80(" UNENCRYPTED_SRTP"),
        cm80(" UNAUTHENTICATED_SRTP WSH=64"),
        cm80(";inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"),
        cm80("AAAA"),
        cm80("").replace("inline:", "inline:!"),
        cm80("").replace("inline:", ""),
        cm80("").replace("_80", "_64"),
        cm80("").replace(":1 ", ":1234567890 "),
        "crypto:1".to_owned(),
        format!(
            "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}",
            "A".repeat(400)
        ),
    ] {
        let offer = secure("RTP/SAVP", &[&line]);
        assert_eq!(
            check(offer.as_bytes(), &Side::new(&Codec::ALL, srtp)),
            Err(SdpError::NoKeys),
            "{line}"
        );
    }
    for line in [cm80(""), cm80("|2^48"), cm80(" WSH=128"), cm80(" -X=y")] {
        let offer = secure("RTP/SAVP", &[&line]);
        assert_eq!(
            check(offer.as_bytes(), &Side::new(&Codec::ALL, srtp)),
            Ok(()),
            "{line}"
        );
    }
}

#[test]
fn of_two_streams_the_one_that_is_protected_is_taken() {
    let line = cm80("");
    let plain_first = secure("RTP/AVP", &[]) + "m=audio 6000 RTP/SAVP 8\r\na=" + &line + "\r\n";
    let ours = secret();
    let (answer, agreed) = answered_under(&plain_first, Srtp::May(&ours)).unwrap();
    assert!(answer.contains("m=audio 0 RTP/AVP 8\nm=audio 20000 RTP/SAVP 8\n"));
    assert_eq!((agreed.remote.port(), agreed.srtp.is_some()), (6000, true));
    let (answer, agreed) = answered_under(&plain_first, Srtp::Off).unwrap();
    assert!(answer.contains("m=audio 20000 RTP/AVP 8\n"), "{answer}");
    assert_eq!((agreed.remote.port(), agreed.srtp), (4000, None));
}

#[test]
fn an_answer_must_take_what_was_offered() {
    let ours = secret();
    let must = offer_with(
        local(),
        &Side::new(&[Codec::Pcma], Srtp::Must(&ours)),
        SESSION,
    );
    let may = offer_with(
        local(),
        &Side::new(&[Codec::Pcma], Srtp::May(&ours)),
        SESSION,
    );
    let strange = SdpError::Mismatch("an a=crypto that was not offered");
    let second = cm80("").replace(":1 ", ":2 ");
    for (offer, proto, lines, expected) in [
        (&must, "RTP/SAVP", vec![], Some(SdpError::Unprotected)),
        (&must, "RTP/SAVP", vec![cm80("")], Some(strange.clone())),
        (&must, "RTP/SAVP", vec![second.clone()], None),
        (
            &must,
            "RTP/AVP",
            vec![second.clone()],
            Some(SdpError::Mismatch("another transport protocol")),
        ),
        (&may, "RTP/AVP", vec![], None),
        (
            &may,
            "RTP/AVP",
            vec![second + "|1:4"],
            Some(SdpError::NoKeys),
        ),
        (&may, "RTP/AVP", vec![cm80("")], Some(strange)),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let accepted = accept(offer, secure(proto, &lines).as_bytes());
        assert_eq!(accepted.err(), expected, "{lines:?}");
    }
}

#[test]
fn later_descriptions_keep_the_keys() {
    let ours = secret();
    let offer = secure("RTP/SAVP", &[&cm80("")]);
    let (answer, _) = answered_under(&offer, Srtp::Must(&ours)).unwrap();
    let line = |text: &str| {
        let mut lines = text.lines().filter(|it| it.starts_with("a=crypto"));
        (lines.next().unwrap().trim().to_owned(), lines.count())
    };
    let before = line(&answer);
    let held = redirected(answer.as_bytes(), Direction::SendOnly, SESSION).unwrap();
    let way = Direction::SendRecv;
    let again = offer_again(answer.as_bytes(), &Codec::ALL, way, SESSION).unwrap();
    for later in [held, again] {
        assert_eq!(line(&text(&later)), before);
        assert!(text(&later).contains("RTP/SAVP"));
    }
}

#[test]
fn what_is_narrowed_names_the_keys_that_are_agreed_on_and_no_others() {
    let ours = secret();
    let side = Side::new(&Codec::ALL, Srtp::May(&ours));
    let offer = text(&offer_with(local(), &side, SESSION));
    let lines = |text: &str| {
        let lines = text.lines().filter(|it| it.starts_with("a=crypto"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let all = lines(&offer);
    let line = cm80("").replace("crypto:1", "crypto:2");
    let answer = secure("RTP/AVP", &[&line]);
    let agreed = accept(offer.as_bytes(), answer.as_bytes()).unwrap();
    let keys = agreed.srtp.unwrap().send;
    let narrow = |keys| text(&narrowed(offer.as_bytes(), keys, SESSION).unwrap());
    assert_eq!(lines(&narrow(Some(&keys))), all[1..2]);
    let none = narrow(None);
    assert_eq!(lines(&none), [] as [String; 0]);
    // Nothing else is another.
    let rest = |text: &str| {
        text.lines()
            .filter(|it| !it.starts_with("a=crypto"))
            .count()
    };
    assert_eq!(rest(&none), rest(&offer));
}

#[test]
fn what_is_agreed_can_be_logged() {
    let (_, agreed) =
        answered_under(&secure("RTP/SAVP", &[&cm80("")]), Srtp::May(&secret())).unwrap();
    let shown = format!("{agreed:?}");
    assert!(shown.contains("Keys(AES_CM_128_HMAC_SHA1_80)"), "{shown}");
    assert!(!shown.contains("119, 68, 102"), "{shown}");
}
