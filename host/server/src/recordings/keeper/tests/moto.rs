//! The archive in a store that others wrote: moto, which checks signatures and takes parts as S3 does.
//!
//! `E2E_MOTO` names a python that has it; without that nothing is asked of it here.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;

/// What starts it and tells what it has.
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/e2e/scenarios/bucket.py"
);

/// A running one; it ends when it is dropped.
struct Moto {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Where it is, and who may use it.
    about: Value,
}

impl Moto {
    fn start() -> Option<Self> {
        let python = std::env::var_os("E2E_MOTO").filter(|it| it != "0")?;
        let mut command = Command::new(python);
        command.arg(SCRIPT).stderr(Stdio::null());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let about = output.next().unwrap().unwrap();
        let about = serde_json::from_str(&about).unwrap();
        Some(Self {
            child,
            input,
            output,
            about,
        })
    }

    /// An archive in it, for who has that secret.
    fn archive(&self, secret: &str) -> Archive {
        let told = |name: &str| self.about[name].as_str().unwrap().to_owned();
        let settings = [
            ("AWS_ENDPOINT_URL_S3", told("url")),
            ("AWS_REGION", told("region")),
            ("AWS_ACCESS_KEY_ID", told("id")),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let bucket = config::Archive::Bucket {
            name: "calls".into(),
            prefix: "p".into(),
            settings: settings.into(),
        };
        Archive::open(bucket).unwrap()
    }

    fn secret(&self) -> &str {
        self.about["secret"].as_str().unwrap()
    }

    /// What is in it.
    fn has(&mut self) -> Value {
        self.input.write_all(b"\n").unwrap();
        serde_json::from_str(&self.output.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_long_one_goes_in_parts_into_a_store_that_checks_signatures() {
    const OCTETS: usize = 20 << 20;
    let Some(mut moto) = Moto::start() else {
        println!("skipped: no moto");
        return;
    };
    let scene = Scene::of(1, OCTETS).await;
    let stranger = scene.keeper(Some(moto.archive("another secret")));
    assert_eq!(stranger.look().await, Ok(false));
    assert_eq!(
        (scene.here(), scene.waiting().await),
        (vec![true], vec![Place::Node])
    );
    let nothing = json!({ "objects": [], "uploads": 0 });
    assert_eq!(moto.has(), nothing);

    let keeper = scene.keeper(Some(moto.archive(moto.secret())));
    assert_eq!(keeper.look().await, Ok(true));
    assert_eq!((scene.here(), scene.waiting().await), (vec![false], vec![]));
    let row = &scene.rows[0];
    let object = json!({
        "name": format!("p/{}/{}.wav", row.tenant, row.id),
        "size": OCTETS,
        "sha256": format!("{:x}", Sha256::digest(Scene::octets(OCTETS))),
        "parts": 3,
    });
    assert_eq!(moto.has(), json!({ "objects": [object], "uploads": 0 }));
    let part = scene.heard(&keeper, row, 8_388_600..8_388_616).await;
    assert_eq!(part, Scene::octets(OCTETS)[8_388_600..8_388_616]);

    scene.delete(row).await;
    assert_eq!(keeper.look().await, Ok(true));
    assert_eq!(moto.has(), nothing);
}
