//! Every limit of the API, with its reason.

use std::time::Duration;

/// Octets of a JSON body: none of ours needs more, and a policy may be passed no more.
pub const BODY: usize = model::limits::REQUEST_BODY;
/// How deep a JSON body may be nested: parsers of policies may recurse on a small stack.
pub const BODY_DEPTH: usize = 32;
/// Faults of one body or query that are told: a body of nothing but unknown members has thousands.
pub const FAULTS: usize = 32;
/// Octets of a fault's pointer, and of its detail: a name can be as long as the body.
pub const FAULT_TEXT: usize = 256;
/// How long a JSON body may take to arrive: a slow sender holds a connection.
pub const BODY_TIME: Duration = Duration::from_secs(10);
/// How long a component may take to arrive.
pub const UPLOAD_TIME: Duration = Duration::from_secs(60);
/// Uploads at once, of which a tenant has one: each holds its bytes in memory and a compiler busy.
pub const UPLOADS: usize = 4;
/// Requests that wait for the shards: more are refused, so that nobody waits in vain.
pub const CONTROL_QUEUE: usize = 256;
/// How long a question to the shards may take: twice the whole time of a turn, and a little.
pub const CONTROL_ANSWER: Duration = Duration::from_secs(5);
/// How long the check of a component may take: one of a managed language compiles for half a minute.
pub const PLUGIN_CHECK: Duration = Duration::from_secs(120);
/// Octets of an audio file: what the decoder takes.
pub const AUDIO: usize = 20 * 1024 * 1024;
/// How long the decoding of an audio file may take, those before it included.
pub const AUDIO_KEPT: Duration = Duration::from_secs(60);
/// Objects of a list if the request does not say.
pub const LIST_DEFAULT: u32 = 20;
/// Objects of a list at most: each answer is built in memory.
pub const LIST_MOST: u32 = 100;
/// Characters of a telephone number, user or verb.
pub const NUMBER: usize = 64;
/// Characters of a name that people give to things.
pub const NAME: usize = 64;
/// Address blocks, or prefixes, of one trunk: what the store takes.
pub const TRUNK_LIST: usize = store::limits::TRUNK_LIST;
/// Gateways of one trunk beside its first.
pub const GATEWAYS: usize = model::limits::GATEWAYS;
/// Names in one list of headers of a trunk.
pub const HEADER_NAMES: usize = model::limits::HEADER_NAMES;
/// Rules of a trunk for one kind of number.
pub const REWRITE_RULES: usize = model::limits::REWRITE_RULES;
/// Octets of a user or password at somebody else's.
pub const SECRET: usize = store::limits::SECRET;
/// Lines that one look at a plugin's log returns.
pub const LOG_PAGE: u32 = 100;
/// How often a follower of a log looks for new lines.
pub const LOG_POLL: Duration = Duration::from_millis(500);
/// Logs that one key follows at once: each follower reads the store twice a second.
pub const LOG_FOLLOWERS: usize = 8;
/// How often a quiet stream is kept alive: below the idle time-outs of common proxies.
pub const STREAM_ALIVE: Duration = Duration::from_secs(15);
