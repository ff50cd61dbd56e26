//! Every limit is reached, and one less is accepted.

use super::*;
use crate::limits;

#[test]
fn message_of_65535_octets_is_the_last() {
    let head = invite_with("Content-Length: 5\r\n", "");
    let fill = |size: usize| format!("{head}{}", "x".repeat(size - head.len()));
    assert_eq!(
        request(fill(limits::MESSAGE)).body().len(),
        limits::MESSAGE - head.len() + 5
    );
    assert_eq!(
        fault(fill(limits::MESSAGE + 1)),
        (Fault::TooLarge("message"), Some(513))
    );
}

#[test]
fn header_section_of_16_kib_is_the_last() {
    let section = INVITE.len() - 5;
    let fill = |size: usize| {
        let (one, two) = (
            limits::HEADER_VALUE,
            size - section - limits::HEADER_VALUE - 12,
        );
        let (one, two) = ("x".repeat(one), "y".repeat(two));
        invite_with(
            "Content-Length",
            &format!("P-X: {one}\r\nY: {two}\r\nContent-Length"),
        )
    };
    assert!(parse_text(fill(limits::HEADER_SECTION)).is_ok());
    let (fault, status) = fault(fill(limits::HEADER_SECTION + 1));
    assert_eq!(
        (fault, status),
        (Fault::TooLarge("header section"), Some(513))
    );
}

#[test]
fn header_128_is_the_last() {
    // Eight, as Content-Length is none of them.
    let fill =
        |count: usize| invite_with("Max-F", &format!("{}Max-F", "X: y\r\n".repeat(count - 8)));
    assert_eq!(
        request(fill(limits::HEADERS)).headers().iter().count(),
        limits::HEADERS
    );
    let error = parse_text(fill(limits::HEADERS + 1)).unwrap_err();
    assert_eq!(
        (error.fault, error.status()),
        (Fault::TooLarge("number of headers"), Some(513))
    );
}

#[test]
fn vias_of_one_line_count_each() {
    let vias = ", SIP/2.0/UDP a;branch=b".repeat(limits::HEADERS);
    let text = invite_with(";rport", &format!(";rport{vias}"));
    assert_eq!(fault(text).0, Fault::TooLarge("number of headers"));
}

#[test]
fn header_value_of_8_kib_is_the_last() {
    let fill = |size: usize| {
        // Folded, so that the limit is seen to hold for the whole.
        let (half, rest) = (size / 2, size - size / 2 - 1);
        let value = format!("{}\r\n {}", "x".repeat(half), "y".repeat(rest));
        invite_with("Max-F", &format!("X: {value}\r\nMax-F"))
    };
    let accepted = request(fill(limits::HEADER_VALUE));
    assert_eq!(
        accepted.headers().get("x").map(str::len),
        Some(limits::HEADER_VALUE)
    );
    let (fault, status) = fault(fill(limits::HEADER_VALUE + 1));
    assert_eq!(
        (fault, status),
        (Fault::TooLarge("header value"), Some(513))
    );
}

#[test]
fn request_uri_above_2_kib_is_414() {
    let fill = |size: usize| invite_with("sip:2001@pbx", &format!("sip:{}@pbx", "1".repeat(size)));
    let others = "sip:@pbx.example.com".len();
    assert!(parse_text(fill(limits::URI - others)).is_ok());
    assert_eq!(fault(fill(limits::URI - others + 1)).1, Some(414));
}

#[test]
fn method_of_64_octets_is_the_last() {
    let fill = |size: usize| INVITE.replace("INVITE", &"M".repeat(size));
    assert_eq!(
        request(fill(limits::METHOD)).method().as_str().len(),
        limits::METHOD
    );
    assert_eq!(fault(fill(limits::METHOD + 1)).0, Fault::TooLarge("method"));
}
