//! Every limit of the nouns, with its reason. Limits of SIP and media live in their crates.

use std::time::Duration;

/// Octets of an address (`types.wit`): longer ones are attacks, not telephone numbers.
pub const ADDRESS: usize = 512;
/// Octets of a call's user data: it is copied into every CDR row.
pub const USER_DATA: usize = 1024;
/// Octets of a session's state: it is copied into every turn.
pub const STATE: usize = 16 * 1024;
/// Lines that one turn may log.
pub const LOG_LINES: usize = 64;
/// Octets of one log line.
pub const LOG_LINE: usize = 1024;
/// Octets of a store key.
pub const STORE_KEY: usize = 256;
/// Octets of a store value.
pub const STORE_VALUE: usize = 64 * 1024;
/// Keys that one turn may read or write: each is a row of its transaction.
pub const STORE_KEYS: usize = 64;
/// Octets of a request's JSON body.
pub const REQUEST_BODY: usize = 64 * 1024;
/// Calls of one session that are not released.
pub const SESSION_CALLS: usize = 32;
/// Calls of one session in all: a policy that redials for ever is a mistake, and each call is a row.
pub const SESSION_CALLS_EVER: usize = 256;
/// Timers of one session.
pub const SESSION_TIMERS: usize = 32;
/// Octets of a timer's name.
pub const TIMER_NAME: usize = 64;
/// The shortest timer; a shorter one takes this long: a policy that starts itself anew for ever costs
/// its shard ten turns a second.
pub const TIMER_SHORTEST: Duration = Duration::from_millis(100);
/// The longest timer: one day. A policy that waits longer keeps the time in the store.
pub const TIMER_LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Policy events that wait while a turn is out.
pub const QUEUED_EVENTS: usize = 64;
/// Digits of one party among them: a telephone number, the longest that anybody keys without waiting.
pub const QUEUED_DIGITS: usize = 32;
/// Prompts, tones and silences of one play: an announcement of a number, digit by digit, has fewer.
pub const PLAY_FILES: usize = 32;
/// The longest silence between prompts: one hour. Who is silent for longer repeats it.
pub const SILENCE_LONGEST: Duration = Duration::from_secs(3_600);
/// Digits of one collection: more than any number, account or card has.
pub const COLLECTED_DIGITS: usize = 64;
/// Digits that one command sends: a number and an extension, with room.
pub const SENT_DIGITS: usize = 32;
/// Plays, recordings and collections of one call in all: a policy that starts another one whenever one
/// ends is a mistake, and each costs a turn. Two and a half hours of one a second.
pub const CALL_OPERATIONS: u32 = 10_000;
/// Plays into conferences and recordings of them that one session begins in all, for the same reason.
pub const SESSION_OPERATIONS: u32 = CALL_OPERATIONS;
/// Ends of these that wait for the policy: of each of a session's calls some that run, and as many that
/// took their place.
pub const QUEUED_COMPLETIONS: usize = 256;
/// How long after a digit that came as RTP one that comes by INFO is its copy, or the other way round: two
/// lost datagrams are repeated within it.
pub const DIGIT_COPY: Duration = Duration::from_secs(2);
/// How long after a digit that came by INFO it may begin to come as RTP too, which a bridge carries: the
/// time that the one and the other take through a network, and then some; nobody waits for it noticeably.
pub const DIGIT_RELAY: Duration = Duration::from_millis(200);
/// Headers that a policy may set on one INVITE, and octets of one of them.
pub const SET_HEADERS: usize = 16;
/// Octets of a header value that a policy sets.
pub const SET_HEADER_VALUE: usize = 512;
/// Entries of one session's trace; later ones are counted only.
pub const TRACE_ENTRIES: usize = 512;
/// Decisions of one turn that a trace shows; a turn may take as many as it may call the host.
pub const TRACE_DECISIONS: usize = 32;
/// Characters of one text in a trace: of a decision, a note, a message's line or a party's number.
pub const TRACE_TEXT: usize = 160;

/// How long an inbound call may wait for its policy to answer, ring out included.
pub const OFFER_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a callee may ring if the policy does not say.
pub const RING_LONGEST: Duration = Duration::from_secs(120);
/// How long a callee may take to its first 18x (100 is none) before the call fails with 408.
pub const SETUP_LONGEST: Duration = Duration::from_secs(32);
/// Characters of a telephone number or of the user of a phone.
pub const TELNUM: usize = 64;
/// Rules of a trunk for one kind of number: a numbering plan has a dozen kinds.
pub const REWRITE_RULES: usize = 32;
/// Digits that a rule looks for, or puts in: a country code, an area code and an access code.
pub const REWRITE_DIGITS: usize = 24;
/// Names in one list of headers of a trunk.
pub const HEADER_NAMES: usize = 16;
/// Octets of a header's name.
pub const HEADER_NAME: usize = 64;
/// Headers that one INVITE takes over from the call that led to it: twice as many as a list has names,
/// since some come several times.
pub const PASSED_HEADERS: usize = 32;
/// Octets of the value of one of them: what proves a caller (RFC 8224) has about 1,000.
pub const PASSED_HEADER_VALUE: usize = 2 * 1024;
/// Octets of a domain name. RFC 1035 §2.3.4.
pub const DOMAIN: usize = 253;
/// Gateways of one trunk beside its first: a call may be tried at all of them.
pub const GATEWAYS: usize = 15;
/// The longest time for which a gateway that answers 503 may ask to be left alone: longer ones are
/// mistakes, and nobody would know why a trunk is dead.
pub const RETRY_AFTER_LONGEST: Duration = Duration::from_secs(300);
/// How long a gateway that said nothing is tried after all others of its trunk.
pub const GATEWAY_SUSPECT: Duration = Duration::from_secs(30);
/// Seconds between two checks of a gateway at least: each costs it a message.
pub const PROBE_SHORTEST: u32 = 5;
/// Seconds between two checks of a gateway at most: a rarer check finds out nothing.
pub const PROBE_LONGEST: u32 = 3_600;
/// Checks that fail in a row until a gateway is down: one datagram may be lost, and another.
pub const PROBE_FAILURES: u32 = 3;
/// How long the next check waits at most after one that failed.
pub const PROBE_IN_DOUBT: Duration = Duration::from_secs(10);
/// Seconds for which a trunk may ask to be registered at least: each time costs its carrier two messages.
pub const REGISTER_SHORTEST: u32 = 60;
/// Seconds for which a trunk may ask to be registered at most, and for which a registrar may want it to be
/// (Min-Expires): one day. Behind NAT calls do not come for much longer.
pub const REGISTER_LONGEST: u32 = 86_400;
/// Within which time trunks register that are new, so that those of a node that starts do not all at once.
pub const REGISTER_FIRST: Duration = Duration::from_secs(2);
/// The shortest time between two REGISTERs of a trunk, however little is granted.
pub const REGISTER_PAUSE: Duration = Duration::from_secs(5);
/// Half of how long a trunk waits at most after it could not register once; twice as long after each
/// further time (RFC 5626 §4.5: base-time-all-fail).
pub const REGISTER_BACK_OFF: Duration = Duration::from_secs(30);
/// How long it waits at most, however often it could not (RFC 5626 §4.5: max-time), or was refused.
pub const REGISTER_BACK_OFF_LONGEST: Duration = Duration::from_secs(1_800);
/// How long a trunk must have been registered over a connection for its loss to be worth another REGISTER.
pub const REGISTER_KEPT: Duration = Duration::from_secs(120);
/// Octets of the Service-Route of a trunk: several proxies' URIs, which stand in each INVITE.
pub const SERVICE_ROUTE: usize = 1024;
/// How long a trunk that is to be registered no longer waits for the word that it is not: long enough for
/// three lost datagrams, and a node that ends waits for it.
pub const REGISTER_LEAVING: Duration = Duration::from_secs(4);
/// How long a place where a call is tried may say nothing at all, not even 100, before the call is tried
/// at the next one: long enough for three lost datagrams (RFC 3261 §17.1.1.2: 0.5, 1 and 2 s).
pub const LEG_SILENCE: Duration = Duration::from_secs(4);
/// How long a call may stay answered if the policy does not say.
pub const ANSWERED_LONGEST: Duration = Duration::from_secs(4 * 3600);
/// Characters of the name of a prompt or a recording.
pub const CATALOGUE_NAME: usize = 64;
/// How long a recording may take at most, and if the policy does not say: as long as a call.
pub const RECORD_LONGEST: Duration = ANSWERED_LONGEST;
/// How long a media port may take to open.
pub const MEDIA_OPEN: Duration = Duration::from_secs(2);
/// Half of how long the final CDR of a call may take before it is put out again; each further time it
/// may take twice as long, up to 64 times this.
pub const RECORD_AGAIN: Duration = Duration::from_secs(5);
/// How long a CDR may take to become durable before the call that waits for it ends with 503.
pub const DURABLE: Duration = Duration::from_secs(2);
/// The whole time of a turn, waits for the store included; then its session faults.
pub const TURN_WHOLE: Duration = Duration::from_secs(2);
/// Octets of the name of a conference.
pub const CONFERENCE_NAME: usize = 64;
/// Conferences of one tenant at a time: what a policy sees of them in each turn is a page.
pub const TENANT_CONFERENCES: usize = 100;
/// Calls of one conference: mixing them is 2 % of a core.
pub const CONFERENCE_CALLS: usize = 1_000;
/// Live calls of one tenant on one shard.
pub const TENANT_CALLS: usize = 1_000;
/// Sessions of one tenant on one shard, those included whose last SIP transactions linger: a quarter of
/// the shard's, so that no tenant takes the place of all others.
pub const TENANT_SESSIONS: usize = SHARD_SESSIONS / 4;
/// Sessions of one shard, those included whose last SIP transactions linger (32 s).
pub const SHARD_SESSIONS: usize = 20_000;
/// Bindings of one address of record: the telephones of one person. A call may ring at all of them.
pub const BINDINGS: usize = 10;
/// REGISTERs of one shard that wait for their bindings to be durable.
pub const REGISTERING: usize = 1024;
/// Octets of the Path of a binding: several proxies' URIs.
pub const BINDING_PATH: usize = 1024;
/// The shortest life of a binding: a phone costs at most one durable write a minute.
pub const BINDING_SHORTEST: Duration = Duration::from_secs(60);
/// The longest life of a binding, and that of one for which nothing was asked. RFC 3261 §10.2.
pub const BINDING_LONGEST: Duration = Duration::from_secs(3600);
/// For how long a version of a policy is new, after it became active for all: faults later on are no reason to
/// bring the version before back, which nobody remembers by then.
pub const PROBATION: Duration = Duration::from_secs(24 * 3600);
/// So many turns of a new version that fault are too many, if whoever activated it says nothing else.
pub const PROBATION_FAULTS: u32 = 3;
/// The most that may be allowed: as many moments are remembered for each plugin.
pub const PROBATION_FAULTS_MOST: u32 = 100;
/// Within that time, if whoever activated it says nothing else: seconds. A small office has a call or two in it.
pub const PROBATION_WITHIN_S: u32 = 600;
/// The longest such time: seconds.
pub const PROBATION_WITHIN_MOST_S: u32 = 86_400;
