//! Every limit of what is stored, with its reason. Keys, values and turns have theirs in
//! the model.

use std::time::Duration;

/// Rows of one page.
pub const PAGE: u32 = 100;
/// Numbers of one tenant: all of them are in every shard's snapshot.
pub const NUMBERS: i64 = 10_000;
/// Trunks of one tenant: admission looks at each.
pub const TRUNKS: i64 = 100;
/// Phones of one tenant: all of them are in every shard's snapshot.
pub const PHONES: i64 = 10_000;
/// API keys of one tenant.
pub const KEYS: i64 = 1_000;
/// API keys of all tenants that a node remembers, so that a request need not ask the database.
pub const KNOWN_KEYS: usize = 16_384;
/// Plugins of one tenant.
pub const PLUGINS: i64 = 100;
/// Versions of one plugin: uploads are immutable and kept for rollback and replay.
pub const VERSIONS: i64 = 1_000;
/// Prompts of one tenant: all of them are in every shard's snapshot.
pub const PROMPTS: i64 = 1_000;
/// Octets of one tenant's prompts as they are kept: an hour and ten minutes of the better rate.
pub const PROMPT_OCTETS: i64 = 128 * 1024 * 1024;
/// Recordings that are closed at one time when a process starts, after one that was lost.
pub const OPEN_RECORDINGS: i64 = 256;
/// Recordings that are erased, or otherwise seen to, at one time.
pub const RECORDINGS_AT_ONCE: i64 = 64;
/// Recordings of one tenant that one sweep deletes: the writer is never held long.
pub const RECORDINGS_EXPIRED: i64 = 500;
/// Days for which recordings are kept at the most, if not for ever: a century.
pub const RECORDING_DAYS: u32 = 36_500;
/// Seconds for which a party may be silent at the most, if not for ever: a day.
pub const MEDIA_TIMEOUT: u32 = 86_400;
/// Settings of one plugin: they are copied into every turn's view.
pub const SETTINGS: usize = 64;
/// Octets of the name of a setting.
pub const SETTING_NAME: usize = 64;
/// Octets of the value of a setting.
pub const SETTING_VALUE: usize = 1024;
/// Address blocks, and likewise dialling prefixes, of one trunk.
pub const TRUNK_LIST: usize = 100;
/// Bits that all addresses of a trunk's block share at the least, of IPv4: who is in one is no stranger to
/// any tenant, so nobody may let in everybody.
pub const BLOCK_V4: u8 = 16;
/// The same of IPv6.
pub const BLOCK_V6: u8 = 32;
/// Octets of a user or password at somebody else's.
pub const SECRET: usize = 128;
/// Characters of a name that people read.
pub const NAME: usize = 64;
/// Characters of a telephone number or phone user.
pub const TELNUM: usize = model::limits::TELNUM;
/// Octets of a domain (RFC 1035 §2.3.4).
pub const DOMAIN: usize = 253;
/// Octets of a phone's password.
pub const PASSWORD: usize = 128;
/// Newest sessions of one tenant whose turns are kept: a few kilobytes each.
pub const RECORDED: i64 = 10_000;
/// How long they are kept at the most: they tell who called whom, as records do, and more.
pub const RECORDED_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// Newest log lines kept per plugin.
pub const LOG_LINES: i64 = 10_000;
/// Keys of one tenant in the policies' store, those included that expired and were not swept yet.
pub const KV_KEYS: i64 = 100_000;
/// Octets of one tenant's keys and values in the policies' store: one disk is shared by all.
pub const KV_OCTETS: i64 = 64 * 1024 * 1024;
/// Octets of the policies' rows that a node remembers: those in use, so that a turn's read is none of
/// the database.
pub const KV_MEMORY: usize = 32 * 1024 * 1024;
/// Octets that a remembered row takes beside its key and value, roughly.
pub const KV_ROW: usize = 128;
/// Tenants whose counters are remembered.
pub const KV_COUNTERS: usize = 4_096;
/// Expired keys that one sweep removes: the writer is never held long.
pub const SWEEP: i64 = 500;
/// How long an expired key stays: a turn judges expiry by its event's time, which may lie this far
/// back ([`model::limits::TURN_WHOLE`] and its queue).
pub const SWEEP_GRACE: Duration = Duration::from_secs(60);
/// How long a caller waits for a connection before the store counts as unavailable.
pub const ACQUIRE: Duration = Duration::from_secs(5);
/// Reader connections.
pub const READERS: u32 = 4;
/// Reader connections for single rows: whose key it is, at every request.
pub const LOOKUPS: u32 = 2;
/// Reader connections of turns, so that no list of the API makes a call wait.
pub const TURN_READERS: u32 = 2;
/// Writes that wait for the group writer; further ones wait to be let in.
pub const WRITES: usize = 4_096;
/// Writes that share a transaction at most: the first of them waits for the last.
pub const GROUP: usize = 64;
/// Keys of turns that share a transaction at most, unless one turn has more: the values of a statement
/// are limited.
pub const GROUP_KEYS: usize = 2_048;
/// Pages of SQLite's log before they are copied to the database: pages that change with every call
/// are copied once for many changes. 16 MiB are read again after a crash.
pub const CHECKPOINT: &str = "4000";
