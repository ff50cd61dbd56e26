//! What we answer when we are challenged: held against the examples of the RFCs and our own guard.

use super::{KEY, NOW, bearer, ha1};
use crate::digest::{Challenge, Credentials, Denied, Guard, Login, Secrets};

fn login(username: &str, password: &str) -> Login {
    Login {
        username: username.to_owned(),
        password: password.to_owned(),
    }
}

#[test]
fn what_we_answer_is_what_our_guard_expects() {
    let [md5, sha256] = ha1("secret");
    let secrets = Secrets {
        md5: &md5,
        sha256: &sha256,
    };
    let mut guard = Guard::new(KEY);
    let challenges = guard.challenge(bearer(), false, NOW, 1);
    for (which, name) in [(0, "algorithm=SHA-256"), (1, "algorithm=MD5")] {
        let from = challenges[which..].iter().map(String::as_str);
        let mut challenge = Challenge::choose(from).unwrap();
        let mut judge = |password, random| {
            let login = login("1001", password);
            let value = challenge.answer(&login, "REGISTER", "sip:acme.example", random);
            assert!(value.contains(name), "{value}");
            let credentials = Credentials::parse(&value).unwrap();
            guard.verify(&credentials, bearer(), Some(secrets), NOW)
        };
        assert_eq!(judge("guess", 1), Err(Denied::Wrong));
        // Each answer to the same challenge has its own count; both algorithms share the nonce.
        let again = if which == 0 {
            Ok(())
        } else {
            Err(Denied::Stale)
        };
        assert_eq!(judge("secret", 2), again);
        if which == 0 {
            assert_eq!(judge("secret", 3), Ok(()));
        }
    }
}

#[test]
fn a_challenger_of_rfc_2069_is_answered_without_qop() {
    // RFC 2069 §2.4, as corrected by its erratum 749.
    let value = "Digest realm=\"testrealm@host.com\", \
                 nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                 opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let mut challenge = Challenge::choose([value]).unwrap();
    let login = login("Mufasa", "CircleOfLife");
    let answer = challenge.answer(&login, "GET", "/dir/index.html", 1);
    assert!(
        answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""),
        "{answer}"
    );
    assert!(answer.ends_with("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""));
    assert!(!answer.contains("qop") && !answer.contains("nc="));
}

#[test]
fn the_first_challenge_that_can_be_answered_is() {
    let check = |values: &[&str], chosen: Option<&str>| {
        let challenge = Challenge::choose(values.iter().copied());
        let answer = challenge.map(|mut one| one.answer(&login("1", "2"), "A", "b", 3));
        assert_eq!(answer.is_some(), chosen.is_some(), "{values:?}");
        if let Some((answer, nonce)) = answer.zip(chosen) {
            assert!(answer.contains(&format!("nonce=\"{nonce}\"")), "{answer}");
        }
    };
    let (best, good) = (
        "Digest realm=\"a\",nonce=\"1\",algorithm=SHA-256,qop=\"auth-int, auth\"",
        "Digest realm=\"a\",nonce=\"2\",algorithm=md5,qop=\"auth\"",
    );
    check(&[best, good], Some("1"));
    check(&[good, best], Some("2"));
    let unknown = "Digest realm=\"a\",nonce=\"3\",algorithm=SHA-512-256,qop=\"auth\"";
    check(&["Basic realm=\"a\"", unknown, good], Some("2"));
    let integrity = "Digest realm=\"a\",nonce=\"4\",qop=\"auth-int\"";
    check(&[integrity, "Digest realm=\"a\"", "", unknown], None);
}

#[test]
fn a_name_with_quotes_cannot_end_its_string() {
    let mut guard = Guard::new(KEY);
    let challenges = guard.challenge(bearer(), true, NOW, 1);
    let mut challenge = Challenge::choose(challenges.iter().map(String::as_str)).unwrap();
    assert!(challenge.stale);
    let login = login("a\",realm=\"b\\", "secret");
    let value = challenge.answer(&login, "REGISTER", "sip:acme.example", 9);
    let credentials = Credentials::parse(&value).unwrap();
    assert_eq!(credentials.username, login.username);
    assert_eq!(credentials.realm, "acme.example");
    assert_eq!(format!("{login:?}"), "Login");
    let judged = guard.verify(&credentials, bearer(), None, NOW);
    assert_eq!(judged, Err(Denied::Wrong));
}

#[test]
fn each_status_has_its_headers() {
    assert_eq!(
        Challenge::headers(401),
        Some(("WWW-Authenticate", "Authorization"))
    );
    assert_eq!(
        Challenge::headers(407),
        Some(("Proxy-Authenticate", "Proxy-Authorization"))
    );
    assert_eq!(Challenge::headers(403), None);
}
