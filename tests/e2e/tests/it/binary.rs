//! What the binary promises about itself: status, signals, the demonstration.

use std::{io::Write, process::Command};

use crate::node::{Node, binary};

#[test]
fn a_node_that_is_asked_to_stop_ends_with_status_0() {
    let mut node = Node::start();
    let status = node.stop();
    assert!(status.success(), "{status}:\n{}", node.text());
}

#[test]
fn the_demonstration_ends_with_status_0_and_shows_the_ladder() {
    let output = Command::new(binary()).arg("demo").output();
    let output = output.expect("the binary can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}:\n{text}\n{errors}",
        output.status
    );
    for part in ["INVITE", "180", "200", "BYE", "1001", "2001", "3001"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn wrong_usage_ends_with_status_2() {
    let output = Command::new(binary()).arg("no-such-command").output();
    assert_eq!(
        output.expect("the binary can be run").status.code(),
        Some(2)
    );
}

#[test]
fn a_wrong_configuration_is_told_by_its_key_and_starts_nothing() {
    let check = |settings: &str| {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(settings.as_bytes()).expect("it is ours");
        let mut program = Command::new(binary());
        let output = program.arg("check-config").arg("--config").arg(file.path());
        let output = output.output().expect("the binary can be run");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), errors)
    };
    assert_eq!(check("[sip]\ntcp = []\n"), (Some(0), String::new()));
    for (settings, key) in [
        (
            "[sip]\ntls = [\"127.0.0.1:0\"]",
            "sip.tls needs sip.tls_cert",
        ),
        ("[sip]\ntls_ca = \"/no/such.pem\"", "/no/such.pem"),
        ("[sip]\nupd = []", "upd"),
    ] {
        let (status, errors) = check(settings);
        assert_eq!(status, Some(1), "{errors}");
        assert!(
            errors.contains(key) && errors.lines().count() == 1,
            "{errors}"
        );
    }
}
