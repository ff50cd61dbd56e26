//! The router by `oneshot`, over a real store on a file and a control that answers by a script.

mod access;
mod calls;
mod configuration;
mod document;
mod harness;
mod isolation;
mod policies;
mod problems;
mod prompts;
mod recorded;
mod recordings;
mod requests;
mod spelling;
