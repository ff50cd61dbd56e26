//! The torture corpus: what every odd message leads to, in the parser and in the endpoint.
//!
//! One row per case of RFC 4475 and RFC 5118. Its message of our own writing is in `tests/corpus`;
//! the messages of RFC 4475 are read too when `RFC4475_DIR` names a folder with the 49 `.dat` files.
//! What the accepted ones of ours mean is in `tests/corpus/meanings.txt`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use sip::wire::{self, Message};
use sip::{Config, Endpoint, Event, Flow, Input, Output, Transport};

use crate::meaning;

/// What a message leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Accepted, and a call.
    Call,
    /// Accepted; the endpoint answers with this status.
    Answered(u16),
    /// Accepted; nothing of ours matches it.
    Ignored,
    /// Refused by the parser with this status.
    Refused(u16),
    /// Refused by the parser, and not answered.
    Dropped,
}

use Outcome::{Answered, Call, Dropped, Ignored, Refused};

/// RFC 4475 §3.1.1: unusual and valid.
const VALID: [(&str, &str, Outcome); 13] = [
    // To has a tag that is none of ours.
    ("wsinv", "folded-compact-blanks", Answered(481)),
    ("intmeth", "odd-characters", Answered(501)),
    ("esc01", "escaped-uris", Call),
    ("escnull", "escaped-nul", Answered(405)),
    ("esc02", "percent-in-names", Answered(501)),
    ("lwsdisp", "no-blank-before-bracket", Answered(200)),
    ("longreq", "long-values", Call),
    ("dblreq", "second-request-after-first", Answered(405)),
    ("semiuri", "semicolon-in-user", Answered(200)),
    ("transports", "transports", Answered(200)),
    ("mpart01", "binary-body", Answered(405)),
    ("unreason", "unusual-reason", Ignored),
    ("noreason", "empty-reason", Ignored),
];

/// RFC 4475 §3.1.2: invalid.
const INVALID: [(&str, &str, Outcome); 19] = [
    ("badinv01", "separators-without-parameters", Refused(400)),
    ("clerr", "length-beyond-body", Refused(400)),
    ("ncl", "length-negative", Refused(400)),
    ("scalar02", "numbers-too-large", Refused(400)),
    ("scalarlg", "numbers-too-large-in-response", Dropped),
    ("quotbal", "unbalanced-quote", Refused(400)),
    ("ltgtruri", "bracketed-request-uri", Refused(400)),
    ("lwsruri", "blank-in-request-uri", Refused(400)),
    ("lwsstart", "two-blanks-in-start-line", Refused(400)),
    ("trws", "blank-after-version", Refused(400)),
    ("escruri", "headers-in-request-uri", Refused(400)),
    ("baddate", "date-not-in-gmt", Refused(400)),
    ("regbadct", "contact-with-bare-headers", Refused(400)),
    ("badaspec", "blank-inside-brackets", Refused(400)),
    ("baddn", "comma-in-bare-name", Refused(400)),
    ("badvers", "version-seven", Refused(505)),
    ("mismatch01", "cseq-of-another-method", Refused(400)),
    ("mismatch02", "cseq-of-another-method-unknown", Refused(400)),
    ("bigcode", "status-too-large", Dropped),
];

/// RFC 4475 §3.2 to §3.4: well formed (or nearly), and for the layers above to judge.
const APPLICATION: [(&str, &str, Outcome); 17] = [
    ("badbranch", "branch-of-cookie-alone", Answered(200)),
    ("insuf", "no-from-to-call-id", Refused(400)),
    ("unkscm", "request-uri-of-unknown-scheme", Answered(416)),
    (
        "novelsc",
        "request-uri-of-known-scheme-not-sip",
        Answered(416),
    ),
    ("unksm2", "addresses-of-unknown-schemes", Answered(405)),
    ("bext01", "require-unknown", Answered(420)),
    ("invut", "body-of-unknown-type", Answered(415)),
    ("regaut01", "authorization-of-unknown-scheme", Answered(405)),
    ("multi01", "single-headers-twice", Refused(400)),
    ("mcl01", "two-lengths", Refused(400)),
    ("bcast", "response-with-foreign-via", Ignored),
    // Max-Forwards is checked by whoever forwards. RFC 3261 §16.3.
    ("zeromf", "max-forwards-zero", Answered(200)),
    ("cparam01", "contact-parameter-outside", Answered(405)),
    ("cparam02", "contact-parameter-inside", Answered(405)),
    ("regescrt", "contact-with-escaped-headers", Answered(405)),
    ("sdp01", "accept-without-sdp", Call),
    // No Contact, which RFC 3261 §8.1.1.8 demands: nowhere to send a BYE.
    ("inv2543", "rfc-2543", Answered(400)),
];

/// RFC 5118 §4.1 to §4.10, in its order; §4.5 has two messages.
const IPV6: [(&str, Outcome); 11] = [
    ("ipv6-register", Answered(405)),
    ("ipv6-without-brackets", Refused(400)),
    // Its port is of the address: the host is 2001:db8::10:5070.
    ("ipv6-port-inside-brackets", Answered(200)),
    ("ipv6-port-outside-brackets", Answered(200)),
    ("ipv6-received-in-brackets", Answered(200)),
    ("ipv6-received-bare", Answered(200)),
    ("ipv6-in-sdp", Call),
    // To has a tag that is none of ours.
    ("ipv6-and-ipv4-in-headers", Answered(481)),
    ("ipv6-and-ipv4-in-sdp", Call),
    ("ipv6-mapped-ipv4", Call),
    // RFC 3261's grammar had one colon too many; RFC 5954 §4.1 mends it.
    ("ipv6-three-colons", Answered(200)),
];

/// Cases of our own.
const FURTHER: [(&str, Outcome); 8] = [
    ("ipv6-everywhere", Call),
    ("tel-uris", Call),
    ("latin-1-name", Call),
    ("ack-broken", Dropped),
    ("line-feeds-alone", Refused(400)),
    ("nul-in-subject", Refused(400)),
    ("keep-alive", Dropped),
    ("not-sip", Dropped),
];

#[test]
fn own_messages_lead_where_they_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    check_folder(&folder, "sip", &own_rows());
}

#[test]
fn own_messages_that_are_accepted_mean_what_they_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let mut meanings = String::new();
    for (name, outcome) in own_rows() {
        if matches!(outcome, Refused(_) | Dropped) {
            continue;
        }
        let bytes = std::fs::read(folder.join(name).with_extension("sip")).expect("it is there");
        let message = wire::parse(&Bytes::from(bytes)).expect("it is accepted");
        meanings.push_str(&meaning::told(name, &message));
    }
    expect_test::expect_file!["../../../../tests/corpus/meanings.txt"].assert_eq(&meanings);
}

#[test]
fn rfc_4475_messages_lead_where_they_must() {
    let Some(folder) = std::env::var_os("RFC4475_DIR").map(PathBuf::from) else {
        println!("skipped: RFC4475_DIR is not set");
        return;
    };
    let rows: Vec<(&str, Outcome)> = rfc_rows().map(|(rfc, _, outcome)| (rfc, outcome)).collect();
    check_folder(&folder, "dat", &rows);
}

fn own_rows() -> Vec<(&'static str, Outcome)> {
    let rows = rfc_rows().map(|(_, own, outcome)| (own, outcome));
    rows.chain(IPV6).chain(FURTHER).collect()
}

fn rfc_rows() -> impl Iterator<Item = (&'static str, &'static str, Outcome)> {
    VALID.into_iter().chain(INVALID).chain(APPLICATION)
}

/// Every row against its file, and every file of the folder in a row.
fn check_folder(folder: &Path, extension: &str, rows: &[(&str, Outcome)]) {
    let mut wrong = Vec::new();
    for (name, wanted) in rows {
        let path = folder.join(name).with_extension(extension);
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (outcome, detail) = lead(Bytes::from(bytes));
        if outcome != *wanted {
            wrong.push(format!("{name}: {outcome:?} ({detail}), wanted {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let listed: BTreeSet<String> = rows.iter().map(|(name, _)| (*name).to_owned()).collect();
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            path.extension()
                .is_some_and(|found| found == extension)
                .then_some(name)
        })
        .collect();
    assert_eq!(listed, there, "the table and the folder differ");
}

/// Where a message leads, and why.
fn lead(bytes: Bytes) -> (Outcome, String) {
    let parsed = wire::parse(&bytes);
    let answer = answer(bytes);
    match parsed {
        Err(error) => {
            let detail = error.to_string();
            let answered = error.status().map(|status| Some(Answer::Status(status)));
            assert_eq!(
                answer,
                answered.flatten(),
                "parser and endpoint differ: {detail}"
            );
            (error.status().map_or(Dropped, Refused), detail)
        }
        Ok(message) => {
            let again = wire::parse(&wire::write(&message));
            assert_eq!(again.expect("what was written"), message);
            let detail = match &message {
                Message::Request(request) => request.method().to_string(),
                Message::Response(response) => response.status().to_string(),
            };
            let outcome = match answer {
                Some(Answer::Call) => Call,
                Some(Answer::Status(status)) => Answered(status),
                None => Ignored,
            };
            (outcome, detail)
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Call,
    Status(u16),
}

/// What a fresh endpoint does with a datagram. Its answer must itself be readable, unless the
/// request was not.
fn answer(bytes: Bytes) -> Option<Answer> {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let flow = Flow {
        transport: Transport::Udp,
        local: address("192.0.2.9:5060"),
        remote: address("198.51.100.20:5060"),
        name: None,
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the only way to an Instant; any will do"
    )]
    let now = Instant::now();
    let mut endpoint = Endpoint::new(Config::default(), [4; 32]);
    endpoint.handle_input(now, Input::Packet { flow, bytes });
    let mut status = None;
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Event(Event::Incoming(_)) => return Some(Answer::Call),
            Output::Event(event) => panic!("an event out of nothing: {event:?}"),
            Output::Transmit { bytes, .. } => status = Some(status_of(&bytes)),
        }
    }
    status.map(Answer::Status)
}

fn status_of(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    let line = text.strip_prefix("SIP/2.0 ").expect("a response");
    line[..3].parse().expect("a status")
}
