//! What it costs to read and to write a SIP message, in time and in allocations, beside rsip's own
//! parser and printer in the same run; and what a whole call costs the endpoint that answers it.
//!
//! The two do not do the same work, so rsip is measured twice: as it comes (lines into strings), and
//! with the headers read that ours reads and checks in any case. This is the one place where rsip's
//! wire code runs. Time is the median of many rounds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use bytes::Bytes;
use rsip::headers::ToTypedHeader;
use rsip::message::HeadersExt;
use sip::wire::{self, Message};

#[path = "codec/endpoint.rs"]
mod endpoint;
#[path = "../../xtask/src/bench/figure.rs"]
mod figure;

use figure::{Aim, Figure, now, percentile};

/// Messages per round, and rounds.
const ROUND: u32 = 200;
const ROUNDS: usize = 300;

/// What both sides of a call write at its begin: one Via, one Record-Route, headers as telephones
/// send them, G.711 and telephone events.
const INVITE: &str = "INVITE sip:2001@192.0.2.10:5060 SIP/2.0\r
Via: SIP/2.0/UDP 198.51.100.7:5060;rport;branch=z9hG4bK-524287-1---8f3c61b2a5d07e44\r
Record-Route: <sip:198.51.100.1;lr>\r
Max-Forwards: 69\r
Contact: <sip:1001@198.51.100.7:5060;transport=udp>\r
To: <sip:2001@acme.example>\r
From: \"Alice Example\" <sip:1001@acme.example>;tag=4fa3b2c1\r
Call-ID: 3848276298220188511@198.51.100.7\r
CSeq: 1 INVITE\r
Session-Expires: 1800;refresher=uac\r
Min-SE: 90\r
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r
Supported: replaces, norefersub, timer, 100rel\r
User-Agent: ExamplePhone T46 66.85.0.15\r
P-Asserted-Identity: \"Alice Example\" <sip:1001@acme.example>\r
Allow-Events: hold, talk, conference, refer, dialog\r
Content-Type: application/sdp\r
Content-Length: 280\r
\r
";

const OK: &str = "SIP/2.0 200 OK\r
Via: SIP/2.0/UDP 198.51.100.7:5060;rport=5060;received=198.51.100.7;branch=z9hG4bK-524287-1---8f3c\r
Record-Route: <sip:198.51.100.1;lr>\r
Contact: <sip:3001@203.0.113.9:5060;transport=udp>\r
To: <sip:2001@acme.example>;tag=9b1e77d0\r
From: \"Alice Example\" <sip:1001@acme.example>;tag=4fa3b2c1\r
Call-ID: 3848276298220188511@198.51.100.7\r
CSeq: 1 INVITE\r
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r
Supported: replaces, timer\r
User-Agent: ExamplePhone T46 66.85.0.15\r
Content-Type: application/sdp\r
Content-Length: 280\r
\r
";

const SDP: &str = "v=0\r
o=- 20518 20518 IN IP4 198.51.100.7\r
s=SDP data\r
c=IN IP4 198.51.100.7\r
t=0 0\r
m=audio 11780 RTP/AVP 0 8 9 18 101\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:9 G722/8000\r
a=rtpmap:18 G729/8000\r
a=fmtp:18 annexb=no\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=ptime:20\r
a=sendrecv\r
";

fn main() {
    for (group, head) in [("INVITE", INVITE), ("200 to INVITE", OK)] {
        let (head, _) = head.rsplit_once("Content-Length").expect("the text has it");
        let text = format!("{head}Content-Length: {}\r\n\r\n{SDP}", SDP.len());
        measure(&format!("{group}, {} octets", text.len()), &text.into());
    }
    endpoint::measure();
}

fn measure(group: &str, bytes: &Bytes) {
    let ours = wire::parse(bytes).expect("a good message");
    let theirs = rsip::SipMessage::try_from(&bytes[..]).expect("a good message");
    assert_eq!(wire::write(&ours).len(), bytes.len(), "nothing is lost");

    let note = "Via, From, To, CSeq, Call-ID read; lines, lengths, Contact … checked";
    let parse = told(group, "parse, ours", note, || wire::parse(bytes));
    let note = "header lines into strings";
    let plain = told(group, "parse, rsip", note, || rsip_parse(bytes));
    let note = "and Via, From, To, CSeq, Contact typed";
    let typed = told(group, "parse, rsip typed", note, || rsip_typed(bytes));
    let note = "Content-Length computed";
    let write = told(group, "write, ours", note, || wire::write(&ours));
    let printed = told(group, "write, rsip", "", || theirs.to_string());
    if let Message::Request(request) = &ours {
        let note = "written from the request's headers";
        told(group, "answer 180, ours", note, || {
            request.respond(180, Some("9b1e77d0")).build()
        });
    }
    let ratio = |name, ratio| Figure::new(group, name, ratio, "");
    ratio("parse, ours to rsip", parse / plain)
        .aim(Aim::AtMost(0.25))
        .print();
    ratio("parse, ours to rsip typed", parse / typed).print();
    ratio("write, ours to rsip", write / printed)
        .aim(Aim::AtMost(0.5))
        .print();
}

fn rsip_parse(bytes: &Bytes) -> Result<rsip::SipMessage, rsip::Error> {
    rsip::SipMessage::try_from(&bytes[..])
}

/// What must be read before a message can be routed.
fn rsip_typed(bytes: &Bytes) -> Result<rsip::SipMessage, rsip::Error> {
    let message = rsip_parse(bytes)?;
    black_box(message.via_header()?.typed()?);
    black_box(message.from_header()?.typed()?);
    black_box(message.to_header()?.typed()?);
    black_box(message.cseq_header()?.typed()?);
    black_box(message.contact_header()?.typed()?);
    Ok(message)
}

/// Measures and tells; nanoseconds. What the work returns is dropped within its time.
fn told<T>(group: &str, name: &str, note: &str, mut work: impl FnMut() -> T) -> f64 {
    let before = allocated();
    drop(black_box(work()));
    let after = allocated();
    let (allocations, octets) = (after.0 - before.0, after.1 - before.1);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = now();
            for _ in 0..ROUND {
                drop(black_box(work()));
            }
            begin.elapsed().as_nanos() as f64 / f64::from(ROUND)
        })
        .collect();
    let nanoseconds = percentile(&mut rounds, 0.5);
    let separator = if note.is_empty() { "" } else { "; " };
    Figure::new(group, name, nanoseconds, "ns")
        .note(format!("{octets} octets allocated{separator}{note}"))
        .print();
    let name = format!("{name}: allocations");
    Figure::new(group, &name, allocations as f64, "").print();
    nanoseconds
}

/// The system's allocator, which counts what is asked of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static OCTETS: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has allocated, and how many octets.
fn allocated() -> (u64, u64) {
    (ALLOCATIONS.get(), OCTETS.get())
}

fn count(size: usize) {
    // A thread that is ending has no counter any more; nobody reads it either.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = OCTETS.try_with(|count| count.set(count.get() + size as u64));
}

// SAFETY: every call is handed on unchanged to the system's allocator, whose contract is the one
// that the caller keeps. Counting touches thread-locals without destructors and never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: `block` came from `System`, and the caller's promises are handed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `System` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
