//! A URI.

use sip::{Uri, limits};

/// Panics where it does not hold.
pub(crate) fn check(text: &str) {
    let Ok(uri) = text.parse::<Uri>() else {
        return;
    };
    let _ = (uri.scheme(), uri.is_sip(), uri.user(), uri.host(), uri.ip());
    let _ = (uri.port(), uri.param("transport"), uri.headers());
    reads_the_same(&uri);
    reads_the_same(&uri.clone().without_headers());
    reads_the_same(&uri.clone().without_param("transport"));
    // An escape is three octets, and what is longer than the limit cannot be read again.
    if text.len() < limits::URI / 4 {
        reads_the_same(&uri.clone().with_user(text));
        reads_the_same(&uri.with_port(Some(5_070)));
    }
}

/// What is written reads the same.
fn reads_the_same(uri: &Uri) {
    let written = uri.to_string();
    let again: Uri = written.parse().expect("what is written can be read");
    assert_eq!(again, *uri, "{written:?}");
    assert!(
        !written.contains(['\r', '\n', '\0', '<', '>', '"', ' ']),
        "{written:?}"
    );
}
