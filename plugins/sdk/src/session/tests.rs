//! The state's way to bytes and back, and lengths of time.

use std::time::Duration;

use super::{decode, encode, seconds};

#[test]
fn empty_bytes_are_the_default_state_unchanged() {
    let (state, before) = decode::<Option<u8>>(&[]).unwrap();
    assert_eq!(state, None);
    assert_eq!(before, encode(&state).unwrap());
}

#[test]
fn state_survives_the_way_to_the_host_and_back() {
    let bytes = encode(&vec!["a".to_owned()]).unwrap();
    assert_eq!(
        decode::<Vec<String>>(&bytes).unwrap(),
        (vec!["a".to_owned()], bytes)
    );
}

#[test]
fn state_of_another_shape_is_an_error_that_says_so() {
    let refusal = decode::<u8>(b"\"text\"").unwrap_err().to_string();
    assert!(refusal.contains("the kept state"), "{refusal}");
}

#[test]
fn a_length_below_a_second_is_not_the_limit_of_the_tenant() {
    assert_eq!(seconds(Duration::ZERO), 0);
    assert_eq!(seconds(Duration::from_millis(1)), 1);
    assert_eq!(seconds(Duration::from_millis(1500)), 2);
    assert_eq!(seconds(Duration::MAX), u32::MAX);
}
