//! Call flows with the real components, in the simulator's world.

mod call_module;
mod components;
mod emergency;
mod faults;
mod ladders;
mod languages;
mod replays;
mod scenarios;
mod versions;
