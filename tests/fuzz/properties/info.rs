//! Bodies of INFO: a key or none, and ours are read as they are written.

use sip::info::{Form, body};

/// Panics where it does not hold.
pub(crate) fn check(input: &[u8]) {
    for form in Form::ALL {
        let Some(key) = form.key(input) else {
            continue;
        };
        assert!("0123456789*#ABCD".contains(key), "{key:?} is no key");
        assert_eq!(Form::Relay.key(body(key, 160).as_bytes()), Some(key));
        assert_eq!(Form::Plain.key(key.to_string().as_bytes()), Some(key));
    }
}
