//! Phone.
