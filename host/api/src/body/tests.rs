use serde_json::{Value, json};

use super::{Fields, strict};

fn read(text: &str) -> Value {
    strict::value(text.as_bytes()).unwrap()
}

#[test]
fn every_kind_of_value_is_read() {
    let text =
        r#"{"n":null,"t":true,"i":-1,"u":18446744073709551615,"f":1.5,"s":"\u00e4","l":[[],{}]}"#;
    let expected: Value = serde_json::from_str(text).unwrap();
    assert_eq!(read(text), expected);
}

#[test]
fn depth_is_counted_over_lists_and_objects() {
    let nested = |depth: usize| format!("{}1{}", r#"[{"a":"#.repeat(depth), "}]".repeat(depth));
    assert!(strict::value(nested(16).as_bytes()).is_ok());
    assert!(strict::value(nested(17).as_bytes()).is_err());
    assert!(strict::value("[".repeat(60_000).as_bytes()).is_err());
}

#[test]
fn null_is_absence() {
    let object = json!({"a": null, "b": null});
    let mut fields = Fields::of(object.as_object().unwrap());
    assert_eq!(fields.optional::<String>("a"), Some(None));
    assert_eq!(fields.text::<String>("b"), None);
    let wrong = fields.finish();
    assert_eq!((wrong.len(), wrong[0].pointer.as_str()), (1, "#/b"));
}
