//! The Rust guest SDK for Jackfield policies.
//!
//! A *policy* decides what happens to the calls of a tenant. The platform starts a fresh copy of it
//! for every event, calls one method of [`Policy`], and, if that returns `Ok`, carries out all of
//! its commands, keeps the session's state and every write to the [`store`]. If it returns an error,
//! panics, or takes too long or too much memory, nothing of it happens and the tenant's log says
//! why. So keep nothing in statics: what must be remembered until the next event of this session
//! goes into [`Session::state`], what other sessions must see goes into the [`store`].
//!
//! # A whole policy
//!
//! ```
//! use jackfield_sdk::{Call, Dial, DialReport, Policy, ReleaseReport, Result, Session};
//! use serde::{Deserialize, Serialize};
//!
//! /// Sends every call to the number in the setting `operator`.
//! struct Operator;
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Caller(String);
//!
//! impl Policy for Operator {
//!     type State = Caller;
//!
//!     fn on_incoming(session: &mut Session<Caller>, call: &Call, _begin_time: u64) -> Result {
//!         let operator = session.setting("operator").unwrap_or_else(|| "9".into());
//!         let from = call.from_uri();
//!         session.construct(&Dial { from: &from, to: &operator, ..Dial::default() })?;
//!         session.state = Caller(call.id());
//!         Ok(())
//!     }
//!
//!     fn on_dial_completed(
//!         session: &mut Session<Caller>,
//!         call: &Call,
//!         report: DialReport,
//!     ) -> Result {
//!         let Some(caller) = session.call(&session.state.0) else { return Ok(()) };
//!         match report.error {
//!             Some(cause) => caller.release_after(cause),
//!             None => {
//!                 caller.answer("")?;
//!                 caller.bridge_start(call)
//!             }
//!         }
//!     }
//!
//!     fn on_released(session: &mut Session<Caller>, _: &Call, report: ReleaseReport) -> Result {
//!         session.calls().iter().try_for_each(|other| other.release_after(report.cause))
//!     }
//! }
//!
//! jackfield_sdk::export!(Operator, optional: []);
//! # fn main() {}
//! ```
//!
//! Build it as a `cdylib` for `wasm32-unknown-unknown`. For the host it builds too, so that whatever
//! does not touch a call can be tested by `cargo test`; the methods of calls and sessions panic
//! there. There is no WASI: no clock ([`Session::now`]), no randomness ([`Session::random`]), no
//! files, no sockets.

#[doc(hidden)]
pub mod bindings;

#[doc(hidden)]
pub mod adapter;
mod address;
mod cause;
#[cfg(any(test, all(target_family = "wasm", not(target_feature = "atomics"))))]
mod heap;
pub mod pair;
mod panics;
mod policy;
mod request;
mod session;
pub mod store;

pub use address::{is_address, number};
pub use bindings::base::exports::jackfield::policy::call_events::{DialReport, ReleaseReport};
pub use bindings::base::jackfield::policy::call::{Call, ConfMode, Conference};
pub use bindings::base::jackfield::policy::session::LogLevel;
pub use bindings::base::jackfield::policy::types::{
    CallDirection, CallPhase, Completion, Error, ReleasedBy,
};
pub use bindings::request::exports::jackfield::policy::request_events::{
    Reply, Request, RequestOrigin,
};
pub use cause::passed_on;
pub use pair::Pair;
pub use policy::Policy;
pub use session::{Dial, Session};

/// What a handler answers with. An error has the effect of a panic: it goes to the tenant's log and
/// nothing of the event happens, so handle those that a caller should hear about
/// ([`Error::cause`]).
pub type Result<T = ()> = core::result::Result<T, Error>;

/// Makes a [`Policy`] the policy of this component.
///
/// `optional` lists the interfaces beyond `call-events` whose events it wants, of `media_events`,
/// `conference_events`, `digit_events`, `command_events`, `transfer_events`, `timer_events`,
/// `request_events` and `upgrade`. The platform sends only what is listed, and answers for the policy otherwise: a party
/// that wishes a transfer gets 603, a request over REST 404.
///
/// ```
/// # struct Quiet;
/// # impl jackfield_sdk::Policy for Quiet { type State = (); }
/// jackfield_sdk::export!(Quiet, optional: [request_events, timer_events]);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($policy:ty, optional: [$($optional:ident),* $(,)?]) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::adapter::Adapter<$policy>;
            $crate::bindings::base::export_policy!(
                Exported with_types_in $crate::bindings::base
            );
            $($crate::export_optional!($optional Exported);)*
        };
        // For the host nothing is exported; the policy must still be one.
        #[cfg(not(target_family = "wasm"))]
        const _: () = $crate::adapter::is_policy::<$policy>();
    };
}

/// The export of one optional interface; a part of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_optional {
    (media_events $ty:ident) => {
        $crate::bindings::media::export_media!($ty with_types_in $crate::bindings::media);
    };
    (conference_events $ty:ident) => {
        $crate::bindings::conference::export_conference!(
            $ty with_types_in $crate::bindings::conference
        );
    };
    (digit_events $ty:ident) => {
        $crate::bindings::digit::export_digit!($ty with_types_in $crate::bindings::digit);
    };
    (command_events $ty:ident) => {
        $crate::bindings::command::export_command!($ty with_types_in $crate::bindings::command);
    };
    (transfer_events $ty:ident) => {
        $crate::bindings::transfer::export_transfer!($ty with_types_in $crate::bindings::transfer);
    };
    (timer_events $ty:ident) => {
        $crate::bindings::timer::export_timer!($ty with_types_in $crate::bindings::timer);
    };
    (request_events $ty:ident) => {
        $crate::bindings::request::export_request!($ty with_types_in $crate::bindings::request);
    };
    (upgrade $ty:ident) => {
        $crate::bindings::upgrading::export_upgrading!(
            $ty with_types_in $crate::bindings::upgrading
        );
    };
    ($unknown:ident $ty:ident) => {
        compile_error!(concat!("no optional interface is called ", stringify!($unknown)));
    };
}
