//! SIP over TLS: a call through two nodes that prove to each other who they are, and a renewed
//! certificate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tempfile::TempDir;

use crate::baresip::{self, Account};
use crate::dns::{Dns, naptr, srv};
use crate::metrics::Page;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::wait_for;

/// Who signs certificates, and where they are.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names are names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("it may sign");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("it is ours");
        Self { issuer, folder }
    }

    /// A node that listens for TLS with a certificate for the loopback address.
    pub(crate) fn certified_node(&self) -> Node {
        self.sign("node", "127.0.0.1");
        let text = |file: &str| self.path(file).display().to_string();
        Node::start_with(&[
            ("SIP__TLS", "[\"127.0.0.1:0\"]"),
            ("SIP__TLS_CERT", &text("node.pem")),
            ("SIP__TLS_KEY", &text("node.key")),
        ])
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// A certificate for that name, in `NAME.pem` and `NAME.key` of this stem.
    pub(crate) fn sign(&self, stem: &str, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let signed = params.signed_by(&key, &self.issuer).expect("it may sign");
        let write = |end: &str, text: String| {
            std::fs::write(self.path(&format!("{stem}.{end}")), text).expect("it is ours");
        };
        write("pem", signed.pem());
        write("key", key.serialize_pem());
    }

    /// A node with that certificate, to which the other one is known by `peer`.
    fn node(&self, stem: &str, peer: &str) -> Node {
        let text = |path: &Path| path.display().to_string();
        let (cert, key) = (format!("{stem}.pem"), format!("{stem}.key"));
        let peers = format!("{{\"127.0.0.1\"=\"{peer}\"}}");
        Node::start_with(&[
            ("SIP__TLS", "[\"127.0.0.1:0\"]"),
            ("SIP__TLS_CERT", &text(&self.path(&cert))),
            ("SIP__TLS_KEY", &text(&self.path(&key))),
            ("SIP__TLS_CA", &text(&self.path("ca.pem"))),
            ("SIP__TLS_CLIENT_CA", &text(&self.path("ca.pem"))),
            ("SIP__TLS_NAMES", &peers),
        ])
    }
}

/// Gives the office a trunk to that node.
fn trunk(office: &Office, to: &Node) {
    let body = json!({
        "name": "other", "address": to.sip_over("tls").to_string(), "transport": "tls",
        "accept_from": ["127.0.0.1/32"], "prefixes": ["2"],
    });
    office.rest.post("/api/v1/trunks", &body).expect(201);
}

/// How many handshakes have failed at a node.
fn failed(node: &Node) -> u64 {
    let labels = [r#"end="handshake""#];
    Page::of(node).count("jackfield_sip_connections_ended_total", &labels)
}

#[test]
fn a_call_crosses_two_nodes_by_tls_and_a_renewed_certificate_needs_no_restart() {
    if !sipp::is_there() {
        return;
    }
    let authority = Authority::new();
    authority.sign("near", "near.example");
    // Not what the other one expects.
    authority.sign("far", "wrong.example");
    let near = authority.node("near", "far.example");
    let far = authority.node("far", "near.example");
    let (mut here, there) = (Office::empty(&near, "here"), Office::empty(&far, "there"));
    here.number("2001", "makecall");
    here.phone("1001", here.user);
    trunk(&here, &far);
    there.number("2001", "makecall");
    there.phone("3001", there.callee);
    trunk(&there, &near);

    here.makecall("2001", "2001");
    let refused = here.calls("uac-refused", "2001").with("status", 500);
    refused.start().finish();
    assert!(failed(&near) > 0);

    authority.sign("far", "far.example");
    wait_for("the new certificate", Duration::from_secs(15), || {
        far.text().contains("are in use").then_some(())
    });
    // SIPp does not use its port twice.
    here.user = sipp::free_port();
    here.phone("1002", here.user);
    let id = here.makecall_of("1002", "2001", "2001");
    let id_there = there.makecall_of("2001", "2001", "3001");
    let mut callee = there.is_called("uas-answers").start();
    here.calls("uac-answered", "2001").start().finish();
    callee.finish();
    for (office, id) in [(&here, &id), (&there, &id_there)] {
        for cdr in office.cdrs(id, 2) {
            check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
        }
        assert_eq!(office.live(), 0);
    }
}

#[test]
fn a_softphone_calls_by_tls_and_is_hung_up_on_over_the_connection_that_it_made() {
    if !sipp::is_there() || !baresip::is_there() {
        return;
    }
    let authority = Authority::new();
    let node = authority.certified_node();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone_over("tls", "1001", office.user);
    office.phone("3001", office.callee);
    let id = office.makecall("2001", "3001");
    let callee = office.is_called("uas-hangs-up").with("talk", 500);
    let mut callee = callee.start();
    let account = Account::line("1001", office.user, "tls");
    let mut phone = account
        .with(format!("sip_cafile {}", authority.path("ca.pem").display()))
        .start(office.user);
    let at = node.sip_over("tls");
    phone.dial(&format!("sip:2001@{at};transport=tls"));
    phone.told("CALL_ESTABLISHED");
    phone.told("CALL_CLOSED");
    callee.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
    let page = Page::of(&node);
    let made = page.count("jackfield_sip_connections_begun_total", &[r#"by="us""#]);
    assert_eq!(made, 0);
}

#[test]
fn a_trunk_by_name_is_called_by_tls_if_it_proves_that_name_and_not_where_the_dns_leads() {
    if !sipp::is_there() {
        return;
    }
    let authority = Authority::new();
    authority.sign("far", "gw.carrier.example");
    let far = authority.node("far", "unused.example");
    let there = Office::empty(&far, "there");
    there.number("2001", "makecall");
    there.phone("3001", there.callee);
    // Who the caller is does not matter here: its own address is a trunk.
    let from_near = json!({
        "name": "near", "address": "127.0.0.1:9", "accept_from": ["127.0.0.1/32"], "prefixes": ["2"],
    });
    there.rest.post("/api/v1/trunks", &from_near).expect(201);

    let dns = Dns::serve();
    let port = far.sip_over("tls").port();
    dns.know([
        (
            "carrier.example",
            35,
            naptr("SIPS+D2T", "_sips._tcp.carrier.example"),
        ),
        (
            "_sips._tcp.carrier.example",
            33,
            srv(10, port, "gw.carrier.example"),
        ),
        ("gw.carrier.example", 1, vec![127, 0, 0, 1]),
    ]);
    let servers = format!("[\"{}\"]", dns.address);
    let text = |file: &str| authority.path(file).display().to_string();
    authority.sign("near", "near.example");
    let near = Node::start_with(&[
        ("SIP__DNS", &servers),
        ("SIP__TLS_CERT", &text("near.pem")),
        ("SIP__TLS_KEY", &text("near.key")),
        ("SIP__TLS_CA", &text("ca.pem")),
    ]);
    let mut here = Office::empty(&near, "here");
    here.number("2001", "makecall");
    here.phone("1001", here.user);
    let trunk = json!({
        "name": "carrier", "address": "carrier.example", "transport": "tls", "accept_from": [],
        "prefixes": ["2"],
    });
    here.rest.post("/api/v1/trunks", &trunk).expect(201);
    wait_for("the name to be looked up", Duration::from_secs(10), || {
        dns.was_asked("gw.carrier.example", 28).then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));

    here.makecall("2001", "2001");
    let refused = here.calls("uac-refused", "2001").with("status", 500);
    refused.start().finish();
    assert!(failed(&near) > 0, "the name of the server is not enough");

    authority.sign("far", "carrier.example");
    wait_for("the new certificate", Duration::from_secs(15), || {
        far.text().contains("are in use").then_some(())
    });
    here.user = sipp::free_port();
    here.phone("1002", here.user);
    let id = here.makecall_of("1002", "2001", "2001");
    there.makecall_of("2001", "2001", "3001");
    let mut callee = there.is_called("uas-answers").start();
    here.calls("uac-answered", "2001").start().finish();
    callee.finish();
    for cdr in here.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
}
