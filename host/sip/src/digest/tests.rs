//! The examples of the RFCs, and every way in which credentials can fail to be good.

mod answering;

use std::net::IpAddr;

use super::hash::{Hex, hmac, joined};
use super::nonce::Nonce;
use super::replays::Replays;
use super::{Algorithm, Bearer, Challenge, Credentials, Denied, Guard, Secrets};
use crate::limits;

const NOW: u64 = 1_800_000_000_000;
const KEY: [u8; 32] = [7; 32];

fn bearer() -> Bearer<'static> {
    Bearer {
        method: "REGISTER",
        call_id: "c1@phone",
        realm: "acme.example",
        source: IpAddr::from([192, 0, 2, 1]),
    }
}

/// HA1 of `1001:acme.example:<password>`.
fn ha1(password: &str) -> [String; 2] {
    [Algorithm::Md5, Algorithm::Sha256]
        .map(|algorithm| joined(algorithm, &["1001", "acme.example", password]))
        .map(|hex| hex.as_str().to_owned())
}

/// The nonce in a challenge.
fn nonce_of(challenge: &str) -> &str {
    let (_, rest) = challenge.split_once("nonce=\"").unwrap();
    rest.split_once('"').unwrap().0
}

/// What a phone answers to a challenge.
fn authorization(algorithm: Algorithm, nonce: &str, nc: &str, password: &str) -> String {
    let [md5, sha256] = ha1(password);
    let ha1 = if algorithm == Algorithm::Md5 {
        md5
    } else {
        sha256
    };
    let ha2 = joined(algorithm, &["REGISTER", "sip:acme.example"]);
    let parts = [&ha1, nonce, nc, "abc", "auth", ha2.as_str()];
    let response = joined(algorithm, &parts);
    format!(
        "Digest username=\"1001\", realm=\"acme.example\", nonce=\"{nonce}\", \
         uri=\"sip:acme.example\", response=\"{}\", algorithm={}, cnonce=\"abc\", qop=auth, nc={nc}",
        response.as_str(),
        algorithm.name()
    )
}

/// The word about one header of the user 1001, whose password is `secret`.
fn judge(guard: &mut Guard, value: &str, bearer: Bearer<'_>, now: u64) -> Result<(), Denied> {
    let credentials = Credentials::parse(value).unwrap();
    let [md5, sha256] = ha1("secret");
    let secrets = Secrets {
        md5: &md5,
        sha256: &sha256,
    };
    guard.verify(&credentials, bearer, Some(secrets), now)
}

#[test]
fn responses_are_those_of_the_rfcs() {
    // RFC 2617 §3.5 and RFC 7616 §3.9.1.
    let check = |realm: &str, password: &str, algorithm: &str, header: &str, response: &str| {
        let value = format!(
            "Digest username=\"Mufasa\", realm=\"{realm}\", uri=\"/dir/index.html\", \
             algorithm={algorithm}, nc=00000001, qop=auth, response=\"{response}\", {header}"
        );
        let credentials = Credentials::parse(&value).unwrap();
        let ha1 = joined(credentials.algorithm, &["Mufasa", realm, password]);
        let expected = credentials.expected(ha1.as_str(), "GET");
        assert_eq!(expected.as_str(), response, "{algorithm}");
    };
    check(
        "testrealm@host.com",
        "Circle Of Life",
        "MD5",
        "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", cnonce=\"0a4f113b\"",
        "6629fae49393a05397450978507c4ef1",
    );
    let newer = "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"";
    check(
        "http-auth@example.org",
        "Circle of Life",
        "MD5",
        newer,
        "8ca523f5e9506fed4657c9700eebdbec",
    );
    check(
        "http-auth@example.org",
        "Circle of Life",
        "SHA-256",
        newer,
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    );
}

#[test]
fn the_keyed_hash_is_hmac() {
    // RFC 4231 §4.2 has a key of 20 octets, which counts as one of 32 that ends in zeros.
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let mac = hmac(&key, &[b"Hi ", b"There"]);
    let hex = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
    assert_eq!(Hex::of(&mac).as_str(), hex);
}

#[test]
fn who_knows_the_secret_is_accepted_once_for_each_count() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let mut guard = Guard::new(KEY);
        let challenge = guard.challenge(bearer(), false, NOW, 1);
        let nonce = nonce_of(&challenge[0]);
        let first = authorization(algorithm, nonce, "00000001", "secret");
        let hex = authorization(algorithm, nonce, "0000001a", "secret");
        assert_eq!(judge(&mut guard, &first, bearer(), NOW + 50), Ok(()));
        assert_eq!(
            judge(&mut guard, &first, bearer(), NOW + 60),
            Err(Denied::Stale)
        );
        assert_eq!(judge(&mut guard, &hex, bearer(), NOW + 70), Ok(()));
    }
}

#[test]
fn a_wrong_secret_is_denied_as_is_an_unknown_user() {
    let mut guard = Guard::new(KEY);
    let challenge = guard.challenge(bearer(), false, NOW, 1);
    let nonce = nonce_of(&challenge[1]);
    let wrong = authorization(Algorithm::Md5, nonce, "00000001", "guess");
    assert_eq!(judge(&mut guard, &wrong, bearer(), NOW), Err(Denied::Wrong));
    let right = authorization(Algorithm::Md5, nonce, "00000001", "secret");
    let nobody = Credentials::parse(&right).unwrap();
    let judged = guard.verify(&nobody, bearer(), None, NOW);
    assert_eq!(judged, Err(Denied::Wrong));
    // Neither has used the nonce up.
    assert_eq!(judge(&mut guard, &right, bearer(), NOW), Ok(()));
}

#[test]
fn the_made_up_secret_of_nobody_opens_nothing() {
    let mut guard = Guard::new(KEY);
    let challenge = guard.challenge(bearer(), false, NOW, 1);
    let nonce = nonce_of(&challenge[1]);
    let mut credentials =
        Credentials::parse(&authorization(Algorithm::Sha256, nonce, "00000001", "x")).unwrap();
    let nobody = guard.nobody(&credentials, bearer().realm);
    let response = credentials.expected(nobody.as_str(), "REGISTER");
    credentials.response = response.as_str().to_owned();
    let judged = guard.verify(&credentials, bearer(), None, NOW);
    assert_eq!(judged, Err(Denied::Wrong));
}

#[test]
fn a_nonce_is_good_for_its_time_its_realm_its_call_id_and_its_source() {
    let mut guard = Guard::new(KEY);
    let challenge = guard.challenge(bearer(), false, NOW, 1);
    let nonce = nonce_of(&challenge[1]);
    let value = authorization(Algorithm::Md5, nonce, "00000001", "secret");
    let life = limits::NONCE.as_millis() as u64;
    let other = Bearer {
        call_id: "c2@phone",
        ..bearer()
    };
    let elsewhere = Bearer {
        source: IpAddr::from([192, 0, 2, 2]),
        ..bearer()
    };
    let mut check = |bearer: Bearer<'_>, now: u64| judge(&mut guard, &value, bearer, now);
    assert_eq!(check(other, NOW), Err(Denied::Stale));
    assert_eq!(check(elsewhere, NOW), Err(Denied::Stale));
    assert_eq!(check(bearer(), NOW + life + 1), Err(Denied::Stale));
    assert_eq!(check(bearer(), NOW - 1), Err(Denied::Stale));
    assert_eq!(check(bearer(), NOW + life), Ok(()));
    assert_eq!(
        judge(&mut Guard::new([8; 32]), &value, bearer(), NOW),
        Err(Denied::Stale)
    );
    assert_eq!(Nonce::read("", &KEY, bearer()), None);
}

#[test]
fn the_response_is_bound_to_the_method() {
    let mut guard = Guard::new(KEY);
    let challenge = guard.challenge(bearer(), false, NOW, 1);
    let value = authorization(
        Algorithm::Md5,
        nonce_of(&challenge[0]),
        "00000001",
        "secret",
    );
    let invite = Bearer {
        method: "INVITE",
        ..bearer()
    };
    assert_eq!(judge(&mut guard, &value, invite, NOW), Err(Denied::Wrong));
}

#[test]
fn a_challenge_offers_both_algorithms_and_says_when_it_is_for_staleness() {
    let guard = Guard::new(KEY);
    let [first, second] = guard.challenge(bearer(), true, NOW, 1);
    assert!(first.contains("algorithm=SHA-256,qop=\"auth\",stale=true"));
    assert!(second.contains("algorithm=MD5,qop=\"auth\",stale=true"));
    assert_eq!(nonce_of(&first), nonce_of(&second));
    let [other, _] = guard.challenge(bearer(), true, NOW, 2);
    assert_ne!(nonce_of(&first), nonce_of(&other));
}

#[test]
fn counts_may_come_late_but_never_twice() {
    let mut replays = Replays::new(limits::NONCES);
    let nonce = Nonce {
        unix_ms: NOW,
        random: 1,
    };
    let rows = [
        (0, false),
        (1, true),
        (3, true),
        (2, true),
        (2, false),
        (100, true),
        (37, true),
        (36, false),
        (37, false),
        (u32::MAX, true),
        (u32::MAX, false),
        (100, false),
    ];
    for (count, admitted) in rows {
        assert_eq!(replays.admit(nonce, count, NOW), admitted, "{count}");
    }
}

#[test]
fn a_full_table_of_nonces_forgets_the_oldest_for_good() {
    let mut replays = Replays::new(limits::NONCES);
    let nonce = |random| Nonce {
        unix_ms: NOW,
        random,
    };
    for random in 0..=limits::NONCES as u32 {
        assert!(replays.admit(nonce(random), 1, NOW));
    }
    assert_eq!(replays.len(), limits::NONCES);
    assert!(!replays.admit(nonce(0), 2, NOW), "used up");
    assert!(replays.admit(nonce(1), 2, NOW));
    let later = NOW + limits::NONCE.as_millis() as u64 + 1;
    let young = Nonce {
        unix_ms: later,
        random: 0,
    };
    assert!(replays.admit(young, 1, later));
    assert_eq!(replays.len(), 1, "old ones leave by themselves");
}

#[test]
fn credentials_keep_the_uri_as_it_stands() {
    let value = "digest username=\"a\\\"b\",realm=\"r\",nonce=\"n\",uri=\"sip:x@y;a=%41,\\b\", \
                 response=ABC, cnonce=\"\", qop=\"auth\" , nc=0000000A,opaque=\"\", x=y";
    let credentials = Credentials::parse(value).unwrap();
    assert_eq!(credentials.username, "a\"b");
    assert_eq!(credentials.uri, "sip:x@y;a=%41,\\b");
    assert_eq!(credentials.response, "abc");
    assert_eq!(credentials.count, 10);
    assert!(!format!("{credentials:?}").contains("abc"));
}

#[test]
fn broken_credentials_are_named() {
    let good = authorization(Algorithm::Md5, "n", "00000001", "secret");
    let check = |from: &str, to: &str, why: &str| {
        let value = good.replacen(from, to, 1);
        assert_ne!(value, good);
        assert_eq!(Credentials::parse(&value).unwrap_err(), why, "{value}");
    };
    check("Digest", "Basic", "not digest");
    check("Digest ", "", "not digest");
    check("username=", "name=", "no username");
    check("realm=", "r=", "no realm");
    check("nonce=", "n=", "no nonce");
    check("uri=", "u=", "no uri");
    check("response=", "r=", "no response");
    check("nc=00000001", "nd=1", "no nc");
    check("nc=00000001", "nc=+1", "nc is no hex number");
    check("nc=00000001", "nc=100000000", "nc is no hex number");
    check("qop=auth", "qop=auth-int", "a qop that was not offered");
    check("=MD5", "=SHA-512-256", "an algorithm that was not offered");
    check("=MD5", "=MD5 x", "text after a parameter");
    check("realm=", "nonce=", "parameter there twice");
    check("qop=auth", "qop", "parameter without a value");
    check("\"abc\", qop", "\"abc, qop", "unbalanced quote");
    check(
        "cnonce=\"abc\",",
        "cnonce=\"abc\",,",
        "parameter without a name",
    );
    let long = format!("uri=\"{}\"", "x".repeat(limits::URI));
    check("uri=\"sip:acme.example\"", &long, "parameter too long");
}

proptest::proptest! {
    #[test]
    fn whatever_is_written_there_is_read_or_named(
        value in "(Digest )?[a-z\"\\\\=, ]{0,60}\\PC{0,20}"
    ) {
        let _ = Credentials::parse(&value);
        let _ = Challenge::choose([value.as_str()]);
    }

    #[test]
    fn nothing_that_is_made_up_is_accepted(
        texts in proptest::array::uniform6("\"([^\"\\\\]|\\\\.){0,20}\""),
        algorithm in "MD5|SHA-256",
        nc in "[0-9a-fA-F]{1,8}",
    ) {
        let names = ["username", "realm", "nonce", "uri", "response", "cnonce"];
        let parts = names.iter().zip(&texts).map(|(name, text)| format!("{name}={text},"));
        let parts: Vec<_> = parts.collect();
        let value = format!("Digest {} qop=auth,nc={nc},algorithm={algorithm}", parts.concat());
        let credentials = Credentials::parse(&value).expect("it is well formed");
        let [md5, sha256] = ha1("secret");
        let secrets = Secrets { md5: &md5, sha256: &sha256 };
        let judged = Guard::new(KEY).verify(&credentials, bearer(), Some(secrets), NOW);
        proptest::prop_assert!(judged.is_err());
    }
}
