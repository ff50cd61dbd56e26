//! The users of a load: their numbers, and the tenant that they belong to.

use std::net::SocketAddr;

use serde_json::json;

use crate::node::Node;
use crate::rest::Rest;

/// A user's own number, and the private number that it calls.
pub(crate) fn numbers_of(user: u32) -> (String, String) {
    (format!("{}", 100_000 + user), format!("{}", 200_000 + user))
}

/// A tenant whose users call through a trunk, with a private number each; its key.
pub(crate) fn furnish(node: &Node, users: u32, caller: SocketAddr, callee: SocketAddr) -> String {
    let tenant = json!({ "name": "acme", "domain": "acme.example" });
    let tenant = node.platform().post("/api/platform/tenants", &tenant);
    let tenant = tenant.expect(201);
    let key = tenant["key"].as_str().expect("the key is shown once");
    let rest = Rest::new(node.http, key);
    let trunk = json!({
        "name": "carrier",
        "address": caller.to_string(),
        "accept_from": ["127.0.0.1/32"],
        "prefixes": ["9"],
    });
    rest.post("/api/v1/trunks", &trunk).expect(201);
    let callee = json!({ "user": "3001", "address": callee.to_string() });
    rest.post("/api/v1/phones", &callee).expect(201);
    for user in 0..users {
        let number = json!({ "number": numbers_of(user).1, "plugin": "makecall" });
        rest.post("/api/v1/numbers", &number).expect(201);
    }
    key.to_owned()
}
