//! Facts about the framer: what it cuts, what it refuses, and that it cannot matter how the stream was
//! cut before.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn message(body: &str) -> String {
    let announced = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    invite_with("Content-Length: 5\r\n\r\nv=0\r\n", &announced)
}

/// All frames of a stream that comes in these parts, and how it ends.
fn frames<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<FrameError>) {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for part in parts {
        framer.push(part);
        loop {
            match framer.poll() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fn of(text: &str) -> (Vec<Frame>, Option<FrameError>) {
    frames([text.as_bytes()])
}

fn framed(text: &str) -> Frame {
    Frame::Message(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn messages_are_cut_by_their_content_length() {
    let (first, second) = (message("v=0\r\n"), message(""));
    let stream = format!("{first}{second}{first}");
    let cut = vec![framed(&first), framed(&second), framed(&first)];
    assert_eq!(of(&stream), (cut, None));
}

#[test]
fn the_compact_and_the_folded_content_length_count() {
    for spelled in [
        "l: 5",
        "L :5",
        "Content-Length:\r\n 5",
        "content-length:  5  ",
    ] {
        let text = invite_with("Content-Length: 5", spelled);
        assert_eq!(of(&text), (vec![framed(&text)], None), "{spelled}");
        assert_eq!(&request(text).body()[..], b"v=0\r\n", "{spelled}");
    }
}

#[test]
fn a_double_line_end_between_messages_is_a_keep_alive_and_a_single_one_is_nothing() {
    let text = message("");
    let stream = format!("\r\n\r\n{text}\r\n{text}\r\n\r\n\r\n\r\n\r\n{text}\r\n");
    let message = framed(&text);
    let (first, ping) = (message.clone(), Frame::Ping);
    let cut = vec![
        ping.clone(),
        first,
        message.clone(),
        ping.clone(),
        ping,
        message,
    ];
    assert_eq!(of(&stream), (cut, None));
}

#[test]
fn what_cannot_be_framed_ends_the_stream() {
    let twice = "Content-Length: 5\r\nl: 6";
    let rows = [
        (
            invite_with("Content-Length: 5\r\n", ""),
            FrameError::NoLength,
        ),
        (
            invite_with("Content-Length: 5", twice),
            FrameError::BadLength,
        ),
        (
            invite_with("Length: 5", "Length: -5"),
            FrameError::BadLength,
        ),
        (
            invite_with("Length: 5", "Length: 5\r\n 5"),
            FrameError::BadLength,
        ),
        (
            invite_with("Length: 5", "Length: 4294967295"),
            FrameError::TooLarge("message"),
        ),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), FrameError::NoLength),
        // A STUN binding request, a TLS client hello, a line end alone.
        ("\0\u{1}\0\0".to_owned(), FrameError::Garbage),
        ("\u{16}\u{3}\u{1}".to_owned(), FrameError::Garbage),
        ("\nINVITE".to_owned(), FrameError::Garbage),
    ];
    for (text, error) in rows {
        assert_eq!(of(&text), (vec![], Some(error)), "{text}");
    }
}

#[test]
fn after_an_error_there_is_nothing_but_the_error() {
    let mut framer = Framer::new();
    framer.push(b"\0");
    assert_eq!(framer.poll(), Err(FrameError::Garbage));
    framer.push(message("").as_bytes());
    assert_eq!(framer.poll(), Err(FrameError::Garbage));
}

#[test]
fn header_section_and_message_have_their_limits() {
    let fill = |octets: usize| {
        let text = message("");
        let rest = octets - text.len() - "X: \r\n".len();
        text.replacen("\r\n", &format!("\r\nX: {}\r\n", "x".repeat(rest)), 1)
    };
    let most = crate::limits::HEADER_SECTION;
    assert_eq!(of(&fill(most)).1, None);
    assert_eq!(
        of(&fill(most + 1)).1,
        Some(FrameError::TooLarge("header section"))
    );
    // Also if its end never comes.
    let endless = "x".repeat(most + 1);
    assert_eq!(of(&endless).1, Some(FrameError::TooLarge("header section")));
    let body = |octets: usize| "x".repeat(octets - message("").len() - "65000".len() + "0".len());
    let most = crate::limits::MESSAGE;
    assert_eq!(of(&message(&body(most))).0.len(), 1);
    assert_eq!(
        of(&message(&body(most + 1))).1,
        Some(FrameError::TooLarge("message"))
    );
}

#[test]
fn a_message_that_has_begun_is_amid() {
    let mut framer = Framer::new();
    assert!(!framer.is_amid());
    framer.push(b"\r\n");
    assert!(!framer.is_amid());
    framer.push(b"OPTIONS");
    assert!(framer.is_amid());
}

/// Pieces of streams, whole and broken.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z\r\n]{0,40}".prop_map(|body| message(&body).into_bytes()),
        2 => Just(b"\r\n\r\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => vec(any::<u8>(), 0..20),
        1 => "(\r\n|Content-Length: [0-9]{0,3}|l:|[A-Z ]{1,9}){0,9}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_frames(
        pieces in vec(piece(), 0..6),
        cuts in vec(1_usize..80, 0..200),
    ) {
        let stream = pieces.concat();
        let at_once = frames([&stream[..]]);
        let mut parts = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts {
            let (part, more) = rest.split_at(cut.min(rest.len()));
            parts.push(part);
            rest = more;
        }
        parts.push(rest);
        prop_assert_eq!(&frames(parts), &at_once);
        let octets = stream.iter().map(std::slice::from_ref);
        prop_assert_eq!(&frames(octets), &at_once);
    }

    /// The parser sees the end of a body where the framer does.
    #[test]
    fn a_frame_that_is_a_message_has_nothing_after_its_body(pieces in vec(piece(), 0..6)) {
        for frame in frames([&pieces.concat()[..]]).0 {
            if let Frame::Message(bytes) = frame && let Ok(message) = parse(&bytes) {
                let end = bytes.len() - message.body().len();
                prop_assert_eq!(message.body(), &bytes[end..]);
                prop_assert!(bytes[..end].ends_with(b"\r\n\r\n"));
            }
        }
    }
}
