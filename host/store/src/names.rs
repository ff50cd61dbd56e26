//! Which names, numbers and domains can be stored.

use crate::{StoreError, limits};

/// A name that people read.
pub(crate) fn check_name(field: &'static str, text: &str) -> Result<(), StoreError> {
    let count = text.chars().count();
    if count == 0 || count > limits::NAME || text.trim() != text {
        let most = limits::NAME;
        let why = format!("not 1 to {most} characters without blanks at its ends");
        return Err(StoreError::invalid(field, why));
    }
    if text.chars().any(char::is_control) {
        return Err(StoreError::invalid(field, "has a control character"));
    }
    Ok(())
}

/// A telephone number or the user of a phone.
pub(crate) fn check_telnum(field: &'static str, text: &str) -> Result<(), StoreError> {
    if text.is_empty() || text.len() > limits::TELNUM || !text.bytes().all(is_telnum) {
        let most = limits::TELNUM;
        let why = format!("not 1 to {most} of 0-9 A-Z a-z + * # . _ -");
        return Err(StoreError::invalid(field, why));
    }
    Ok(())
}

/// A dialling prefix: a telephone number's beginning, also the empty one.
pub(crate) fn check_prefix(field: &'static str, text: &str) -> Result<(), StoreError> {
    if text.is_empty() {
        Ok(())
    } else {
        check_telnum(field, text)
    }
}

fn is_telnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+*#._-".contains(&byte)
}

/// The name of a plugin: it stands in paths and on command lines.
pub(crate) fn check_plugin(field: &'static str, text: &str) -> Result<(), StoreError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if !begins || text.len() > limits::NAME || !text.bytes().all(allowed) {
        let most = limits::NAME;
        let why = format!("not a letter and up to {} of a-z 0-9 -", most - 1);
        return Err(StoreError::invalid(field, why));
    }
    Ok(())
}

/// The domain, in the one spelling that is stored.
pub(crate) fn checked_domain(field: &'static str, text: &str) -> Result<String, StoreError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(allowed)
    };
    if text.len() > limits::DOMAIN || !text.split('.').all(label) {
        return Err(StoreError::invalid(
            field,
            "not a domain such as acme.example",
        ));
    }
    Ok(text.to_ascii_lowercase())
}
