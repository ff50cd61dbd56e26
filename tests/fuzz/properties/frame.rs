//! However a stream is cut, its messages are the same, and the parser sees their end where the framer
//! does. The first octet of the input says into parts of which size it is cut.

use sip::wire::{Frame, FrameError, Framer, parse};

/// All frames of a stream that comes in parts of that size, and how it ends.
fn frames(stream: &[u8], size: usize) -> (Vec<Frame>, Option<FrameError>) {
    let (mut framer, mut frames) = (Framer::new(), Vec::new());
    for part in stream.chunks(size) {
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

/// Panics if that does not hold.
pub(crate) fn check(input: &[u8]) {
    let Some((size, stream)) = input.split_first() else {
        return;
    };
    let at_once = frames(stream, stream.len().max(1));
    let in_parts = frames(stream, usize::from(*size).max(1));
    assert_eq!(at_once, in_parts, "the cut of the stream matters");
    for frame in at_once.0 {
        if let Frame::Message(bytes) = frame
            && let Ok(message) = parse(&bytes)
        {
            assert!(bytes.ends_with(message.body()), "two ends of a body");
        }
    }
}
