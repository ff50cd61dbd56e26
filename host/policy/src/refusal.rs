//! Why a component is not taken. An upload is answered with these words, which do not grow with what
//! stands in it.

use std::fmt::Display;
use std::time::Duration;

use model::brief;

use crate::limits::REFUSAL;

/// Why a component is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More octets than allowed.
    #[error("the component has {size} octets; at most {most} are allowed")]
    TooLarge {
        /// How many it has.
        size: usize,
        /// How many it may have.
        most: usize,
    },
    /// Not WebAssembly at all, or a core module.
    #[error("not a component; a core module is made into one by `jackfield plugin build`")]
    NotAComponent,
    /// WebAssembly that is not valid, or uses features that are off here.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// More structure than a policy needs: it would cost too much to compile.
    #[error("the component has more than {most} {what}")]
    TooComplex {
        /// Of what.
        what: &'static str,
        /// How many it may have.
        most: u64,
    },
    /// An import beyond `jackfield:policy`, such as WASI.
    #[error("the component imports {0}, which is not offered to policies")]
    Import(String),
    /// A function that a later patch of an interface has, and this platform's has not.
    #[error("the component imports {function} of {interface}, which this platform does not have")]
    Function {
        /// The function, such as `call.answer`.
        function: String,
        /// The interface, with the version that the component was built against.
        interface: String,
    },
    /// An export of `jackfield:policy` that this platform does not know.
    #[error("the component exports {0}, which this platform does not know")]
    Export(String),
    /// The required export is missing.
    #[error("the component does not export {0}, which every policy must")]
    MissingExport(&'static str),
    /// A known interface with other types.
    #[error("the component's interfaces differ from the platform's: {0}")]
    Types(String),
    /// The compiler or the linker refused it.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// Compiling it takes longer than it may.
    #[error("the component takes more than {} s of processor time to compile", .0.as_secs())]
    CompileTime(Duration),
    /// Compiling it takes more memory than it may; MiB.
    #[error("the component takes more than {0} MiB of memory to compile")]
    CompileMemory(usize),
    /// The node's own failure, not the component's.
    #[error("the node could not compile the component: {0}")]
    NotCompiled(String),
}

impl Refusal {
    pub(crate) fn invalid(why: impl Display) -> Self {
        Self::Invalid(brief(&why.to_string(), REFUSAL))
    }

    pub(crate) fn types(why: impl Display) -> Self {
        Self::Types(brief(&why.to_string(), REFUSAL))
    }

    pub(crate) fn compile(why: impl Display) -> Self {
        Self::Compile(brief(&why.to_string(), REFUSAL))
    }
}
