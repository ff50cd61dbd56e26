//! What the binary promises about itself: status, signals, the demonstration.

use std::process::Command;

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
