//! What holds for every message: the parser survives it, and parse∘write is the identity.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Uri;

const TOKEN: &str = "[A-Za-z0-9.!%*_+`'~-]{1,12}";

fn uri() -> impl Strategy<Value = Uri> {
    let host = prop_oneof![
        "[a-z0-9]{1,8}(\\.[a-z0-9-]{1,8}){0,2}",
        any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
    ];
    let sip = (
        "\\PC{0,12}",
        host,
        proptest::option::of(1..u16::MAX),
        any::<bool>(),
    )
        .prop_map(|(user, host, port, loose)| {
            let uri = Uri::sip(&user, &host).expect("a host").with_port(port);
            if loose {
                uri.with_param("lr", None).expect("a parameter")
            } else {
                uri
            }
        });
    let tel =
        "\\+?[0-9]{1,15}".prop_map(|number| format!("tel:{number}").parse().expect("a number"));
    let opaque = "x-[a-z]{1,5}:[a-z0-9/?]{1,9}".prop_map(|text| text.parse().expect("opaque"));
    prop_oneof![8 => sip, 1 => tel, 1 => opaque]
}

fn name_addr() -> impl Strategy<Value = NameAddr> {
    let params = vec((TOKEN, proptest::option::of(TOKEN)), 0..3);
    (proptest::option::of("\\PC{0,12}"), uri(), params).prop_map(|(display, uri, params)| {
        let mut address = NameAddr::new(uri);
        address.display = display;
        for (name, value) in &params {
            address = address.with_param(name, value.as_deref());
        }
        address
    })
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        "X-[A-Za-z]{1,8}",
        prop::sample::select(vec![
            "Subject",
            "s",
            "session-expires",
            "Require",
            "User-Agent",
            "k"
        ])
        .prop_map(str::to_owned),
    ];
    (name, "\\PC{0,40}")
}

prop_compose! {
    fn any_request()(
        method in prop_oneof![Just("INVITE".to_owned()), Just("BYE".to_owned()), TOKEN],
        uri in uri(),
        addresses in (name_addr(), name_addr(), vec(name_addr(), 0..3)),
        source in any::<std::net::SocketAddr>(),
        call_id in "[!-~]{1,30}",
        number in 0..1_u32 << 31,
        headers in vec(header(), 0..5),
        body in vec(any::<u8>(), 0..64),
    ) -> Request {
        let (from, to, routes) = addresses;
        let source = std::net::SocketAddr::new(source.ip(), source.port().max(1));
        let method = Method::from_token(&method);
        let mut builder = Request::builder(method, uri.without_headers())
            .via(Via::text("UDP", source, "z9hG4bKx"))
            .from(&from)
            .to(to.with_tag("t"))
            .call_id(&call_id)
            .cseq(number)
            .routes(&routes);
        for (name, value) in &headers {
            builder = builder.header(name, value);
        }
        builder.body("application/octet-stream", body.into()).build().expect("a request")
    }
}

/// Cuts, doubles or overwrites a piece: what a fuzzer does first.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 14] = [
        b"\r\n",
        b"\r\n ",
        b"\n",
        b"\0",
        b",",
        b";",
        b"\"",
        b"<",
        b">",
        b":",
        b"\xff",
        b" ",
        b"[",
        b"99999999999999999999",
    ];
    let edit = (
        0..INVITE.len(),
        0..20_usize,
        prop::sample::select(pieces.to_vec()),
    );
    vec(edit, 1..6).prop_map(|edits| {
        let mut text = INVITE.as_bytes().to_vec();
        for (at, cut, piece) in edits {
            let at = at.min(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, piece.iter().copied());
        }
        text
    })
}

/// What must hold for whatever came from the network.
fn check(text: Vec<u8>) {
    let scanned = scan_call_id(&text).map(<[u8]>::to_vec);
    let bytes = Bytes::from(text);
    match parse(&bytes) {
        Ok(message) => {
            assert_eq!(
                scanned.as_deref(),
                Some(message.headers().call_id().as_bytes())
            );
            let again = parse(&write(&message)).expect("what was written");
            assert_eq!(again, message);
            if let Message::Request(request) = message {
                let answer = request.respond(200, Some("t")).build().expect("an answer");
                assert!(parse(&answer).is_ok());
            }
        }
        Err(error) => {
            if let Some(partial) = error.partial {
                let refusal = partial.refuse(400, &error.fault.to_string(), "t");
                assert!(refusal.starts_with(b"SIP/2.0 400 "));
                assert!(refusal.ends_with(b"\r\n\r\n"));
                let ends = refusal.windows(4).filter(|end| end == b"\r\n\r\n").count();
                assert_eq!(ends, 1, "an empty line inside the refusal");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_undoes_write(request in any_request()) {
        let bytes = write(&request.clone().into());
        let parsed = parse(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(parsed, Message::Request(request));
    }

    #[test]
    fn uri_undoes_display(uri in uri()) {
        prop_assert_eq!(uri.to_string().parse::<Uri>(), Ok(uri));
    }

    #[test]
    fn mangled_messages_are_survived(text in mangled()) {
        check(text);
    }

    #[test]
    fn noise_is_survived(text in vec(any::<u8>(), 0..200)) {
        check(text);
    }

    #[test]
    fn text_is_survived_in_every_reader(text in "\\PC{0,60}") {
        let _ = NameAddr::parse(&text);
        let _ = Via::parse(&text);
        let _ = CSeq::parse(&text);
        let _ = super::super::addr::Reason::parse(&text);
        let _ = text.parse::<Uri>();
        let _ = super::super::lex::list(&text).count();
        let quoted = super::super::lex::quote(&text);
        prop_assert_eq!(super::super::lex::unquote(&quoted), text);
    }
}
