//! The trait that an author implements: one method per event, all of them provided.
//!
//! The methods have no `self`: a policy lives for one event, so the only thing that outlives a
//! method is the session's state, and it is passed in.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Call, Completion, Conference, DialReport, Error, ReleaseReport, Reply, Request};
use crate::{Result, Session};

/// What a tenant wants to happen to its calls.
///
/// Every method is provided and does the least that is right; implement those that the policy is
/// about. Events of the optional interfaces arrive only if [`export!`](crate::export) lists the
/// interface. The order of events is that of `call-events` in the WIT package: inbound
/// [`on_incoming`](Self::on_incoming), [`on_released`](Self::on_released); outbound
/// [`on_ringing`](Self::on_ringing), [`on_dial_completed`](Self::on_dial_completed) exactly once,
/// [`on_answered`](Self::on_answered) if it was, [`on_released`](Self::on_released).
///
/// A menu: whoever calls keys a digit, and is led on by it.
///
/// ```
/// use jackfield_sdk::{Call, Completion, Policy, Result, Session};
///
/// struct Menu;
///
/// impl Policy for Menu {
///     type State = ();
///
///     fn on_incoming(_: &mut Session<()>, call: &Call, _begin_time: u64) -> Result {
///         call.answer("menu")?;
///         call.play_start(&["welcome".to_owned()], 1, "")?;
///         // One digit, ended by none, within ten seconds.
///         call.collect_start(1, "", 10_000, 10_000).map(|_| ())
///     }
///
///     fn on_digits_collected(
///         session: &mut Session<()>,
///         call: &Call,
///         _operation: u32,
///         digits: String,
///         _how: Completion,
///     ) -> Result {
///         session.info(&format!("{} chose {digits:?}", call.from_number()));
///         match digits.as_str() {
///             "1" => call.transfer("sip:sales@example.com", None),
///             _ => call.release(200),
///         }
///     }
/// }
///
/// jackfield_sdk::export!(Menu, optional: [digit_events]);
/// # fn main() {}
/// ```
#[allow(unused_variables)]
pub trait Policy {
    /// What this policy remembers of one session between events: kept as JSON, at most 16 KiB.
    type State: Serialize + DeserializeOwned + Default;

    /// A new inbound call begins a new session. The caller hears nothing until it is rung, answered,
    /// redirected or released. Provided: released with 603.
    fn on_incoming(session: &mut Session<Self::State>, call: &Call, begin_time: u64) -> Result {
        call.release(603)
    }

    /// The callee of an outbound call rings; with `early_media` it sends audio, too (183). Comes
    /// once more if early media begins later.
    fn on_ringing(session: &mut Session<Self::State>, call: &Call, early_media: bool) -> Result {
        Ok(())
    }

    /// Dialling of an outbound call ended: answered, failed or timed out.
    fn on_dial_completed(
        session: &mut Session<Self::State>,
        call: &Call,
        report: DialReport,
    ) -> Result {
        Ok(())
    }

    /// An outbound call was answered and its media flows.
    fn on_answered(session: &mut Session<Self::State>, call: &Call) -> Result {
        Ok(())
    }

    /// The call is over. Sent exactly once for every call; no later event names it.
    fn on_released(
        session: &mut Session<Self::State>,
        call: &Call,
        report: ReleaseReport,
    ) -> Result {
        Ok(())
    }

    /// Playing ended (`media_events`).
    fn on_play_completed(
        session: &mut Session<Self::State>,
        call: &Call,
        operation: u32,
        how: Completion,
    ) -> Result {
        Ok(())
    }

    /// Recording ended (`media_events`); `duration` in milliseconds.
    fn on_record_completed(
        session: &mut Session<Self::State>,
        call: &Call,
        operation: u32,
        how: Completion,
        duration: u32,
    ) -> Result {
        Ok(())
    }

    /// What this session played into a conference ended (`conference_events`). The conference may be over.
    fn on_conference_play_completed(
        session: &mut Session<Self::State>,
        conference: &Conference,
        operation: u32,
        how: Completion,
    ) -> Result {
        Ok(())
    }

    /// The recording of a conference that this session began ended (`conference_events`); `duration` in
    /// milliseconds. The conference may be over.
    fn on_conference_record_completed(
        session: &mut Session<Self::State>,
        conference: &Conference,
        operation: u32,
        how: Completion,
        duration: u32,
    ) -> Result {
        Ok(())
    }

    /// The party keyed one of `0-9A-D*#` outside a collection (`digit_events`).
    fn on_digit(session: &mut Session<Self::State>, call: &Call, digit: char) -> Result {
        Ok(())
    }

    /// A collection of digits ended (`digit_events`).
    fn on_digits_collected(
        session: &mut Session<Self::State>,
        call: &Call,
        operation: u32,
        digits: String,
        how: Completion,
    ) -> Result {
        Ok(())
    }

    /// A command that was accepted, such as `hold`, failed later (`command_events`).
    fn on_command_failed(
        session: &mut Session<Self::State>,
        call: &Call,
        command: String,
        why: Error,
    ) -> Result {
        Ok(())
    }

    /// The party wants to send the other side of its conversation to `target` (`transfer_events`).
    /// Provided: refused with 603.
    fn on_transfer_requested(
        session: &mut Session<Self::State>,
        call: &Call,
        target: String,
        replaces: Option<String>,
    ) -> Result {
        call.transfer_refuse(603)
    }

    /// How a transfer went: the final status that the party reported (`transfer_events`).
    fn on_transfer_completed(
        session: &mut Session<Self::State>,
        call: &Call,
        status: u16,
    ) -> Result {
        Ok(())
    }

    /// The timer of that name fired (`timer_events`).
    fn on_timer(session: &mut Session<Self::State>, name: String) -> Result {
        Ok(())
    }

    /// Somebody asks for `request.verb` over REST (`request_events`). It begins a session of its
    /// own, which ends at once unless a call is constructed or a timer started. Provided: 404.
    fn on_request(session: &mut Session<Self::State>, request: Request) -> Result<Reply> {
        Ok(Reply::unknown_verb(&request.verb))
    }

    /// Carries the state of a live session over from another version of this plugin (`upgrade`). The
    /// text of an error goes to the log and the session stays with the old version. Provided: the
    /// new type must understand the old one's JSON.
    fn migrate(
        from_version: &str,
        state: serde_json::Value,
    ) -> core::result::Result<Self::State, String> {
        serde_json::from_value(state).map_err(|why| why.to_string())
    }
}
