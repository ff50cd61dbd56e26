//! The store on real SQLite files: what it promises, told by what comes back.

mod access;
mod activation;
mod apart;
mod bindings;
mod home;
mod kv;
mod life;
mod log;
mod plugins;
mod prompts;
mod recorded;
mod recordings;
mod records;
mod spelling;
mod who;
