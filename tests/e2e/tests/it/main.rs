//! The built binary, driven from outside: REST, SIP by SIPp, RTP by handsets of ours.
//!
//! It owns what only the whole can show: that the parts are wired up as the simulator has them. It
//! knows the surface (command line, REST, SIP) and nothing of what is behind it.
//!
//! | variable | meaning | without it |
//! |---|---|---|
//! | `JACKFIELD_BIN` | the binary | `jackfield` beside the folder of this test's binary |
//! | `JACKFIELD_PLUGINS` | the folder of components | `plugins` in the target folder |
//! | `E2E_LONG` | `1`: ten crashes instead of one, time-outs of half a minute, 10,000 half-open connections | the short variants |
//! | `E2E_BARESIP` | `0`: leave out what needs baresip; `1`: it must be there | whatever is installed |
//! | `E2E_MOTO` | a python that has moto, a store that speaks S3; `0`: leave out what needs it | as `0` |
//! | `E2E_OPUS` | `1`: the program was built with the feature `opus` | leave out what needs it |
//! | `E2E_SIPVICIOUS` | a python that has SIPVicious; `0`: leave out what needs it | as `0` |
//! | `E2E_SIPP` | `0`: leave out what needs SIPp; `1`: it must be there | whatever is installed |

mod announced;
mod author;
mod baresip;
mod binary;
#[allow(dead_code, reason = "the tests of the policy host make more of it")]
#[path = "../../../../host/policy/tests/it/bomb.rs"]
mod bomb;
mod bucket;
mod callee;
mod caller;
mod carrier;
mod crash;
mod crash_store;
mod dialogs;
mod dns;
mod faults;
mod half_open;
mod handset;
mod held;
mod hostile;
mod hostile_connections;
mod hostile_rest;
mod hostile_rtp;
mod ipv6;
mod keys;
mod makecall;
mod menu;
mod messages;
mod metrics;
mod moto;
mod nat;
mod node;
mod office;
mod opus;
mod pending;
mod product;
mod prompts;
mod protected;
mod recordings;
mod register;
mod rest;
mod rollout;
mod room;
mod scanners;
mod sipp;
mod softphones;
mod sound;
mod stopwatch;
mod tcp;
mod tls;
mod trunks;
mod websocket;
