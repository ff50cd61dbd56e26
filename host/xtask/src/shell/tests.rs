//! What a nested cargo inherits, and what a failure is called.

use std::process::Command;

use super::{Workspace, exit_code, is_about_this_crate, run, words};

#[test]
fn a_nested_cargo_keeps_the_users_settings_and_loses_this_crates() {
    for kept in [
        "CARGO_HOME",
        "CARGO_NET_OFFLINE",
        "CARGO_BUILD_JOBS",
        "RUSTFLAGS",
    ] {
        assert!(!is_about_this_crate(kept), "{kept}");
    }
    for lost in [
        "CARGO_PKG_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_PRIMARY_PACKAGE",
    ] {
        assert!(is_about_this_crate(lost), "{lost}");
    }
}

#[test]
fn a_failed_programs_status_is_passed_on() {
    let error = run(Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
    assert_eq!(error.to_string(), "sh -c exit 7 ended with status 7");
    assert_eq!(
        format!("{:?}", exit_code(&error)),
        format!("{:?}", std::process::ExitCode::from(7))
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = run(&mut Command::new("no-such-program-here")).unwrap_err();
    assert_eq!(error.to_string(), "cannot run no-such-program-here");
}

#[test]
fn commands_are_told_without_the_folder_of_their_program() {
    let mut command = Command::new("/usr/bin/cargo");
    command.args(["build", "-p", "server"]);
    assert_eq!(words(&command), "cargo build -p server");
}

#[test]
fn the_workspace_is_found_from_this_crate() {
    let workspace = Workspace::find().unwrap();
    assert!(workspace.root.join("host/xtask/Cargo.toml").is_file());
}
