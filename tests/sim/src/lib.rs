//! Simulator: clock, network, phones, scripted policies, invariants.
