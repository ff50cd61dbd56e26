//! Facts about whole messages: framing, faults, answers.

use std::net::SocketAddr;

use super::*;

#[test]
fn ordinary_invite_is_read() {
    let invite = request(INVITE);
    let headers = invite.headers();
    assert_eq!(invite.method(), &Method::INVITE);
    assert_eq!(invite.uri().to_string(), "sip:2001@pbx.example.com");
    assert_eq!(headers.via().branch(), Some("z9hG4bKnashds8"));
    assert!(headers.via().wants_rport());
    assert_eq!(headers.from().display().as_deref(), Some("Alice"));
    assert_eq!(headers.from().tag(), Some("a73kszlfl"));
    assert_eq!(headers.to().tag(), None);
    assert_eq!(headers.call_id(), "1j9FpLxk3uxtm8tn@192.0.2.1");
    assert_eq!(
        (headers.cseq().number, &headers.cseq().method),
        (1, &Method::INVITE)
    );
    assert_eq!(headers.max_forwards(), Some(70));
    assert_eq!(
        headers.contacts()[0].uri.to_string(),
        "sip:1001@192.0.2.1:5070"
    );
    assert!(headers.is_content("application/sdp"));
    assert_eq!(invite.body().as_ref(), b"v=0\r\n");
    assert_eq!(headers.get("Content-Length"), None);
}

#[test]
fn written_message_is_what_was_read() {
    assert_eq!(write(&request(INVITE).into()).as_ref(), INVITE.as_bytes());
}

#[test]
fn headers_have_long_names_in_order() {
    let text = INVITE
        .replace("Via", "v")
        .replace("From", "f")
        .replace("Call-ID", "I");
    let text = text
        .replace("Content-Type", "X: 1800\r\ncONTENT-tYPE")
        .replace("Contact", "m ");
    let invite = request(text);
    let names: Vec<&str> = invite.headers().iter().map(|(name, _)| name).collect();
    let wanted = [
        "Via",
        "Max-Forwards",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Contact",
        "Session-Expires",
        "Content-Type",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn octets_after_the_body_are_dropped() {
    assert_eq!(request(format!("{INVITE}more")).body().len(), 5);
}

#[test]
fn body_without_content_length_goes_to_the_end() {
    let text = invite_with("Content-Length: 5\r\n", "") + "more";
    assert_eq!(request(text).body().as_ref(), b"v=0\r\nmore");
}

#[test]
fn binary_body_is_kept() {
    let mut text = invite_with("Content-Length: 5", "Content-Length: 4").into_bytes();
    text.truncate(text.len() - 5);
    text.extend([0, 0xff, 0x80, b'\n']);
    let invite = request(text);
    assert_eq!(invite.body().as_ref(), [0, 0xff, 0x80, b'\n']);
    assert!(write(&invite.into()).ends_with(&[0, 0xff, 0x80, b'\n']));
}

#[test]
fn short_body_and_content_lengths_that_differ_are_refused() {
    let short = invite_with("Content-Length: 5", "Content-Length: 6");
    assert_eq!(fault(short), (Fault::ShortBody, Some(400)));
    let twice = invite_with("Content-Length: 5", "l: 4\r\nContent-Length: 5");
    assert_eq!(fault(twice), (Fault::Repeated("Content-Length"), Some(400)));
    let same = invite_with("Content-Length: 5", "l: 5\r\nContent-Length: 5");
    assert_eq!(request(same).body().len(), 5);
    for bad in ["-1", "5x", "", "99999999999999999999", "4, 5"] {
        let text = invite_with("Content-Length: 5", &format!("Content-Length: {bad}"));
        assert_eq!(fault(text).1, Some(400), "{bad}");
    }
}

#[test]
fn line_ends_are_crlf_and_nothing_else() {
    for (from, to) in [
        ("70\r\n", "70\n"),
        ("70\r\n", "70\rX: y\r\n"),
        ("SIP/2.0\r", "SIP/2.0"),
    ] {
        assert_eq!(fault(invite_with(from, to)).1, Some(400), "{to:?}");
    }
    assert_eq!(fault(&INVITE[..INVITE.len() - 20]).1, Some(400));
}

#[test]
fn line_ends_before_the_start_line_are_skipped() {
    assert_eq!(request(format!("\r\n\r\n{INVITE}")), request(INVITE));
}

#[test]
fn keep_alives_noise_responses_and_acks_are_not_answered() {
    let ack = INVITE.replace("INVITE", "ACK").replace("70\r\n", "700\r\n");
    let response = INVITE.replace("INVITE sip:2001@pbx.example.com SIP/2.0", "SIP/2.0 2000 OK");
    let unrouted = INVITE.replace("Via: SIP/2.0/UDP", "Via: HTTP/1.1 ");
    for text in [
        "",
        "\r\n\r\n",
        "\0\0\0\0",
        "hello",
        "GET / HTTP/1.1\r\n\r\n",
        &ack,
        &response,
        &unrouted,
    ] {
        assert_eq!(fault(text).1, None, "{text:?}");
    }
}

#[test]
fn repeated_single_headers_are_refused() {
    for name in [
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Max-Forwards",
        "Content-Type",
    ] {
        let line = INVITE.lines().find(|line| line.starts_with(name)).unwrap();
        let text = invite_with(line, &format!("{line}\r\n{line}"));
        assert_eq!(fault(text), (Fault::Repeated(name), Some(400)));
    }
}

#[test]
fn missing_headers_are_named() {
    for name in ["From", "To", "Call-ID", "CSeq"] {
        let line = INVITE.lines().find(|line| line.starts_with(name)).unwrap();
        assert_eq!(
            fault(invite_with(&format!("{line}\r\n"), "")),
            (Fault::Missing(name), Some(400))
        );
    }
    assert_eq!(
        fault(invite_with("Via", "X")),
        (Fault::Missing("Via"), None)
    );
}

#[test]
fn version_three_is_505() {
    assert_eq!(
        fault(invite_with("SIP/2.0\r", "SIP/3.0\r")),
        (Fault::Version, Some(505))
    );
    assert_eq!(fault(invite_with("SIP/2.0\r", "SIP/2\r")).1, Some(400));
    assert_eq!(
        request(invite_with("SIP/2.0\r", "sip/2.0\r")),
        request(INVITE)
    );
}

#[test]
fn latin_1_name_costs_no_other_header() {
    let mut text = INVITE.as_bytes().to_vec();
    let at = INVITE.find("Alice").unwrap();
    text[at] = 0xc4;
    let invite = request(text);
    assert_eq!(invite.headers().from().tag(), Some("a73kszlfl"));
    assert_eq!(invite.headers().iter().count(), 8);
    let mut text = INVITE.as_bytes().to_vec();
    text[INVITE.find("1j9F").unwrap()] = 0xc4;
    assert_eq!(fault(text).1, Some(400));
}

#[test]
fn refusal_repeats_what_could_be_read() {
    let source: SocketAddr = "198.51.100.7:40000".parse().unwrap();
    // The fault is in the middle: what comes after it is repeated too.
    let text = invite_with("Max-Forwards: 70", "Max Forwards").replace("To: <sip:", "To: \"<sip:");
    let mut error = parse_text(text).unwrap_err();
    let partial = error.partial.as_mut().unwrap();
    partial.stamp(source);
    assert_eq!(partial.via().rport(), Some(40000));
    let bytes = partial.refuse(400, "bad header line: no colon", "tag7");
    let wanted = "SIP/2.0 400 bad header line: no colon\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKnashds8;rport=40000;received=198.51.100.7\r\n\
        From: \"Alice\" <sip:1001@example.com>;tag=a73kszlfl\r\n\
        To: \"<sip:2001@example.com>;tag=tag7\r\n\
        Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\n\
        CSeq: 1 INVITE\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), wanted);
}

#[test]
fn refusal_does_not_repeat_what_would_break_a_line() {
    for (odd, wanted) in [("Al\rice", "CR or LF alone"), ("Al\0ice", "NUL in a value")] {
        let error = parse_text(invite_with("Alice", odd)).unwrap_err();
        assert_eq!(error.fault, Fault::Line(wanted));
        let refusal = error.partial.unwrap().refuse(400, "no", "t");
        let text = std::str::from_utf8(&refusal).unwrap();
        assert!(!text.contains("From") && !text.contains('\0'), "{text:?}");
        assert!(!text.replace("\r\n", "").contains('\r'), "{text:?}");
        assert!(
            text.contains("\r\nTo: <sip:2001@example.com>;tag=t\r\n"),
            "{text:?}"
        );
    }
}

#[test]
fn answer_copies_what_routes_it() {
    let mut invite = request(invite_with(
        ";rport",
        ";rport, SIP/2.0/TCP b;branch=z9hG4bK2",
    ));
    invite.stamp("192.0.2.1:5070".parse().unwrap());
    let ringing = invite.respond(180, Some("t1")).build().unwrap();
    let wanted = "SIP/2.0 180 Ringing\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKnashds8;rport=5070;received=192.0.2.1\r\n\
        Via: SIP/2.0/TCP b;branch=z9hG4bK2\r\n\
        From: \"Alice\" <sip:1001@example.com>;tag=a73kszlfl\r\n\
        To: <sip:2001@example.com>;tag=t1\r\n\
        Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\n\
        CSeq: 1 INVITE\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(std::str::from_utf8(&ringing).unwrap(), wanted);
    // RFC 3261 §8.2.6.2: 100 needs no tag, and a tag that is there stays.
    let to_tag = |answer: Bytes| {
        parse(&answer)
            .unwrap()
            .headers()
            .to_tag()
            .map(str::to_owned)
    };
    let trying = invite.respond(100, Some("t1")).build().unwrap();
    assert_eq!(to_tag(trying), None);
    let tagged = request(invite_with(
        "To: <sip:2001@example.com>",
        "To: <sip:2001@e.com>;tag=t0",
    ));
    let answer = tagged.respond(200, Some("t1")).build().unwrap();
    assert_eq!(to_tag(answer).as_deref(), Some("t0"));
}

#[test]
fn text_that_would_break_a_line_is_not_built() {
    let invite = request(INVITE);
    for value in ["a\r\nVia: evil", "a\nb", "a\rb", "a\0b"] {
        let built = invite.respond(200, None).header("Subject", value).build();
        assert_eq!(built, Err(BuildError::Octet("Subject".to_owned())));
    }
    for name in ["", "a b", "a:", "a\r\n"] {
        assert!(invite.respond(200, None).header(name, "x").build().is_err());
    }
    let broken = invite.respond_because(200, "OK\r\n", None).build();
    assert!(broken.is_err());
    for name in ["f", "from", "Content-Type"] {
        let twice = invite.respond(200, None).header(name, "x").build();
        assert!(
            matches!(twice, Err(BuildError::Fault(Fault::Repeated(_)))),
            "{name}"
        );
    }
    let built = invite.respond(200, None).header("l", "7").build().unwrap();
    assert!(built.ends_with(b"Content-Length: 0\r\n\r\n"));
}

#[test]
fn call_id_is_scanned_without_parsing() {
    let scan = |text: &str| scan_call_id(text.as_bytes()).map(<[u8]>::to_vec);
    let wanted = Some(b"1j9FpLxk3uxtm8tn@192.0.2.1".to_vec());
    assert_eq!(scan(INVITE), wanted);
    assert_eq!(scan(&INVITE.replace("Call-ID:", "i \t:")), wanted);
    assert_eq!(
        scan(&INVITE.replace("Call-ID:", "CALL-ID:\r\n \r\n\t")),
        wanted
    );
    assert_eq!(scan(&format!("\r\n{INVITE}")), wanted);
    assert_eq!(scan(&INVITE.replace("Call-ID: ", "X-Call-ID: ")), None);
    assert_eq!(scan("INVITE x SIP/2.0\r\n\r\nCall-ID: body\r\n"), None);
    assert_eq!(scan("INVITE x SIP/2.0\r\nCall-ID:\r\nX: y\r\n"), None);
    assert_eq!(scan(""), None);
}
