//! The end-to-end tier: the built binary with SIPp on both sides, over loopback.
//!
//! There is nothing to link here. The harness and the tests are in `tests/it`, the scenarios of SIPp
//! in `scenarios`: `{{name}}` in them is filled in by the harness.
