//! The users of a load: their numbers, and the tenants that they belong to.

use std::net::SocketAddr;

use serde_json::json;

use crate::node::Node;
use crate::rest::Rest;

/// A user's own number, and the private number that it calls.
pub(crate) fn numbers_of(user: u32) -> (String, String) {
    (format!("{}", 100_000 + user), format!("{}", 200_000 + user))
}

/// Tenants whose users call through a trunk, with a private number each, in turns; their keys. They
/// share both trunks: the called number tells whose a call is.
pub(crate) fn furnish(
    node: &Node,
    tenants: u32,
    users: u32,
    [caller, callee]: [SocketAddr; 2],
) -> Vec<String> {
    let mut keys = Vec::new();
    for tenant in 0..tenants {
        let tenant =
            json!({ "name": format!("t{tenant}"), "domain": format!("t{tenant}.example") });
        let tenant = node.platform().post("/api/platform/tenants", &tenant);
        let tenant = tenant.expect(201);
        let key = tenant["key"].as_str().expect("the key is shown once");
        keys.push(key.to_owned());
    }
    for (name, address, prefix) in [("callers", caller, "9"), ("callees", callee, "3")] {
        let trunk = json!({
            "name": name,
            "address": address.to_string(),
            "accept_from": [format!("{}/32", address.ip())],
            "prefixes": [prefix],
        });
        for key in &keys {
            let rest = Rest::new(node.http, key);
            rest.post("/api/v1/trunks", &trunk).expect(201);
        }
    }
    let rests: Vec<Rest> = keys.iter().map(|key| Rest::new(node.http, key)).collect();
    for (user, rest) in (0..users).zip(rests.iter().cycle()) {
        let number = json!({ "number": numbers_of(user).1, "plugin": "makecall" });
        rest.post("/api/v1/numbers", &number).expect(201);
    }
    keys
}
