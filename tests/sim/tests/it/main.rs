//! The simulator's tests: ladders of known flows, random flows from seeds, limits and rules that no
//! ladder shows, and tests of the watch.
mod carriers;
mod clocks;
mod conferences;
mod descriptions;
mod dialogs;
mod digits;
mod enrolments;
mod flows;
mod forks;
mod forwarding;
mod gateways;
mod glare;
mod hold;
mod hostile;
mod ladders;
mod pickups;
mod proofs;
mod races;
mod register;
mod rules;
mod seeds;
mod streams;
mod takers;
mod transfers;
mod watch;
