//! Rust source as far as the checks need it: what is code, and where functions begin and end.
//!
//! It owns the lexical grammar of strings, characters, lifetimes and comments (Rust Reference,
//! "Tokens" and "Comments"), and nothing above it. Macros that build functions from pieces are not
//! seen through.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// The line of its `fn`, from 1.
    pub(super) line: usize,
    /// From that line to the one of the closing brace.
    pub(super) lines: usize,
}

/// The same text with the inside of strings and characters, and whole comments, turned to blanks;
/// line breaks stay.
pub(super) fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        let rest = &text[at..];
        let quoted = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' | 'b' | 'c' if !is_word(before) => prefixed_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if quoted == 0 {
            out.push(c);
            before = c;
        } else {
            blank_until(&mut out, &mut chars, c, at + quoted);
            before = '"';
        }
    }
    out
}

/// The functions of blanked `code` that have a body, in order of their beginning.
pub(super) fn functions(code: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for at in words(code, "fn") {
        let rest = &code[at + 2..];
        let name: String = rest
            .trim_start()
            .chars()
            .take_while(|c| is_word(*c))
            .collect();
        let Some(body) = body(rest).filter(|_| !name.is_empty()) else {
            continue;
        };
        let lines = rest[..body.end].matches('\n').count() + 1;
        functions.push(Function {
            name,
            line: line_of(code, at),
            lines,
        });
    }
    functions
}

/// Where modules behind `#[cfg(test)]` lie in blanked `code`.
pub(super) fn test_modules(code: &str) -> Vec<Range<usize>> {
    let mut modules = Vec::new();
    for (at, attribute) in code.match_indices("#[cfg(test)]") {
        let after = at + attribute.len();
        let rest = &code[after..];
        if rest.trim_start().starts_with("mod ")
            && let Some(body) = body(rest)
        {
            modules.push(after..after + body.end);
        }
    }
    modules
}

/// Where `word` stands by itself in `code`.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).filter_map(move |(at, found)| {
        let is_alone =
            !code[..at].ends_with(is_word) && !code[at + found.len()..].starts_with(is_word);
        is_alone.then_some(at)
    })
}

/// The line of an offset, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The first braces at the depth where `code` begins; none if a `;` comes first.
fn body(code: &str) -> Option<Range<usize>> {
    let (mut round, mut braces, mut begin) = (0_i32, 0_i32, 0);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 && braces == 0 => return None,
            '{' if round == 0 || braces > 0 => {
                if braces == 0 {
                    begin = at;
                }
                braces += 1;
            }
            '}' if braces > 0 => {
                braces -= 1;
                if braces == 0 {
                    return Some(begin..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Octets of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Octets of a string that begins with its quote.
fn string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Octets of a raw, byte or C string or a byte character that begins with its prefix; 0 if it is a
/// name after all.
fn prefixed_string(rest: &str) -> usize {
    let letters = rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len();
    let after = &rest[letters..];
    let is_raw = rest[..letters].ends_with('r');
    match after.chars().next() {
        _ if letters > 2 => 0,
        Some('"') if !is_raw => letters + string(after),
        Some('\'') if &rest[..letters] == "b" => letters + character(after),
        Some('"' | '#') if is_raw => {
            let hashes = after.len() - after.trim_start_matches('#').len();
            if !after[hashes..].starts_with('"') {
                return 0; // a raw identifier
            }
            let end = format!("\"{}", &after[..hashes]);
            let inside = letters + hashes + 1;
            let length = rest[inside..].find(&end).map(|at| inside + at + end.len());
            length.unwrap_or(rest.len())
        }
        _ => 0,
    }
}

/// Octets of a character that begins with its quote; 0 if it is a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => {
            let end = chars.find(|(_, c)| *c == '\'');
            end.map_or(0, |(at, _)| at + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// Writes blanks for `first` and everything up to the offset `end`.
fn blank_until(out: &mut String, chars: &mut Peekable<CharIndices<'_>>, first: char, end: usize) {
    let mut push = |c: char| out.push(if c == '\n' { '\n' } else { ' ' });
    push(first);
    while let Some((_, c)) = chars.next_if(|(at, _)| *at < end) {
        push(c);
    }
}

/// Whether `c` can stand in a name.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
