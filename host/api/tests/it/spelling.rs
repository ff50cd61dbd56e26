//! How trunks spell numbers, and which headers pass them.

use serde_json::{Value, json};

use crate::harness::Api;

fn trunk(name: &str, value: Value) -> Value {
    let mut trunk = json!({"name": "carrier", "address": "192.0.2.1", "accept_from": []});
    trunk[name] = value;
    trunk
}

#[tokio::test]
async fn a_trunk_shows_its_rules_longest_prefix_first_and_its_lists() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let rules = json!([{"prefix": "0", "strip": 1, "prepend": "+49"}, {"prefix": "00", "strip": 2,
                        "prepend": "+"}, {"prepend": "+4930"}]);
    let mut body = trunk("rewrite", json!({"out": {"called": rules}}));
    body["headers_in"] = json!(["Geolocation", "geolocation"]);
    body["headers_out"] = json!(["P-Charge-Info"]);
    let made = api.post("/api/v1/trunks", &tenant.key, body).await.json();
    let rule = |prefix: &str, strip: u8, prepend: &str| json!({"prefix": prefix, "strip": strip, "prepend": prepend});
    let called = [
        rule("00", 2, "+"),
        rule("0", 1, "+49"),
        rule("", 0, "+4930"),
    ];
    let none = json!({"called": [], "caller": []});
    let shown = json!({"in": none, "out": {"called": called, "caller": []}});
    assert_eq!(made["rewrite"], shown);
    assert_eq!(made["headers_in"], json!(["Geolocation"]));
    assert_eq!(made["headers_out"], json!(["P-Charge-Info"]));
    let path = format!("/api/v1/trunks/{}", made["id"].as_str().unwrap());
    assert_eq!(api.get(&path, &tenant.key).await.json(), made);
}

#[tokio::test]
async fn each_fault_of_rules_and_lists_is_named() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let many = |one: Value, count: usize| vec![one; count];
    let called = |rules: Value| trunk("rewrite", json!({"in": {"called": rules}}));
    for (body, pointer, detail) in [
        (
            called(json!([{"prefix": "0", "strip": 2}])),
            "#/rewrite/in/called",
            "strips more than the prefix \"0\" has",
        ),
        (
            called(json!([{"prefix": "0"}, {"prefix": "0", "strip": 1}])),
            "#/rewrite/in/called",
            "has two rules for the prefix \"0\"",
        ),
        (
            called(json!([{"prefix": "a"}])),
            "#/rewrite/in/called",
            "\"a\" is not up to 24 of 0-9 + * #",
        ),
        (
            called(json!(many(json!({}), 33))),
            "#/rewrite/in/called",
            "has more than 32 items",
        ),
        (
            called(json!([{"prefix": "0", "strip": -1}])),
            "#/rewrite/in/called/0/strip",
            "is not a whole number from 0",
        ),
        (
            called(json!([{"from": "0"}])),
            "#/rewrite/in/called/0/from",
            "is not known here",
        ),
        (
            trunk("rewrite", json!({"up": {}})),
            "#/rewrite/up",
            "is not known here",
        ),
        (
            trunk("headers_out", json!(["X-A", "Via"])),
            "#/headers_out/1",
            "Via is the platform's own",
        ),
        (
            trunk("headers_in", json!(["p-asserted-identity"])),
            "#/headers_in/0",
            "p-asserted-identity is the platform's own",
        ),
        (
            trunk("headers_in", json!(["s"])),
            "#/headers_in/0",
            "\"s\" is a short form: write the name in full",
        ),
        (
            trunk("headers_in", json!(["a b"])),
            "#/headers_in/0",
            "is not the name of a header",
        ),
        (
            trunk("headers_in", json!(many(json!("X-A"), 17))),
            "#/headers_in",
            "has more than 16 items",
        ),
    ] {
        let answer = api.post("/api/v1/trunks", &tenant.key, body).await.json();
        let fault = &answer["errors"][0];
        assert_eq!(
            (fault["pointer"].as_str(), fault["detail"].as_str()),
            (Some(pointer), Some(detail)),
            "{answer}"
        );
        assert_eq!(
            answer["errors"].as_array().map(Vec::len),
            Some(1),
            "{answer}"
        );
    }
}
