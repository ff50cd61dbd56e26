//! Recordings in a bucket: a real call, the built binary, and a store that others wrote and that checks signatures (moto).

use std::io::Write;
use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::metrics::Page;
use crate::moto::Moto;
use crate::node::Node;
use crate::recordings::{RECORDINGS, caller, office, recording};
use crate::sipp;
use crate::stopwatch::wait_for;

/// How long a recording may take to move: it is tried again after 2 s, and after 4.
const MOVES: Duration = Duration::from_secs(20);

/// A file of credentials with that secret.
fn credentials(moto: &Moto, secret: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    let id = moto.told("id");
    let lines = format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n");
    file.write_all(lines.as_bytes()).expect("it is written");
    file
}

/// The objects in it.
fn objects(moto: &mut Moto) -> Vec<Value> {
    let has = moto.has();
    has["objects"].as_array().expect("a list").clone()
}

#[test]
fn a_recording_waits_for_the_right_key_and_then_moves_into_the_bucket() {
    if !sipp::is_there() {
        return;
    }
    let Some(mut moto) = Moto::start() else {
        return;
    };
    let [wrong, right] =
        ["another secret", moto.told("secret")].map(|secret| credentials(&moto, secret));
    let settings = |file: &NamedTempFile| {
        let text = |it: &str| it.to_owned();
        [
            ("RECORDINGS__STORE", text("s3://calls/kept")),
            ("RECORDINGS__ENDPOINT", text(moto.told("url"))),
            ("RECORDINGS__REGION", text(moto.told("region"))),
            ("RECORDINGS__CREDENTIALS", file.path().display().to_string()),
        ]
    };
    let mut node = Node::start_with(&settings(&wrong).each_ref().map(borrowed));
    let mut office = office(&node);
    let (mut caller, audio) = caller(&office, 1_500);
    caller.finish();
    drop(audio);
    let one = recording(&office, "ready");
    let path = format!("{RECORDINGS}/{}", one["id"].as_str().expect("a text"));
    let audio_of = format!("{path}/audio");
    wait_for("a warning that tells why", MOVES, || {
        node.text().contains("SignatureDoesNotMatch").then_some(())
    });
    assert!(!node.text().contains("another secret"), "no secret is told");
    let file = office.rest.file(&audio_of);
    let settings = settings(&right);
    assert_eq!(objects(&mut moto), [] as [Value; 0]);

    node.crash();
    node.restart_with(&settings.each_ref().map(borrowed));
    office.turn_to(&node);
    wait_for("the recording to move", MOVES, || {
        let mut files = node.recordings().read_dir().expect("it is there");
        files.next().is_none().then_some(())
    });
    let [object] = &objects(&mut moto)[..] else {
        panic!("there is one object");
    };
    let (name, id) = (object["name"].as_str(), one["id"].as_str());
    let ends = format!("/{}.wav", id.expect("a text"));
    let is_its = |it: &str| it.starts_with("kept/") && it.ends_with(&ends);
    assert!(name.is_some_and(is_its), "{object}");
    assert_eq!(object["size"], one["size"]);
    assert!(
        office.rest.file(&audio_of) == file,
        "it is heard as it was before"
    );
    let (status, part) = office.rest.part(&audio_of, "bytes=100-199");
    assert!(status == 206 && part == file[100..200], "{status}");
    let labels = [r#"outcome="archived""#];
    let archived = Page::of(&node).count("jackfield_recordings_total", &labels);
    assert_eq!(archived, 1);
    office.rest.delete(&path).expect(204);
    wait_for("the end of the object", MOVES, || {
        objects(&mut moto).is_empty().then_some(())
    });
}

fn borrowed<'a>((name, value): &'a (&'static str, String)) -> (&'a str, &'a str) {
    (name, value)
}
