//! Prompts: files of all formats go in, and what callers would hear comes out.

use serde_json::{Value, json};

use crate::node::Node;
use crate::rest::Rest;
use crate::sound;

const PROMPTS: &str = "/api/v1/prompts";

const FILES: [(&str, &str, &[u8]); 4] = [
    (
        "wav",
        "audio/wav",
        include_bytes!("../../../corpus/audio/chirp.wav"),
    ),
    (
        "flac",
        "audio/flac",
        include_bytes!("../../../corpus/audio/chirp.flac"),
    ),
    (
        "mp3",
        "audio/mpeg",
        include_bytes!("../../../corpus/audio/chirp.mp3"),
    ),
    (
        "ogg",
        "audio/ogg",
        include_bytes!("../../../corpus/audio/chirp.ogg"),
    ),
];

fn tenant(node: &Node) -> Rest {
    let body = json!({"name": "acme", "domain": "acme.example"});
    let made = node
        .platform()
        .post("/api/platform/tenants", &body)
        .expect(201);
    let key = made["key"].as_str().expect("it is shown once");
    Rest::new(node.http, key)
}

fn upload(rest: &Rest, name: &str, media: &str, file: &[u8]) -> Value {
    let path = format!("{PROMPTS}?name={name}");
    rest.post_bytes(&path, media, file.to_vec()).expect(201)
}

/// How alike a kept file, of 16 kHz, is to what all files were made from.
fn likeness(file: &[u8]) -> f64 {
    let samples = file[44..].chunks_exact(2);
    let heard: Vec<_> = samples
        .map(|it| i16::from_le_bytes([it[0], it[1]]))
        .collect();
    sound::likeness(&sound::chirp(16_000.0), &heard)
}

#[test]
fn files_of_all_formats_become_prompts_that_outlive_the_process() {
    let mut node = Node::start();
    let rest = tenant(&node);
    for (name, media, file) in FILES {
        let made = upload(&rest, name, media, file);
        assert_eq!(made["duration_ms"], 2_000, "{name}");
    }
    node.crash();
    node.restart();
    let rest = rest.at(node.http);
    let listed = rest.get(PROMPTS).expect(200);
    let names: Vec<_> = listed["data"].as_array().expect("a list").iter().collect();
    let names: Vec<_> = names.iter().map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["flac", "mp3", "ogg", "wav"].map(Some));
    for (name, ..) in FILES {
        let heard = likeness(&rest.file(&format!("{PROMPTS}/{name}/audio")));
        assert!(heard > 0.97, "{name}: {heard}");
    }
}

#[test]
fn a_prompt_is_replaced_and_what_is_no_audio_changes_nothing() {
    let node = Node::start();
    let rest = tenant(&node);
    let (_, media, file) = FILES[1];
    let made = upload(&rest, "hello", media, file);
    let audio = format!("{PROMPTS}/hello/audio");
    let refused = rest.put_bytes(&audio, "audio/wav", b"#!/bin/sh".to_vec());
    let problem = refused.expect(422);
    assert_eq!(problem["code"], "audio-refused");
    assert_eq!(
        problem["detail"],
        "the file is no WAV, FLAC, MP3 or Ogg Vorbis"
    );
    assert_eq!(rest.get(&format!("{PROMPTS}/hello")).expect(200), made);
    let (_, media, other) = FILES[3];
    let replaced = rest.put_bytes(&audio, media, other.to_vec()).expect(200);
    assert_ne!(replaced["digest"], made["digest"]);
    rest.delete(&format!("{PROMPTS}/hello")).expect(204);
    rest.get(&audio).expect(404);
}
