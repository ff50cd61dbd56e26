//! How long files and functions may be.

use crate::tidy::Finding;
use crate::tidy::source;
use crate::tidy::tree::{File, Tree};

/// Lines of a file that fail; nobody reads more at a sitting.
const FILE_FAILS: usize = 800;
/// Lines of a file that want a reason.
const FILE_WARNS: usize = 600;
/// Lines of a function: what can be seen at once.
const FUNCTION_FAILS: usize = 70;

/// Measures every Rust file. Tests are exempt from all but the longest length: a table of cases is
/// no less clear for being long.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_FAILS {
        let message = format!("{lines} lines; {FILE_FAILS} at most");
        findings.push(Finding::at(&file.path, 0, message));
    } else if lines > FILE_WARNS && !file.is_test() {
        let message = format!("{lines} lines; over {FILE_WARNS} needs a reason");
        let warning = Finding::at(&file.path, 0, message);
        findings.push(Finding {
            is_warning: true,
            ..warning
        });
    }
    if file.is_test() {
        return findings;
    }
    let tests: Vec<_> = source::test_modules(&file.code)
        .iter()
        .map(|it| source::line_of(&file.code, it.start)..=source::line_of(&file.code, it.end))
        .collect();
    for function in source::functions(&file.code) {
        let is_test = tests.iter().any(|lines| lines.contains(&function.line));
        if function.lines > FUNCTION_FAILS && !is_test {
            let message = format!(
                "fn {}: {} lines; {FUNCTION_FAILS} at most",
                function.name, function.lines
            );
            findings.push(Finding::at(&file.path, function.line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::tree::Tree;

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g(\"}\");\n".repeat(lines - 2))
    }

    fn found(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[(path, text)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_function_of_71_lines_fails() {
        assert_eq!(found("host/a/src/lib.rs", &function(70)), [""; 0]);
        let expect = "host/a/src/lib.rs:1: error: fn f: 71 lines; 70 at most";
        assert_eq!(found("host/a/src/lib.rs", &function(71)), [expect]);
    }

    #[test]
    fn functions_of_tests_may_be_longer() {
        assert_eq!(found("host/a/src/tests.rs", &function(100)), [""; 0]);
        let inside = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(100));
        assert_eq!(found("host/a/src/lib.rs", &inside), [""; 0]);
    }

    #[test]
    fn a_file_of_801_lines_fails_and_one_of_601_wants_a_reason() {
        let lines = |count: usize| "// a line\n".repeat(count);
        let fails = "host/a/src/b.rs: error: 801 lines; 800 at most";
        assert_eq!(found("host/a/src/b.rs", &lines(801)), [fails]);
        let warns = "host/a/src/b.rs: warning: 601 lines; over 600 needs a reason";
        assert_eq!(found("host/a/src/b.rs", &lines(601)), [warns]);
        assert_eq!(found("host/a/src/b.rs", &lines(600)), [""; 0]);
    }
}
