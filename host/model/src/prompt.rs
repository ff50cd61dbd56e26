//! A tenant's prompts, as its calls need to know them: which there are, and where their audio is found.
//!
//! Owns their names; the audio is elsewhere, found by its digest.

use std::sync::Arc;

/// Octets of a prompt's name.
const NAME: usize = 64;

/// Audio that a tenant's policies may play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptFile {
    /// `sha256:…` of the audio as it is kept. Another one under the same name is another digest, so
    /// what plays when a prompt is replaced plays on.
    pub digest: Arc<str>,
    /// How long it plays.
    pub duration_ms: u64,
}

impl PromptFile {
    /// Whether a prompt may have that name: 1 to 64 of `0-9 A-Z a-z . _ -`, of which the first is a
    /// letter or a digit. It stands in paths and is none; there is no colon in it, which what is played
    /// by rule (`tone:busy`) has.
    pub fn is_name(text: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        (1..=NAME).contains(&text.len())
            && text.bytes().all(allowed)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
    }
}

#[cfg(test)]
mod tests {
    use super::{NAME, PromptFile};

    #[test]
    fn a_name_is_no_path_and_no_rule() {
        let longest = "x".repeat(NAME);
        for name in ["greeting", "Welcome-2.wav", "1", "a..b", &longest] {
            assert!(PromptFile::is_name(name), "{name}");
        }
        let longer = "x".repeat(NAME + 1);
        let refused = [
            "",
            ".",
            "..",
            "-x",
            "a/b",
            "a\\b",
            "tone:busy",
            "a b",
            "ä",
            &longer,
        ];
        for name in refused {
            assert!(!PromptFile::is_name(name), "{name}");
        }
    }
}
