//! Words of strangers, made short: a name in an upload may have 90 KB, and what repeats it would, too.

/// The first `most` characters of a text on one line; `…` is the last of them if there were more.
pub fn brief(text: &str, most: usize) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    if text.char_indices().nth(most).is_none() {
        return text.chars().map(shown).collect();
    }
    let first = text.chars().take(most.saturating_sub(1));
    first.map(shown).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn a_text_is_cut_between_characters_and_told_to_be() {
        assert_eq!(brief("ä€😀x", 4), "ä€😀x");
        assert_eq!(brief("ä€😀xy", 4), "ä€😀…");
        assert_eq!(brief("", 0), "");
        assert_eq!(brief(&"x".repeat(90_000), 200).chars().count(), 200);
    }

    #[test]
    fn a_text_stays_on_its_line_and_leaves_the_terminal_alone() {
        assert_eq!(brief("a\r\nb\0c\x1b[2J\u{9b}", 20), "a  b c [2J ");
    }
}
