//! Who may depend on whom, and which room a third-party crate may be spoken of in.
//!
//! Manifests say what a crate can reach; that is the strong check. Where one crate has a room of its
//! own inside a member (rtp-rs in `media/src/rtp`), the source is searched for its name.

use crate::tidy::Finding;
use crate::tidy::source;
use crate::tidy::tree::{File, Tree};

/// Members and those of ours that they may build on. Others (server, tests, automation) are free.
const DOWNWARD: [(&str, &[&str]); 12] = [
    ("host/audio", &[]),
    ("host/model", &[]),
    ("host/sip", &[]),
    ("host/cpu", &[]),
    ("host/media", &["cpu", "uring"]),
    ("host/uring", &[]),
    ("host/store", &["model"]),
    ("host/policy", &["model"]),
    ("host/recorded", &["model"]),
    ("host/api", &["store", "model"]),
    ("host/control", &["sip", "media", "model"]),
    ("host/author", &["kit", "model", "pack", "policy"]),
];

/// Crates that the automation must not link, so that it builds in seconds.
const NOT_IN_XTASK: [&str; 2] = ["policy", "server"];

/// Our own crates, by the names that manifests use.
const OURS: [&str; 17] = [
    "api",
    "audio",
    "author",
    "control",
    "cpu",
    "jackfield",
    "kit",
    "media",
    "model",
    "pack",
    "policy",
    "recorded",
    "server",
    "sim",
    "sip",
    "store",
    "uring",
];

/// Third-party crates and the paths that they may appear under.
const ROOMS: [(&str, &[&str]); 12] = [
    ("io_uring", &["host/uring/"]),
    ("rsip", &["host/sip/"]),
    ("rtp_rs", &["host/media/src/rtp"]),
    ("aes", &["host/media/src/srtp"]),
    ("aes_gcm", &["host/media/src/srtp"]),
    ("object_store", &["host/server/src/recordings"]),
    ("rubato", &["host/audio/"]),
    ("rusty_opus", &["host/media/src/opus"]),
    ("symphonia", &["host/audio/"]),
    ("wasmtime", &["host/policy/"]),
    ("sqlx", &["host/store/"]),
    ("axum", &["host/api/", "host/server/"]),
];

/// Dependencies among our own crates point down only, and third-party crates are declared only by
/// the member whose room they are in.
pub(super) fn dependencies(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().filter(|file| file.name() == "Cargo.toml");
    let members = manifests.filter(|file| file.path != "Cargo.toml");
    members.flat_map(dependencies_of).collect()
}

/// A third-party crate's name in the source, outside its room.
pub(super) fn third_party(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (name, room) in ROOMS {
            if room.iter().any(|path| file.path.starts_with(path)) {
                continue;
            }
            let is_path = |at: &usize| file.code[at + name.len()..].starts_with("::");
            for at in source::words(&file.code, name).filter(is_path) {
                let line = source::line_of(&file.code, at);
                let message = format!("{name} belongs to {}", room.join(" and "));
                findings.push(Finding::at(&file.path, line, message));
            }
        }
    }
    findings
}

fn dependencies_of(manifest: &File) -> Vec<Finding> {
    let member = manifest.member();
    let allowed = DOWNWARD.iter().find(|(name, _)| *name == member);
    let mut findings = Vec::new();
    for (line, section, name) in declared(&manifest.text) {
        let is_for_tests = section == "dev-dependencies";
        let is_ours = OURS.contains(&name);
        let is_upward = allowed.is_some_and(|(_, down)| is_ours && !down.contains(&name));
        if is_upward && !is_for_tests {
            findings.push((line, format!("{member} must not depend on {name}")));
        }
        if member == "host/xtask" && NOT_IN_XTASK.contains(&name) {
            findings.push((line, format!("the automation must not depend on {name}")));
        }
        let crate_name = name.replace('-', "_");
        let room = ROOMS.iter().find(|(room, _)| *room == crate_name);
        let at_home = |paths: &[&str]| paths.iter().any(|path| path.starts_with(member));
        if let Some((_, paths)) = room
            && !at_home(paths)
        {
            findings.push((line, format!("{name} belongs to {}", paths.join(" and "))));
        }
    }
    let finding = |(line, message)| Finding::at(&manifest.path, line, message);
    findings.into_iter().map(finding).collect()
}

/// Line, section and name of every dependency in a manifest.
fn declared(manifest: &str) -> Vec<(usize, &str, &str)> {
    let mut declared = Vec::new();
    let mut section = "";
    for (at, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = header.rsplit('.').next().unwrap_or(header);
            continue;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        if section.ends_with("dependencies") && !name.is_empty() && !name.starts_with('#') {
            declared.push((at + 1, section, name.trim_matches('"')));
        }
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::{dependencies, third_party};
    use crate::tidy::tree::Tree;

    fn messages(findings: Vec<super::Finding>) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dependency_that_points_up_is_found() {
        let manifest = "[dependencies]\nmodel.workspace = true\ncontrol.workspace = true\n";
        let tree = Tree::of(&[("host/store/Cargo.toml", manifest)]);
        let expect = "host/store/Cargo.toml:3: error: host/store must not depend on control";
        assert_eq!(messages(dependencies(&tree)), [expect]);
    }

    #[test]
    fn a_dependency_of_tests_may_point_up() {
        let manifest = "[dev-dependencies]\ncontrol.workspace = true\n";
        let tree = Tree::of(&[("host/store/Cargo.toml", manifest)]);
        assert_eq!(dependencies(&tree), []);
    }

    #[test]
    fn the_automation_links_no_policy_host() {
        let tree = Tree::of(&[(
            "host/xtask/Cargo.toml",
            "[dependencies]\npolicy.workspace = true\n",
        )]);
        assert_eq!(dependencies(&tree).len(), 1);
    }

    #[test]
    fn a_third_party_crate_is_declared_in_its_room_only() {
        for (path, name, findings) in [
            ("host/media/Cargo.toml", "rtp-rs", 0),
            ("host/control/Cargo.toml", "rtp-rs", 1),
            ("host/server/Cargo.toml", "axum", 0),
            ("host/server/Cargo.toml", "wasmtime", 1),
            ("tests/flows/Cargo.toml", "sqlx", 1),
        ] {
            let manifest = format!("[dependencies]\n{name} = \"1\"\n");
            let tree = Tree::of(&[(path, &manifest)]);
            assert_eq!(dependencies(&tree).len(), findings, "{path} {name}");
        }
    }

    #[test]
    fn a_third_party_name_outside_its_room_is_found() {
        let name = "rtp_rs";
        let bad = format!("use {name}::RtpReader;\n");
        let tree = Tree::of(&[
            ("host/media/src/plane.rs", &bad),
            ("host/media/src/rtp/read.rs", &bad),
            ("host/media/src/rtp.rs", &bad),
            (
                "host/sip/src/lib.rs",
                "// rtp_rs is not here\nlet my_rtp_rs = 1;",
            ),
        ]);
        let expect = "host/media/src/plane.rs:1: error: rtp_rs belongs to host/media/src/rtp";
        assert_eq!(messages(third_party(&tree)), [expect]);
    }
}
