//! An audio file that somebody uploads as a prompt.

use audio::{Audio, limits};

/// Panics where it does not hold.
pub(crate) fn check(file: &[u8]) {
    let Ok(audio) = Audio::decode(file, &|| true) else {
        return;
    };
    assert!(!audio.samples.is_empty());
    assert!(audio.duration_ms() <= u64::from(limits::SECONDS) * 1_000);
    let kept = audio.to_wav();
    assert_eq!(Audio::decode(&kept, &|| true).as_ref(), Ok(&audio));
}
