//! Endpoints against each other, in virtual time, over a network that loses what a test wants lost.

mod asking;
mod calls;
mod challenges;
mod connections;
mod dialogs;
mod expires;
mod hostile;
mod infos;
mod limits;
mod outbound;
mod pair;
mod pracks;
mod proofs;
mod reasons;
mod refers;
mod refusals;
mod reinvites;
mod releases;
mod reliables;
mod reoffers;
mod seeds;
mod sessions;
mod sizes;
mod strangers;
mod transfers;
mod updates;
