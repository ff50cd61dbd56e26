//! What is code and what is not, and how long a function is.

use super::{Function, blank, functions, test_modules};

/// Blanks `text` and squeezes the blanks, so that rows stay readable.
fn code(text: &str) -> String {
    blank(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn strings_comments_and_characters_are_no_code() {
    let rows = [
        ("a // b { \n c", "a c"),
        ("a /* { /* { */ } */ b", "a b"),
        (r#"a "{ \" {" b"#, "a b"),
        ("a r#\"{ \" {\"# b", "a b"),
        ("a br\"{\" b", "a b"),
        ("a c\"{\" b", "a b"),
        ("a '{' b", "a b"),
        (r"a '\'' b", "a b"),
        (r"a '\u{7b}' b", "a b"),
        ("a b'{' b", "a b"),
        ("a '\"' b", "a b"),
    ];
    for (text, expect) in rows {
        assert_eq!(code(text), expect, "{text}");
    }
}

#[test]
fn lifetimes_raw_names_and_words_that_end_in_r_are_code() {
    for text in [
        "fn f<'a>(x: &'a str, y: &'a str) {}",
        "r#fn",
        "for(x)",
        "abc",
    ] {
        assert_eq!(code(text), text);
    }
}

#[test]
fn lines_stay_where_they_are() {
    let text = "let a = \"x\n\ny\"; // é\n/* \n */ fn f() {}";
    assert_eq!(
        blank(text).matches('\n').count(),
        text.matches('\n').count()
    );
    assert_eq!(functions(&blank(text))[0].line, 5);
}

#[test]
fn a_function_is_counted_from_its_name_to_its_brace() {
    let text = "impl A {\n fn f(a: [u8; 4]) -> u8\n {\n  if x { 1 }\n  \"}\"\n }\n fn g();\n}\n";
    let expect = Function {
        name: "f".to_owned(),
        line: 2,
        lines: 5,
    };
    assert_eq!(functions(&blank(text)), [expect]);
}

#[test]
fn a_function_pointer_is_no_function() {
    assert_eq!(functions("type F = fn(u8) -> u8; struct S { f: fn() }"), []);
}

#[test]
fn a_module_behind_cfg_test_is_found() {
    let text = "fn f() {}\n#[cfg(test)]\nmod tests {\n fn g() {}\n}\nfn h() {}\n";
    let modules = test_modules(text);
    assert_eq!(modules.len(), 1);
    assert!(text[modules[0].clone()].contains("fn g"));
    assert!(!text[modules[0].clone()].contains("fn h"));
}

#[test]
fn a_test_module_in_a_file_of_its_own_hides_nothing_here() {
    assert_eq!(test_modules("#[cfg(test)]\nmod tests;\nfn f() {}"), []);
}
