//! Facts about typed header values.

use super::super::addr::Reason;
use super::*;

fn address(text: &str) -> NameAddr {
    NameAddr::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn names_are_read_in_all_their_forms() {
    for (text, display, uri, tag) in [
        ("sip:a@h", None, "sip:a@h", None),
        ("sip:a@h;tag=1", None, "sip:a@h", Some("1")),
        ("<sip:a@h;x=y>;tag=1", None, "sip:a@h;x=y", Some("1")),
        (
            "\"A, \\\"B\\\" <c>\" <sip:a@h> ; tag = 1",
            Some("A, \"B\" <c>"),
            "sip:a@h",
            Some("1"),
        ),
        ("caller<sip:a@h>", Some("caller"), "sip:a@h", None),
        (
            "J. Müller & Co (2)  <sip:a@h>",
            Some("J. Müller & Co (2)"),
            "sip:a@h",
            None,
        ),
        ("\"\" <tel:+49-30>", Some(""), "tel:+4930", None),
        (
            "<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";tag=2",
            None,
            "sip:a@h",
            Some("2"),
        ),
        ("sip:a@h;x=\"<\"", None, "sip:a@h", None),
    ] {
        let address = address(text);
        assert_eq!(address.display.as_deref(), display, "{text}");
        assert_eq!(address.uri.to_string(), uri, "{text}");
        assert_eq!(address.tag(), tag, "{text}");
        assert_eq!(NameAddr::parse(&address.to_string()), Ok(address), "{text}");
    }
}

#[test]
fn broken_names_are_refused() {
    for text in [
        "",
        "\"A <sip:a@h>",
        "A, B <sip:a@h>",
        "\"A\" < sip:a@h >",
        "<sip:a@h",
        "sip:a@h?x=y",
        "<sip:a@h>;;",
        "<sip:a@h>;tag=",
        "<sip:a@h> x",
        "<>",
        "A",
        "\"A\"",
        "<sip:a@h>;\"x\"",
    ] {
        assert!(NameAddr::parse(text).is_err(), "{text}");
    }
}

#[test]
fn vias_are_read_with_any_transport_and_ipv6() {
    for (text, transport, host, port, branch) in [
        (
            "SIP/2.0/UDP a.b:5060;branch=z9",
            "UDP",
            "a.b",
            Some(5060),
            Some("z9"),
        ),
        (
            "SIP / 2.0 / quic  H ; branch = z9",
            "quic",
            "H",
            None,
            Some("z9"),
        ),
        ("SIP/2.0/ UDP a", "UDP", "a", None, None),
        (
            "SIP/2.0/WSS [2001:DB8::9]:7;branch=1",
            "WSS",
            "[2001:DB8::9]",
            Some(7),
            Some("1"),
        ),
        ("SIP/2.0/UDP [::1]", "UDP", "[::1]", None, None),
        (
            "SIP/2.0/UDP a : 5060 ;branch=z9",
            "UDP",
            "a",
            Some(5060),
            Some("z9"),
        ),
    ] {
        let via = Via::parse(text).unwrap();
        assert_eq!(via.transport(), transport, "{text}");
        assert_eq!(
            (via.host(), via.port(), via.branch()),
            (host, port, branch),
            "{text}"
        );
        assert_eq!(Via::parse(&via.to_string()), Ok(via), "{text}");
    }
    for text in [
        "",
        "SIP/2.0 a",
        "SIP/2.0/UDP",
        "HTTP/2.0/UDP a",
        "SIP/2.0/UDP a;;",
        "SIP/2.0/UDP a:0",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP [::1",
    ] {
        assert!(Via::parse(text).is_err(), "{text}");
    }
}

#[test]
fn stamp_overwrites_what_the_peer_claims() {
    let stamped =
        |text: &str, source: &str| Via::parse(text).unwrap().stamped(source.parse().unwrap());
    let plain = "SIP/2.0/UDP 192.0.2.1:5070";
    // RFC 3261 §18.2.1: only if sent-by is another address.
    assert_eq!(stamped(plain, "192.0.2.1:9"), plain);
    assert_eq!(
        stamped(plain, "192.0.2.2:9"),
        format!("{plain};received=192.0.2.2")
    );
    assert_eq!(
        stamped("SIP/2.0/UDP h", "[::1]:9"),
        "SIP/2.0/UDP h;received=::1"
    );
    let liar = format!("{plain};received=10.0.0.1");
    assert_eq!(stamped(&liar, "192.0.2.1:9"), plain);
    // RFC 3581 §4: both, whenever rport is asked for.
    let asks = format!("{plain};rport");
    assert_eq!(
        stamped(&asks, "192.0.2.1:9"),
        format!("{plain};rport=9;received=192.0.2.1")
    );
}

#[test]
fn cseq_is_below_two_to_the_31() {
    assert_eq!(CSeq::parse("0009  INVITE").unwrap().number, 9);
    assert_eq!(CSeq::parse("2147483647 BYE").unwrap().number, 2_147_483_647);
    for text in [
        "2147483648 BYE",
        "-1 BYE",
        "BYE",
        "1",
        "1BYE",
        "1 BYE x",
        "+1 BYE",
        "",
    ] {
        assert!(CSeq::parse(text).is_err(), "{text}");
    }
}

#[test]
fn reasons_are_read() {
    let lines = "Reason: Q.850 ;cause=16;text=\"Normal, really\", SIP;cause=200\r\nMax-F";
    let reasons = request(invite_with("Max-F", lines)).headers().reasons();
    let q850 = Reason {
        protocol: "Q.850".to_owned(),
        cause: Some(16),
        text: Some("Normal, really".to_owned()),
    };
    assert_eq!(reasons[0], q850);
    assert_eq!(
        (reasons[1].protocol.as_str(), reasons[1].cause),
        ("SIP", Some(200))
    );
}

#[test]
fn lists_are_read_over_lines_and_commas() {
    let lines = "Route: <sip:a;lr>, \"x, y\" <sip:b;lr>\r\nRoute: <sip:c>\r\n\
        Require: 100rel,timer,\r\nSupported:\r\nExpires: 99999999999\r\n\
        P-Asserted-Identity: \"A\" <sip:1@h>, <tel:+1>\r\nMax-F";
    let request = request(invite_with("Max-F", lines));
    let routes: Vec<String> = request
        .headers()
        .routes()
        .iter()
        .map(|route| route.uri.to_string())
        .collect();
    assert_eq!(routes, ["sip:a;lr", "sip:b;lr", "sip:c"]);
    assert_eq!(request.headers().require(), ["100rel", "timer"]);
    assert!(request.headers().supported().is_empty());
    assert_eq!(request.headers().asserted().unwrap().to_string(), "sip:1@h");
    assert_eq!(request.headers().expires(), Some(u32::MAX));
}

#[test]
fn media_type_is_compared_without_its_parameters() {
    let is_sdp = |value: &str| {
        let text = invite_with("application/sdp", value);
        request(text).headers().is_content("application/sdp")
    };
    assert!(is_sdp("Application / SDP ;charset=utf-8"));
    assert!(!is_sdp("application/sdp-ng"));
}

#[test]
fn dates_are_in_gmt() {
    let dated = |date: &str| invite_with("Max-F", &format!("Date: {date}\r\nMax-F"));
    assert!(parse_text(dated("Sat, 13 Nov 2010 23:29:00 GMT")).is_ok());
    for date in [
        "Sat, 13 Nov 2010 23:29:00 EST",
        "now",
        "Sat, 13 Nov 2010 23:29:0x GMT",
        "",
    ] {
        assert_eq!(fault(dated(date)).1, Some(400), "{date}");
    }
}
