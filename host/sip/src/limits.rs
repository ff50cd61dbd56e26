//! Every limit of this crate, with its reason.
//!
//! Owns numbers only; where a limit is enforced, a test reaches it.

use std::time::Duration;

/// Octets of one message: what fits one UDP datagram. RFC 3261 §18.1.1.
pub const MESSAGE: usize = 65_535;

/// Octets of a request of ours that goes as a datagram: the network may not carry more in one piece.
/// RFC 3261 §18.1.1.
pub const DATAGRAM: usize = 1_300;

/// Peers of which is known that they take no connection, and for how long it is: it costs each large
/// request to them the time of an attempt.
pub const DEAF: usize = 1_024;

/// See [`DEAF`].
pub const DEAF_FOR: Duration = Duration::from_secs(600);

/// Octets of start line and headers. Real ones have 1 to 3 KiB; RFC 4475's `longreq` has 3.4 KiB.
pub const HEADER_SECTION: usize = 16 * 1024;

/// Header fields of one message, counted after comma-listed Vias are split. A call through seventy
/// proxies (Max-Forwards) still fits.
pub const HEADERS: usize = 128;

/// Octets of one unfolded header value. STIR `Identity` headers reach 2 KiB.
pub const HEADER_VALUE: usize = 8 * 1024;

/// Parts of a body of several. A call has its description and two or three others.
pub const PARTS: usize = 8;

/// Octets of a URI; for a Request-URI above it the answer is 414.
pub const URI: usize = 2 * 1024;

/// Octets of a method name; the longest registered one has nine.
pub const METHOD: usize = 64;

/// Seconds that a session must last without a refresh at least: shorter ones cost more than they
/// find out. RFC 4028 §5.
pub const MIN_SE: u32 = 90;

/// Transactions alive at once in one endpoint, lingering ones included. A call leaves about three
/// that linger for 32 s: at 200 calls/s a shard holds 20,000.
pub const TRANSACTIONS: usize = 100_000;

/// INVITE usages alive at once in one endpoint, lingering ones included.
pub const DIALOGS: usize = 50_000;

/// Forks of one of our INVITEs that may accept it; each one costs an ACK, a BYE and a transaction.
pub const FORKS: usize = 16;

/// Realms on the way to one peer that each want a proof of a request: two proxies and a server, and one
/// more. Each costs a copy of the request.
pub const REALMS: usize = 4;

/// Requests of ours within one call that wait for their answers and are sent once more if they are
/// challenged: each costs a copy of itself. Of one kind there is one at a time, but for PRACK.
pub const PROVABLE: usize = 8;

/// How long a transfer may take, either way: as long as a callee may take to ring and to answer, and a
/// little more. A dialog has at most one that its peer asked for and one that we did.
pub const TRANSFER: Duration = Duration::from_secs(180);

/// How long a nonce may be used: a phone that registers every five minutes is challenged about once
/// each time, which costs it one round trip.
pub const NONCE: Duration = Duration::from_secs(300);

/// Nonces of one shard that were used and may be used again. At 200 authentications a second a shard
/// sees 60,000 in the life of one; 65,536 take 4 MB.
pub const NONCES: usize = 65_536;

/// Targets of one service that are looked for: more are a mistake, and each costs two questions.
pub const DNS_TARGETS: usize = 8;

/// Addresses of one kind that one target may have.
pub const DNS_ADDRESSES: usize = 4;

/// The shortest time in seconds after which a name is asked for again, whatever its zone says; also that
/// of a name that leads nowhere.
pub const DNS_TTL_SHORTEST: u32 = 30;

/// The longest one.
pub const DNS_TTL_LONGEST: u32 = 3_600;
