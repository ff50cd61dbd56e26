//! A tenant as the tests need it: the user 1001 with the private number 2001, and the callee 3001.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::node::{Node, component};
use crate::rest::Rest;
use crate::sipp::{Scenario, free_port};
use crate::stopwatch::wait_for;

/// A tenant and its phones. Both phones are lines: known by the address that they call from.
pub(crate) struct Office {
    pub(crate) rest: Rest,
    node: SocketAddr,
    /// The phone 1001.
    pub(crate) user: SocketAddr,
    /// The phone 3001.
    pub(crate) callee: SocketAddr,
}

impl Office {
    /// A new tenant with numbers 2001 and 2002, and both phones.
    pub(crate) fn open(node: &Node, name: &str) -> Self {
        let office = Self::empty(node, name);
        office.number("2001", "makecall");
        office.number("2002", "makecall");
        office.phone("1001", office.user);
        office.phone("3001", office.callee);
        office
    }

    /// A new tenant without anything.
    pub(crate) fn empty(node: &Node, name: &str) -> Self {
        let tenant = json!({ "name": name, "domain": format!("{name}.example") });
        let tenant = node.platform().post("/api/platform/tenants", &tenant);
        let key = tenant.expect(201)["key"].as_str().map(str::to_owned);
        Self {
            rest: Rest::new(node.http, &key.expect("the key is shown once")),
            node: node.sip,
            user: free_port(),
            callee: free_port(),
        }
    }

    /// Gives the tenant a number that leads to `plugin`.
    pub(crate) fn number(&self, number: &str, plugin: &str) {
        let body = json!({ "number": number, "plugin": plugin });
        self.rest.post("/api/v1/numbers", &body).expect(201);
    }

    /// Gives the tenant a phone that is known by its address.
    pub(crate) fn phone(&self, user: &str, address: SocketAddr) {
        self.phone_over("udp", user, address);
    }

    /// The same, over that transport.
    pub(crate) fn phone_over(&self, transport: &str, user: &str, address: SocketAddr) {
        let address = address.to_string();
        let body = json!({ "user": user, "address": address, "transport": transport });
        self.rest.post("/api/v1/phones", &body).expect(201);
    }

    /// Turns to that node, which has this tenant too.
    pub(crate) fn turn_to(&mut self, node: &Node) {
        self.rest = self.rest.at(node.http);
        self.node = node.sip;
    }

    /// The user asks that its call to `caller` be led to `callee`; the answer is the request's id.
    pub(crate) fn makecall(&self, caller: &str, callee: &str) -> String {
        self.makecall_of("1001", caller, callee)
    }

    /// The same for another user.
    pub(crate) fn makecall_of(&self, user: &str, caller: &str, callee: &str) -> String {
        let body = json!({ "caller": caller, "callee": callee });
        let path = format!("/api/user/{user}/makecall");
        let reply = self.rest.post(&path, &body).expect(200);
        reply["callid"]
            .as_str()
            .expect("the id is a text")
            .to_owned()
    }

    /// The user asks that nothing be pending any more; the answer is the status.
    pub(crate) fn cancelcall(&self) -> u16 {
        self.cancelcall_of("1001")
    }

    /// The same for another user.
    pub(crate) fn cancelcall_of(&self, user: &str) -> u16 {
        let path = format!("/api/user/{user}/cancelcall");
        self.rest.post(&path, &json!({})).status
    }

    /// The user's phone calls `number`.
    pub(crate) fn calls(&self, scenario: &'static str, number: &str) -> Scenario {
        Scenario::caller(scenario, self.user, self.node, number)
    }

    /// The callee's phone is called.
    pub(crate) fn is_called(&self, scenario: &'static str) -> Scenario {
        Scenario::callee(scenario, self.callee)
    }

    /// Changes settings of a plugin.
    pub(crate) fn set(&self, plugin: &str, settings: &Value) {
        let path = format!("/api/v1/plugins/{plugin}/settings");
        self.rest.put(&path, settings).expect(200);
    }

    /// Uploads a policy of ours and activates it behind that number.
    pub(crate) fn install(&self, plugin: &str, number: &str) {
        let path = format!("/api/v1/plugins/{plugin}");
        let versions = format!("{path}/versions");
        let uploaded = self.rest.upload(&versions, component(plugin)).expect(201);
        let version = json!({ "version": uploaded["version"] });
        let activation = format!("{path}/activation");
        self.rest.put(&activation, &version).expect(200);
        self.number(number, plugin);
    }

    /// Uploads the policy that misbehaves, in that way, behind the number 9001.
    pub(crate) fn install_faulty(&self, fault: &str) {
        self.install("faulty", "9001");
        self.set("faulty", &json!({ "fault": fault }));
    }

    /// The messages of a plugin's log, once one of them contains `word`.
    pub(crate) fn log_with(&self, plugin: &str, word: &str) -> String {
        let path = format!("/api/v1/plugins/{plugin}/logs?limit=100");
        wait_for(
            &format!("{word:?} in the log"),
            Duration::from_secs(10),
            || {
                let log = self.rest.get(&path).expect(200).to_string();
                log.contains(word).then_some(log)
            },
        )
    }

    /// The CDRs with that user data, outbound last, once there are `count` of them and all are final.
    pub(crate) fn cdrs(&self, user_data: &str, count: usize) -> Vec<Value> {
        self.cdrs_where(&format!("user_data={user_data}"), count)
    }

    /// The CDRs that a filter finds, outbound last, once there are `count` and all are final.
    pub(crate) fn cdrs_where(&self, filter: &str, count: usize) -> Vec<Value> {
        let path = format!("/api/v1/cdrs?{filter}");
        let what = format!("{count} final CDRs where {filter}");
        let mut cdrs = wait_for(&what, Duration::from_secs(10), || {
            let list = self.rest.get(&path).expect(200);
            let cdrs = list["data"].as_array().expect("a list").clone();
            let are_final = cdrs.iter().all(|cdr| cdr["end_time"].is_string());
            (cdrs.len() == count && are_final).then_some(cdrs)
        });
        cdrs.sort_by_key(|cdr| cdr["direction"].to_string());
        cdrs
    }

    /// How many calls are live.
    pub(crate) fn live(&self) -> usize {
        let list = self.rest.get("/api/v1/calls").expect(200);
        list["data"].as_array().expect("a list").len()
    }
}

/// Holds some members of a CDR against what they should be.
pub(crate) fn check(cdr: &Value, expect: &Value) {
    for (name, value) in expect.as_object().expect("an object") {
        assert_eq!(&cdr[name], value, "{name} of {cdr:#}");
    }
}
