use axum::http::{HeaderMap, header};

use super::{Asked, asked, part};

const TAG: &str = "\"a\"";

#[test]
fn one_range_is_a_part_of_the_file() {
    for (range, expect) in [
        ("0-0", Asked::Part(0..1)),
        ("10-19", Asked::Part(10..20)),
        ("90-", Asked::Part(90..100)),
        ("90-200", Asked::Part(90..100)),
        ("-10", Asked::Part(90..100)),
        ("-200", Asked::Part(0..100)),
        ("99-99999999999999999999999", Asked::Part(99..100)),
        ("100-", Asked::Beyond),
        ("99999999999999999999999-", Asked::Beyond),
        ("-0", Asked::Beyond),
        ("19-10", Asked::Whole),
        ("0-1,5-6", Asked::Whole),
        ("-", Asked::Whole),
        ("+1-2", Asked::Whole),
        ("a-b", Asked::Whole),
        ("", Asked::Whole),
    ] {
        assert_eq!(part(range, 100), expect, "{range:?}");
    }
    assert_eq!(part("-1", 0), Asked::Beyond, "an empty file has no parts");
}

#[test]
fn a_part_is_of_the_file_that_the_client_knows_and_who_has_it_gets_nothing() {
    let check = |pairs: &[(header::HeaderName, &str)], expect: Asked| {
        let pairs = pairs
            .iter()
            .map(|(name, text)| (name.clone(), text.parse().unwrap()));
        let headers: HeaderMap = pairs.collect();
        assert_eq!(asked(&headers, 100, TAG), expect, "{headers:?}");
    };
    let range = (header::RANGE, "bytes=1-2");
    check(&[], Asked::Whole);
    check(&[(header::RANGE, "lines=1-2")], Asked::Whole);
    check(std::slice::from_ref(&range), Asked::Part(1..3));
    check(&[range.clone(), (header::IF_RANGE, TAG)], Asked::Part(1..3));
    check(&[range.clone(), (header::IF_RANGE, "\"b\"")], Asked::Whole);
    check(
        &[range.clone(), (header::IF_RANGE, "W/\"a\"")],
        Asked::Whole,
    );
    let date = "Fri, 24 Jul 2026 08:00:00 GMT";
    check(&[range.clone(), (header::IF_RANGE, date)], Asked::Whole);
    check(
        &[range.clone(), (header::IF_NONE_MATCH, "\"b\", W/\"a\"")],
        Asked::Nothing,
    );
    check(&[(header::IF_NONE_MATCH, "*")], Asked::Nothing);
    check(&[(header::IF_NONE_MATCH, "\"b\"")], Asked::Whole);
}
