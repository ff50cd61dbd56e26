use super::*;

fn uri(text: &str) -> Uri {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn parts_are_told_apart() {
    let uri = uri("sips:alice:secret@Example.COM:5061;transport=tcp;lr?subject=a");
    assert_eq!(uri.scheme(), "sips");
    assert_eq!(uri.user(), Some("alice"));
    assert_eq!(uri.host(), "example.com");
    assert_eq!(uri.port(), Some(5061));
    assert_eq!(uri.param("TRANSPORT"), Some("tcp"));
    assert_eq!(uri.param("lr"), Some(""));
    assert_eq!(uri.param("maddr"), None);
    assert_eq!(uri.headers(), Some("subject=a"));
    let text = "sips:alice:secret@example.com:5061;transport=tcp;lr?subject=a";
    assert_eq!(uri.to_string(), text);
}

#[test]
fn ipv6_keeps_its_brackets() {
    let uri = uri("sip:[2001:DB8::1]:5070;lr");
    assert_eq!(uri.host(), "[2001:db8::1]");
    assert_eq!(uri.ip(), Some("2001:db8::1".parse().unwrap()));
    assert_eq!(uri.port(), Some(5070));
    assert_eq!(uri.to_string(), "sip:[2001:db8::1]:5070;lr");
    assert_eq!(
        Uri::at("bob", "[::1]:5060".parse().unwrap()).to_string(),
        "sip:bob@[::1]:5060"
    );
}

#[test]
fn third_colon_of_the_first_grammar_is_read_as_none() {
    // RFC 5118 §4.10.
    let uri = uri("sip:a@[2001:db8:::192.0.2.1]:5070");
    assert_eq!(uri.host(), "[2001:db8::c000:201]");
    assert_eq!(uri.port(), Some(5070));
    for text in [
        "sip:a@[2001:db8:::1]",
        "sip:a@[::::192.0.2.1]",
        "sip:a@[2001::db8:::192.0.2.1]",
        "sip:a@[2001:db8:::1:192.0.2.1]",
    ] {
        assert_eq!(text.parse::<Uri>(), Err(UriError::Host), "{text}");
    }
}

#[test]
fn escapes_have_one_form() {
    // RFC 3261 §19.1.4, RFC 4475 §3.1.1.3.
    assert_eq!(uri("sip:%75se%72@h"), uri("sip:user@h"));
    assert_eq!(
        uri("sip:sips%3auser%40e.com@h").user(),
        Some("sips%3Auser%40e.com")
    );
    assert_eq!(uri("sip:null-%00-null@h").user(), Some("null-%00-null"));
}

#[test]
fn user_may_hold_separators() {
    // RFC 4475 §3.1.1.2 and §3.1.1.9.
    assert_eq!(
        uri("sip:user;par=u%40e.net@h").user(),
        Some("user;par=u%40e.net")
    );
    assert_eq!(uri("sip:a?b/c;d@h;x").user(), Some("a?b/c;d"));
    assert_eq!(uri("sip:*67#12@h").user(), Some("*67%2312"));
}

#[test]
fn tel_gives_its_number_without_separators() {
    let uri = uri("tel:+1-(201)-555.0123;phone-context=example.com");
    assert_eq!(uri.user(), Some("+12015550123"));
    assert_eq!(uri.param("phone-context"), Some("example.com"));
    assert_eq!(uri.host(), "");
    assert!(!uri.is_sip());
    assert_eq!(
        uri.to_string(),
        "tel:+12015550123;phone-context=example.com"
    );
}

#[test]
fn other_schemes_are_opaque() {
    assert_eq!(uri("Nobody:knows?this").to_string(), "nobody:knows?this");
    assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme(), "soap.beep");
    assert_eq!(uri("urn:service:sos").user(), None);
}

#[test]
fn gruu_is_not_cut() {
    let text = "sip:a@h;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    assert_eq!(uri(text).to_string(), text);
}

#[test]
fn broken_uris_are_refused() {
    for text in [
        "",
        "sip",
        "sip:",
        ":a@h",
        "<sip:a@h>",
        "sip:@h",
        "sip:a@",
        "sip:a@h:",
        "sip:a@h:0",
        "sip:a@h:65536",
        "sip:a@h:+1",
        "sip:a@h;",
        "sip:a@h;;lr",
        "sip:a@h;=x",
        "sip:a b@h",
        "sip:a@h h",
        "sip:a@[::1",
        "sip:a@[::1]x",
        "sip:a@[1.2.3.4]",
        "sip:a@b@c",
        "sip:%4@h",
        "sip:%zz@h",
        "sip:é@h",
        "sip:a@h\r\nX: y",
        "tel:",
        "tel:+",
        "tel:12 3",
        "isbn:",
        "x:<>",
        "1x:y",
        "sip:a@h;x=\"y\"",
        "sip:a@h?x\"",
    ] {
        assert!(text.parse::<Uri>().is_err(), "{text:?}");
    }
}

#[test]
fn limit_of_length_is_reached() {
    let fill = |length: usize| format!("sip:{}@h", "a".repeat(length - 6));
    assert!(fill(limits::URI).parse::<Uri>().is_ok());
    assert_eq!(fill(limits::URI + 1).parse::<Uri>(), Err(UriError::TooLong));
}

#[test]
fn builders_escape_what_they_are_given() {
    let built = Uri::sip("a b@c\r\n", "H:5070").unwrap();
    assert_eq!(built.to_string(), "sip:a%20b%40c%0D%0A@h:5070");
    assert_eq!(uri(&built.to_string()), built);
    assert_eq!(Uri::sip("", "h").unwrap().to_string(), "sip:h");
    assert_eq!(Uri::sip("a", "h\r\nX: y"), Err(UriError::Host));
    assert!(built.clone().with_param("a;b", None).is_err());
    assert!(built.clone().with_param("a", Some("x>")).is_err());
    let built = built
        .with_user("2001")
        .with_host("[::1]")
        .unwrap()
        .with_port(Some(1));
    let built = built
        .with_param("lr", None)
        .unwrap()
        .with_param("x", Some("y"))
        .unwrap();
    assert_eq!(built.to_string(), "sip:2001@[::1]:1;lr;x=y");
    assert_eq!(
        built.without_param("LR").to_string(),
        "sip:2001@[::1]:1;x=y"
    );
}

proptest::proptest! {
    #[test]
    fn what_is_read_in_one_go_reads_the_same_in_any_way(
        text in "[a-cA-C0-2:;=@?.%#\\[/-]{0,12}(@[a-c.]{1,4}(:[0-9]{1,5})?(;[a-c]{1,2}(=[a-c])?)?)?"
    ) {
        if parts::is_plain(&text) {
            let joined = Sip::read(false, &text).map(|sip| sip.join());
            proptest::prop_assert_eq!(joined, Ok(format!("sip:{text}")));
        }
    }
}
