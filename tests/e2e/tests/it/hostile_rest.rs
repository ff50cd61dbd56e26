//! Requests that no client of good will makes: a problem that names what is wrong, and nothing changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::node::Node;
use crate::office::Office;
use crate::rest::Rest;

/// The routes that take an object by POST, and one that each of them takes.
fn posts() -> Vec<(&'static str, &'static str, Value)> {
    let trunk = json!({
        "name": "carrier", "address": "127.0.0.1:5070", "transport": "udp",
        "accept_from": ["127.0.0.1/32"], "prefixes": ["3"],
    });
    let call = json!({ "verb": "makecall", "user": "1001", "body": { "caller": "2001" } });
    let user = "/api/user/{telnum}";
    vec![
        (
            "/api/platform/tenants",
            "",
            json!({ "name": "new", "domain": "new.example" }),
        ),
        (
            "/api/v1/numbers",
            "",
            json!({ "number": "2009", "plugin": "makecall" }),
        ),
        ("/api/v1/trunks", "", trunk),
        (
            "/api/v1/phones",
            "",
            json!({ "user": "1009", "address": "127.0.0.1:5071" }),
        ),
        (
            "/api/v1/phones",
            "",
            json!({ "user": "1009", "password": "secret" }),
        ),
        (
            "/api/v1/keys",
            "",
            json!({ "name": "new", "scope": "phone", "user": "1001" }),
        ),
        ("/api/v1/calls", "", call),
        (
            user,
            "/makecall",
            json!({ "caller": "2001", "callee": "3001" }),
        ),
        (user, "/cancelcall", json!({ "reason": "none" })),
        (user, "/{verb}", json!({ "anything": ["at", "all"] })),
        (
            "/api/cti/callin",
            "",
            json!({ "from": "1001", "to": "3001" }),
        ),
    ]
}

/// Routes by POST that take no object.
const NO_OBJECT: [&str; 3] = [
    "/api/v1/plugins/{name}/versions",
    "/api/v1/plugins/{name}/rollback",
    "/api/v1/prompts",
];

/// A tenant, the platform, and what can be seen of both.
struct World {
    office: Office,
    platform: Rest,
}

impl World {
    fn open(node: &Node) -> Self {
        let office = Office::open(node, "acme");
        let platform = node.platform();
        Self { office, platform }
    }

    fn rest(&self, path: &str) -> &Rest {
        let is_platform = path.starts_with("/api/platform");
        if is_platform {
            &self.platform
        } else {
            &self.office.rest
        }
    }

    fn post(&self, path: &str, body: &Value) -> crate::rest::Answer {
        self.rest(path).post(&filled(path), body)
    }

    fn state(&self) -> Vec<Value> {
        let paths = [
            "/api/platform/tenants",
            "/api/v1/numbers",
            "/api/v1/trunks",
            "/api/v1/phones",
            "/api/v1/keys",
            "/api/v1/plugins",
            "/api/v1/calls",
            "/api/v1/cdrs",
            "/api/v1/plugins/makecall/settings",
            "/api/v1/plugins/makecall/activation",
        ];
        paths
            .map(|path| self.rest(path).get(path).expect(200))
            .into()
    }
}

fn filled(path: &str) -> String {
    path.replace("{telnum}", "1001").replace("{verb}", "other")
}

#[test]
fn the_table_has_every_route_that_takes_an_object() {
    let node = Node::start();
    let document = node.platform().get("/openapi.json").expect(200);
    let paths = document["paths"].as_object().expect("an object");
    let posted = paths
        .iter()
        .filter(|(_, methods)| methods["post"].is_object());
    let posted: BTreeSet<String> = posted.map(|(path, _)| path.clone()).collect();
    let table = posts()
        .into_iter()
        .map(|(path, rest, _)| format!("{path}{rest}"));
    let table: BTreeSet<String> = table.chain(NO_OBJECT.map(str::to_owned)).collect();
    assert_eq!(posted, table);
}

#[test]
fn a_line_break_in_any_text_is_refused_by_its_pointer_and_changes_nothing() {
    let node = Node::start();
    let world = World::open(&node);
    let before = world.state();
    for (path, rest, body) in posts() {
        let path = format!("{path}{rest}");
        for pointer in texts(&body, "") {
            for hostile in ["\r\nX-Forged: 1", "\n", "\r", "\0"] {
                let mut body = body.clone();
                let text = body.pointer_mut(&pointer).expect("it is there");
                let spoilt = format!("{}{hostile}", text.as_str().expect("a text"));
                *text = spoilt.into();
                let problem = world.post(&path, &body).expect(422);
                let first = &problem["errors"][0]["pointer"];
                assert_eq!(*first, format!("#{pointer}"), "{path}: {problem:#}");
            }
        }
    }
    let settings = "/api/v1/plugins/makecall/settings";
    let body = json!({ "max_ring_seconds": "2\r\n" });
    let problem = world.office.rest.put(settings, &body).expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "#/max_ring_seconds");
    assert_eq!(world.state(), before);
    assert_eq!(world.office.cancelcall(), 404, "nothing is pending");
}

/// The pointers to all texts in there.
fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let below = |(name, value): (String, &Value)| texts(value, &format!("{pointer}/{name}"));
    match value {
        Value::String(_) => vec![pointer.to_owned()],
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, it)| (at.to_string(), it))
                .flat_map(below)
                .collect()
        }
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, it)| (name.clone(), it))
                .flat_map(below)
                .collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_member_of_a_wrong_type_is_refused_by_its_pointer_and_changes_nothing() {
    let node = Node::start();
    let world = World::open(&node);
    let before = world.state();
    for (path, rest, body) in posts() {
        // What is in there is the policy's to judge: any object passes as far as it.
        if rest == "/{verb}" || rest == "/cancelcall" {
            continue;
        }
        let path = format!("{path}{rest}");
        for (name, member) in body.as_object().expect("an object") {
            if name == "body" {
                continue;
            }
            let wrong = [json!(1), json!({}), json!([7]), json!(true)];
            for wrong in wrong {
                if member.is_array() && wrong.is_array() {
                    continue;
                }
                let mut body = body.clone();
                body[name] = wrong;
                let answer = world.post(&path, &body);
                let status = answer.status;
                assert!(
                    matches!(status, 400 | 422),
                    "{path}: {status} {:#}",
                    answer.body
                );
                let pointer = format!("/{name}");
                assert!(
                    answer.body.to_string().contains(&pointer),
                    "{path}: {:#}",
                    answer.body
                );
            }
        }
    }
    assert_eq!(world.state(), before);
    assert_eq!(world.office.cancelcall(), 404, "nothing is pending");
}

#[test]
fn a_body_that_is_too_large_too_deep_or_no_json_is_refused_and_changes_nothing() {
    let node = Node::start();
    let world = World::open(&node);
    let before = world.state();
    let large = json!({ "caller": "2".repeat(70_000), "callee": "3001" }).to_string();
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40));
    let bodies: [(String, u16); 9] = [
        (large, 413),
        (deep(33), 400),
        (deep(30_000), 400),
        (deep_object, 400),
        ("{".into(), 400),
        ("{}{}".into(), 400),
        ("{\"caller\":\"2001\",\"callee\":\"\\ud800\"}".into(), 400),
        ("{\"caller\":1e999,\"callee\":\"3001\"}".into(), 400),
        (
            "{\"caller\":\"2001\",\"caller\":\"2002\",\"callee\":\"3001\"}".into(),
            422,
        ),
    ];
    for (path, rest, _) in posts() {
        let path = format!("{path}{rest}");
        let post = |media: &str, body: &[u8]| {
            world
                .rest(&path)
                .post_bytes(&filled(&path), media, body.to_vec())
        };
        for (body, status) in &bodies {
            let answer = post("application/json", body.as_bytes());
            let told = answer.body["status"].as_u64();
            let start = &body[..body.len().min(40)];
            assert_eq!(answer.status, *status, "{path} {start}: {:#}", answer.body);
            assert_eq!(told, Some(u64::from(*status)), "{path}: {:#}", answer.body);
        }
        let binary = post(
            "application/json",
            b"{\"caller\":\"\xff\xfe\",\"callee\":\"3001\"}",
        );
        assert_eq!(binary.status, 400, "{path}: {:#}", binary.body);
        let typed = post("text/plain", b"{\"caller\":\"2001\",\"callee\":\"3001\"}");
        assert_eq!(typed.status, 415, "{path}: {:#}", typed.body);
    }
    assert_eq!(world.state(), before);
    assert_eq!(world.office.cancelcall(), 404, "nothing is pending");
}

#[test]
fn a_key_opens_nothing_of_another_tenant_user_or_scope() {
    let node = Node::start();
    let world = World::open(&node);
    let (rest, other) = (&world.office.rest, Office::open(&node, "other"));
    world.office.makecall("2001", "3001");
    let before = world.state();
    for kind in ["numbers", "phones", "keys"] {
        let path = format!("/api/v1/{kind}");
        for thing in rest.get(&path).expect(200)["data"]
            .as_array()
            .expect("a list")
        {
            let path = format!("{path}/{}", thing["id"].as_str().expect("an id"));
            assert_eq!(other.rest.delete(&path).status, 404, "{path}");
        }
    }
    assert_eq!(other.cancelcall(), 404, "another tenant's request");
    assert_eq!(other.rest.get("/api/platform/tenants").status, 403);
    let tenant = json!({ "name": "new", "domain": "new.example" });
    let answer = other.rest.post("/api/platform/tenants", &tenant);
    assert_eq!(answer.status, 403);
    for key in [
        "",
        "jf_",
        &format!("jf_{}", "0".repeat(64)),
        "jf_\u{e4}",
        "' OR 1=1 --",
    ] {
        let nobody = Rest::new(node.http, key);
        assert_eq!(nobody.get("/api/v1/numbers").status, 401, "{key:?}");
        let cancel = nobody.post("/api/user/1001/cancelcall", &json!({}));
        assert_eq!(cancel.status, 401, "{key:?}");
    }
    let key = json!({ "name": "of 1002", "scope": "phone", "user": "1002" });
    let key = other.rest.post("/api/v1/keys", &key).expect(201);
    let phone = Rest::new(node.http, key["key"].as_str().expect("shown once"));
    let numbers = json!({ "caller": "2001", "callee": "3001" });
    assert_eq!(phone.post("/api/user/1002/makecall", &numbers).status, 200);
    assert_eq!(phone.post("/api/user/1001/makecall", &numbers).status, 403);
    assert_eq!(phone.get("/api/v1/numbers").status, 403);
    let question = json!({ "from": "1002", "to": "3001" });
    assert_eq!(phone.post("/api/cti/callin", &question).status, 403);
    let mut after = world.state();
    // The list of tenants is the same too: the other one was there before.
    assert_eq!(std::mem::take(&mut after), before);
    assert_eq!(world.office.cancelcall(), 200, "its request is still there");
}
