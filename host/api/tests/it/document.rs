//! The document is a contract: every change of it is seen in review.

use expect_test::expect_file;

use crate::harness::Api;

/// Accept a change with `UPDATE_EXPECT=1 cargo test -p api`.
#[tokio::test]
async fn openapi_is_the_golden_file() {
    let api = Api::new().await;
    let answer = api.get("/openapi.json", "").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.json()["openapi"], "3.1.0");
    expect_file!["./openapi.json"].assert_eq(&format!("{}\n", answer.text));
}

#[tokio::test]
async fn the_reading_page_names_every_route_and_needs_nothing_from_elsewhere() {
    let api = Api::new().await;
    let page = api.get("/docs", "").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let document = api.get("/openapi.json", "").await.json();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.text.contains(path.as_str()), "{path}");
    }
    assert!(!page.text.contains("http://") && !page.text.contains("https://"));
    assert!(!page.text.contains("<script"));
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_how_it_fails() {
    let api = Api::new().await;
    let document = api.get("/openapi.json", "").await.json();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
            for response in operation["responses"].as_object().unwrap().values() {
                let words = response["description"].as_str().unwrap();
                assert!(!words.is_empty(), "{method} {path}");
            }
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["tags"][0].is_string(), "{method} {path}");
            let fails = operation["responses"]["default"].is_object();
            assert!(fails || path.ends_with('z'), "{method} {path}");
        }
    }
}
