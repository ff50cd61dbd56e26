//! The author's way, by its commands: from nothing to a policy that answers calls, and back.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use media::handset::Speech;
use media::sdp::Codec;
use media::tone;
use serde_json::json;

use crate::handset::Audio;
use crate::node::{self, Node, binary};
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::wait_for;

/// An author at work in a folder, with a key of a tenant.
struct Author<'a> {
    folder: &'a Path,
    server: String,
    key: String,
}

impl Author<'_> {
    fn run(&self, words: &str) -> Output {
        let mut command = Command::new(binary());
        command.current_dir(self.folder).arg("plugin");
        command.args(words.split_whitespace());
        command.env("JACKFIELD_SERVER", &self.server);
        command.env("JACKFIELD_KEY", &self.key);
        command.output().expect("the binary can be run")
    }

    /// What a command said that did what it was told.
    fn does(&self, words: &str) -> String {
        let output = self.run(words);
        let [said, errors] = [output.stdout, output.stderr].map(|it| text_of(&it));
        assert!(output.status.success(), "{words}: {errors}");
        said
    }

    /// What a command said that did not.
    fn fails(&self, words: &str) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(1), "{words}");
        let errors = text_of(&output.stderr);
        assert_eq!(errors.trim().lines().count(), 1, "{errors}");
        errors
    }
}

fn text_of(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn an_author_comes_from_nothing_to_a_policy_that_answers_calls() {
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.phone("1001", office.user);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let outside = Author {
        folder: folder.path(),
        server: format!("http://{}", node.http),
        key: office.rest.key.clone(),
    };
    outside.does("new bell");
    assert!(outside.fails("new bell").contains("bell is there already"));
    assert!(outside.fails("new Bell").contains("lower-case"));
    let project = folder.path().join("bell");
    let author = Author {
        folder: &project,
        ..outside
    };
    let built = author.does("build");
    assert!(
        built.contains("exports media-events, call-events"),
        "{built}"
    );
    let played = author.does("test");
    assert!(played.contains("1 of 1 passed"), "{played}");
    let wrong = project.join("wrong.toml");
    let text = std::fs::read_to_string(project.join("scenarios/answers.toml"));
    let text = text.expect("it is a part of the project");
    let text = text.replace("release 1001 200", "release 1001 486");
    std::fs::write(wrong, text).expect("the folder is ours");
    let output = author.run("test wrong.toml");
    let said = text_of(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("missing, or not in this order: release 1001 486"),
        "{said}"
    );
    let component = "target/plugins/bell.wasm";
    let taken = author.does(&format!("check {component}"));
    assert!(taken.contains("would be taken"), "{taken}");
    let refused = author.fails("check Cargo.toml");
    assert!(refused.contains("not a component"), "{refused}");
    let refused = author.fails("push Cargo.toml --name bell");
    assert!(refused.contains("422: not a component"), "{refused}");
    let pushed = author.does(&format!("push {component}"));
    assert!(pushed.contains("bell: version 1"), "{pushed}");
    let active = author.does("activate bell 1");
    assert_eq!(active, "bell: version 1 is active\n");
    office.number("2001", "bell");
    if sipp::is_there() {
        call(&office, 1);
        let log = author.does("logs bell");
        assert!(log.contains("1001 calls 2001"), "{log}");
        replays(&author, component);
    }
    let again = author.does(&format!("push {component} --json"));
    assert!(again.contains("\"version\": 2"), "{again}");
    assert_eq!(
        author.does("activate bell 2 --share 10"),
        "bell: version 1 active, version 2 on trial for 10 %\n"
    );
    author.does("activate bell 2");
    assert_eq!(
        author.does("rollback bell"),
        "bell: version 1 is active (before: 2)\n"
    );
    let list = author.does("list");
    assert!(
        list.contains("bell  version 1 active, 2 the newest"),
        "{list}"
    );
    assert_eq!(author.does("list bell").lines().count(), 2);
    if sipp::is_there() {
        shadows(&author, &office);
    }
    let unknown = author.fails("activate bell 7");
    assert!(unknown.contains("404"), "{unknown}");
    let stranger = Author {
        key: "jf_nobody".to_owned(),
        ..author
    };
    let refused = stranger.fails("list");
    assert!(refused.contains("401"), "{refused}");
}

/// The call was recorded: the component decides the same again, another one does not, and a saved
/// recording is a test.
fn replays(author: &Author, component: &str) {
    let replay = format!("replay {component} --plugin bell");
    // Its last turns are written within a second.
    let said = wait_for("all of its turns", Duration::from_secs(10), || {
        Some(author.does(&replay)).filter(|said| said.contains("1 sessions of 4 turns"))
    });
    assert!(said.contains("1 the same, 0 differ"), "{said}");
    author.does(&format!("{replay} --save-test call"));
    let played = author.does("test");
    assert!(played.contains("2 of 2 passed"), "{played}");
    let other = memo(author);
    let output = author.run(&format!("replay {} scenarios", other.display()));
    let said = text_of(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("turn 1, on_incoming: command 1 differs"),
        "{said}"
    );
    assert!(said.contains("recorded:  answer 1001 \"bell\""), "{said}");
    assert!(said.contains("0 the same, 1 differ"), "{said}");
    std::fs::remove_file(author.folder.join("scenarios/call.json")).expect("it was saved");
}

/// A component that decides otherwise.
fn memo(author: &Author) -> PathBuf {
    let file = author.folder.join("memo.wasm");
    std::fs::write(&file, node::component("memo")).expect("the folder is ours");
    file
}

/// Another version runs along with a call that goes as if it did not, and tells what it would have done.
fn shadows(author: &Author, office: &Office) {
    let other = memo(author);
    author.does(&format!("push {} --name bell", other.display()));
    let beside = author.does("activate bell 3 --shadow");
    assert!(
        beside.contains("version 1 active, version 3 its shadow (0 sessions"),
        "{beside}"
    );
    call(office, 2);
    let told = "version 3 its shadow (1 sessions, 1 differ, 0 unknown)";
    wait_for("what the shadow did", Duration::from_secs(10), || {
        author.does("list").contains(told).then_some(())
    });
    let log = author.does("logs bell");
    assert!(
        log.contains("shadow of version 1: turn 1, on_incoming: command 1 differs"),
        "{log}"
    );
    author.does("activate bell 1");
}

/// A caller hears both beeps.
fn call(office: &Office, calls: usize) {
    let mut audio = Audio::bind();
    let caller = office.calls("uac-listens", "2001");
    let mut caller = caller.with("rtp", audio.port()).start();
    audio.start_saying(caller.media(), Codec::Pcma, Speech::Silence);
    caller.finish();
    let heard = audio.recording();
    let beeps = heard
        .chunks_exact(800)
        .filter(|it| tone::level_of(it, 1_000) > -19.0);
    let beeps = beeps.count();
    assert!((3..=4).contains(&beeps), "400 ms of beeps: {beeps}");
    let cdr = office.cdrs_where("number=2001", calls).remove(0);
    check(
        &cdr,
        &json!({ "user_data": "bell", "plugin": "bell", "dropped_by": "sys" }),
    );
}
