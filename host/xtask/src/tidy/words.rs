//! Words that must not stand in the code: unfinished work, silenced tests, rsip's own wire format.

use crate::tidy::Finding;
use crate::tidy::source;
use crate::tidy::tree::Tree;

/// Text, where it is forbidden, and why.
struct Forbidden {
    text: &'static str,
    below: &'static str,
    why: &'static str,
}

const FORBIDDEN: [Forbidden; 7] = [
    Forbidden {
        text: "todo!",
        below: "",
        why: "unfinished work is not handed in",
    },
    Forbidden {
        text: "unimplemented!",
        below: "",
        why: "unfinished work is not handed in",
    },
    Forbidden {
        text: concat!("#[", "ignore"),
        below: "",
        why: "a test that does not run proves nothing; assert the wrong answer with a FIXME",
    },
    Forbidden {
        text: ".typed()",
        below: "host/sip/",
        why: "rsip's parsers do not touch the wire",
    },
    Forbidden {
        text: ".into_typed()",
        below: "host/sip/",
        why: "rsip's parsers do not touch the wire",
    },
    Forbidden {
        text: "Tokenizer",
        below: "host/sip/",
        why: "rsip's parsers do not touch the wire",
    },
    Forbidden {
        text: "SipMessage",
        below: "host/sip/",
        why: "rsip's parser and printer of messages do not touch the wire",
    },
];

/// Where rsip's parser and printer may run: the benchmark holds ours against them.
const MEASURES_RSIP: &str = "host/sip/benches/";

/// Calls that parse or print when they stand on one line with rsip's name.
const WIRE_OF_RSIP: [&str; 4] = ["try_from(", ".to_string()", "from_str(", ".parse"];

/// Looks for all of them.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for word in &FORBIDDEN {
            let is_measured = !word.below.is_empty() && file.path.starts_with(MEASURES_RSIP);
            if is_measured || !file.path.starts_with(word.below) {
                continue;
            }
            for (at, _) in file.code.match_indices(word.text) {
                let line = source::line_of(&file.code, at);
                let message = format!("{}: {}", word.text, word.why);
                findings.push(Finding::at(&file.path, line, message));
            }
        }
        if file.path.starts_with(MEASURES_RSIP) {
            continue;
        }
        for (at, line) in file.code.lines().enumerate() {
            let names_rsip = source::words(line, "rsip").next().is_some();
            let Some(call) = WIRE_OF_RSIP.iter().find(|call| line.contains(**call)) else {
                continue;
            };
            if names_rsip {
                let message = format!("{call} on a type of rsip: the wire is ours");
                findings.push(Finding::at(&file.path, at + 1, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::tree::Tree;

    #[test]
    fn unfinished_work_and_silenced_tests_are_found() {
        let bad = concat!(
            "fn f() { to",
            "do!() }\n#[",
            "ignore]\nfn g() { unimpl",
            "emented!() }\n"
        );
        let tree = Tree::of(&[("host/model/src/lib.rs", bad)]);
        assert_eq!(check(&tree).len(), 3);
    }

    #[test]
    fn words_in_comments_and_strings_are_none() {
        let tree = Tree::of(&[("host/model/src/lib.rs", "// todo!\nlet a = \"todo!\";\n")]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn the_wire_format_of_rsip_is_found() {
        for bad in [
            "let to = header.typed()?;",
            "let uri = rsip::Uri::try_from(text)?;",
            "let text = rsip::Header::Via(via).to_string();",
            "let message = SipMessage::parse(bytes);",
        ] {
            let tree = Tree::of(&[("host/sip/src/wire/parse.rs", bad)]);
            assert_eq!(check(&tree).len(), 1, "{bad}");
        }
    }

    #[test]
    fn the_benchmark_of_the_codec_may_measure_rsip() {
        let code = concat!(
            "let message = rsip::SipMessage::try_from(bytes);\nfn f() { to",
            "do!() }"
        );
        let found = |path| check(&Tree::of(&[(path, code)])).len();
        let unfinished = found("host/sip/benches/codec.rs");
        assert_eq!(unfinished, 1, "only the wire is exempt");
        assert_eq!(found("host/sip/src/wire/parse.rs"), 3);
    }

    #[test]
    fn the_types_of_rsip_are_welcome_in_sip() {
        let good = "let code = rsip::StatusCode::from(200);\nlet text = uri.to_string();\n";
        let tree = Tree::of(&[("host/sip/src/wire/parse.rs", good)]);
        assert_eq!(check(&tree), []);
    }
}
