//! What one turn and one component may use, each with its reason.
//!
//! Limits of the nouns (state, log lines, keys, values) are the model's; these are the machine's.

use std::time::Duration;

/// Core modules of a component: a policy, its shims and a runtime of its language; Python's is in 38 pieces.
pub(crate) const MODULES: u32 = 64;
/// Nested components.
pub(crate) const COMPONENTS: u32 = 16;
/// Functions of all modules: a JavaScript engine has some ten thousand.
pub(crate) const FUNCTIONS: u32 = 40_000;
/// Locals of one function. The cost of compiling grows faster than their number: a hostile upload
/// of 114 KB took 21 s and 1.3 GB.
pub(crate) const LOCALS: u32 = 4_000;
/// Locals of all functions.
pub(crate) const ALL_LOCALS: u64 = 500_000;
/// Octets of one function's code, for the same reason.
pub(crate) const FUNCTION_BODY: usize = 512 * 1024;
/// Tables of all modules.
pub(crate) const TABLES: u32 = 8;
/// Elements of one table: as many as the pooling allocator sets aside.
pub(crate) const TABLE_ELEMENTS: u64 = 20_000;

/// Imports, and exports, of the component itself: the platform has a dozen, and each name is kept.
pub(crate) const INTERFACES: u32 = 64;
/// Octets of the name of an import or export.
pub(crate) const NAME: u64 = 200;
/// Characters of what a parser or compiler says about a component: it repeats names from within.
pub(crate) const REFUSAL: usize = 500;

/// Limits of a turn, and of the component that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Guest run time of a turn, looked at each millisecond: a call that waits for its policy is heard as
    /// a delay. Waits for the store and for a processor do not count.
    pub guest_time: Duration,
    /// The whole time of a turn, waits included; then it is given up.
    pub whole_time: Duration,
    /// Octets of linear memory.
    pub memory: usize,
    /// Host calls of a turn: each may cost the host more than the guest.
    pub host_calls: u32,
    /// Octets that one host call may bring: the largest value of the store with its key.
    pub call_bytes: usize,
    /// Octets that all host calls of a turn may bring.
    pub turn_bytes: usize,
    /// Handles that are alive at once.
    pub handles: usize,
    /// Octets of a component.
    pub component: usize,
    /// Turns that run at once in this process: memory is set aside for each.
    pub turns: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            guest_time: Duration::from_millis(50),
            whole_time: model::limits::TURN_WHOLE,
            memory: 16 << 20,
            host_calls: 256,
            call_bytes: model::limits::STORE_VALUE + 1024,
            turn_bytes: 256 << 10,
            handles: 1_000,
            component: 2 << 20,
            turns: 256,
        }
    }
}
