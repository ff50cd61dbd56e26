//! Panics go to the tenant's log, because without WASI there is no standard error to print them to.

#[cfg(target_family = "wasm")]
mod wasm {
    use std::mem::ManuallyDrop;
    use std::panic::PanicHookInfo;

    use crate::LogLevel;
    use crate::bindings::base::jackfield::policy::session::Session;

    /// From here on a panic is one line at level `error` in the log of that session, then a trap.
    pub(crate) fn report_to(session: &Session) {
        let handle = session.handle();
        std::panic::set_hook(Box::new(move |panic| {
            // SAFETY: the handle is the one that the host lent for this event. The instance handles
            // one event only and every handler returns, or traps, before the handle is dropped, so
            // it is alive in every panic. `ManuallyDrop` leaves that drop to its owner.
            let session = ManuallyDrop::new(unsafe { Session::from_handle(handle) });
            session.log(LogLevel::Error, &line(panic));
        }));
    }

    fn line(panic: &PanicHookInfo<'_>) -> String {
        let text = panic
            .payload_as_str()
            .unwrap_or("panicked")
            .replace('\n', " ");
        match panic.location() {
            Some(at) => format!("{text} ({}:{})", at.file(), at.line()),
            None => text,
        }
    }
}

#[cfg(target_family = "wasm")]
pub(crate) use wasm::report_to;

/// For the host a panic is reported by the test harness.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn report_to(_: &crate::bindings::base::jackfield::policy::session::Session) {}
