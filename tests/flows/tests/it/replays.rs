//! Recorded sessions of makecall, replayed: against itself nothing differs, against a version with one
//! changed line each session that it affects, and no other.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    rc::Rc,
    time::Duration,
};

use control::{TurnRequest, phone};
use kit::{Components, Verdict, replay};
use model::{SessionId, turn::TurnOutcome};
use recorded::{Did, Seen, Session, Turn};
use sim::{Options, Policies, Snapshot, World, town};

use crate::components::components;

/// Rounds of four sessions each.
const ROUNDS: usize = 250;
/// Rounds of one world.
const OF_ONE: usize = 50;

/// The line, and what it is changed to.
const LINE: &str = r#"        return Ok(Reply::problem(404, "not-pending", detail));"#;
const CHANGED: &str = r#"        return Ok(Reply::problem(410, "not-pending", detail));"#;

type Taken = Rc<RefCell<BTreeMap<SessionId, BTreeMap<u32, Turn>>>>;

/// The components, and what they were given and did.
struct Recorder {
    components: Components,
    taken: Taken,
}

impl Policies for Recorder {
    fn run(&mut self, request: &TurnRequest, store: &Snapshot) -> TurnOutcome {
        let outcome = self.components.run(request, store);
        let seen = |key: &String| match store.get(key) {
            Some((value, version)) => Seen::Value(value.to_vec(), version),
            None => Seen::Nothing,
        };
        let reads = match &outcome {
            TurnOutcome::Done(effects) => {
                let keys = effects.store.reads.keys();
                keys.map(|key| (key.clone(), seen(key))).collect()
            }
            TurnOutcome::Fault { .. } => BTreeMap::new(),
        };
        let turn = Turn {
            number: request.number,
            version: request.version,
            digest: request.digest.clone(),
            view: request.view.clone(),
            event: request.event.clone(),
            ids: request.ids.clone(),
            reads,
            did: Did::of(&outcome),
        };
        let mut taken = self.taken.borrow_mut();
        let session = taken.entry(request.view.session).or_default();
        // The last run of a turn is the one that counts.
        session.insert(request.number, turn);
        outcome
    }
}

/// A thousand sessions, as they are read from what was written of them.
fn recorded() -> Vec<Session> {
    let taken = Taken::default();
    for first in (0..ROUNDS).step_by(OF_ONE) {
        let recorder = Recorder {
            components: components(),
            taken: Rc::clone(&taken),
        };
        let options = Options {
            seed: first as u64,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(recorder));
        let acme = world.add_tenant(town::tenant("acme", 1, "makecall"));
        for round in first..first + OF_ONE {
            sessions(&mut world, acme, round);
        }
        assert_eq!(world.watch().violations(), [""; 0]);
    }
    let sessions = taken.take().into_values().map(|turns| {
        let session = Session::new(turns.into_values().collect()).unwrap();
        Session::read(&session.write().unwrap()).unwrap()
    });
    sessions.collect()
}

/// A request, the call that it waits for, a request that waits for nothing, and a call without one.
fn sessions(world: &mut World, acme: usize, round: usize) {
    let (caller, callee) = (world.line(acme, "1001"), world.line(acme, "3001"));
    let behaviour = match round % 3 {
        0 => phone::Behaviour::Refuse {
            after: Duration::from_millis(50),
            status: 486,
        },
        1 => phone::Behaviour::Answer {
            after: Duration::from_millis(100),
        },
        _ => phone::Behaviour::Ring {
            after: Duration::from_millis(100),
            answer: None,
        },
    };
    world.phone(callee, phone::Input::Behave(behaviour));
    assert_eq!(world.makecall(acme, "1001", "2001", "3001"), 200);
    for _ in 0..2 {
        world.dial(caller, "2001");
        world.run_for(Duration::from_millis(300));
        world.hang_up(caller);
        world.run_for(Duration::from_millis(200));
    }
    let cancel = world.request("1001", "cancelcall", "");
    world.answer(acme, cancel);
    world.run_for(Duration::from_millis(100));
}

/// makecall with one line that is another, built as anybody's project is.
fn changed() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = root.join("plugins/makecall");
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changed");
    let changes = copy(&own.join("src"), &project.join("src"));
    assert_eq!(changes, 1, "the line that is changed stands there once");
    write(
        &project.join("Cargo.lock"),
        &fs::read_to_string(root.join("Cargo.lock")).unwrap(),
    );
    let sdk = root.join("plugins/sdk");
    let manifest = format!(
        "[package]\nname = \"makecall\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\
         [dependencies]\njackfield-sdk = {{ path = \"{}\" }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n\
         [profile.plugin]\ninherits = \"release\"\nopt-level = \"s\"\nlto = true\n\
         codegen-units = 1\npanic = \"abort\"\nstrip = true\n[workspace]\n",
        sdk.display()
    );
    write(&project.join("Cargo.toml"), &manifest);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changed-plugins");
    pack::project(&project, "makecall", &target).unwrap()
}

/// Copies a folder, and tells how often the line was changed in it.
fn copy(from: &Path, to: &Path) -> usize {
    fs::create_dir_all(to).unwrap();
    let one = |file: fs::DirEntry| {
        let to = to.join(file.file_name());
        if file.path().is_dir() {
            return copy(&file.path(), &to);
        }
        let text = fs::read_to_string(file.path()).unwrap();
        write(&to, &text.replace(LINE, CHANGED));
        text.matches(LINE).count()
    };
    let files = fs::read_dir(from).unwrap();
    files.map(|file| one(file.unwrap())).sum()
}

/// Writes a file that is another: cargo builds anew what is younger.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).unwrap();
    }
}

#[test]
fn a_thousand_sessions_against_the_same_version_and_against_one_with_a_changed_line() {
    let sessions = recorded();
    assert_eq!(sessions.len(), 4 * ROUNDS);
    let turns: usize = sessions.iter().map(|session| session.turns.len()).sum();
    assert!(turns > 8 * ROUNDS, "{turns}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let same = Components::of(&pack::plugin(&root, "makecall", &target).unwrap()).unwrap();
    let other = Components::of(&changed()).unwrap();

    let mut affected = BTreeSet::new();
    let mut reported = BTreeSet::new();
    for session in &sessions {
        assert_eq!(replay(session, &same), Verdict::Same(session.turns.len()));
        let mut replies = session
            .turns
            .iter()
            .filter_map(|turn| turn.did.reply.as_ref());
        if replies.any(|(status, body)| *status == 404 && body.contains("not-pending")) {
            affected.insert(session.id);
        }
        match replay(session, &other) {
            Verdict::Same(_) => {}
            Verdict::Differs(it) => {
                let told = it.to_string();
                assert!(
                    told.starts_with("turn 1, on_request: the reply differs"),
                    "{told}"
                );
                assert!(told.contains("recorded:  404 ") && told.contains("now:       410 "));
                reported.insert(session.id);
            }
            verdict => panic!("{verdict:?}"),
        }
    }
    assert_eq!(affected.len(), ROUNDS);
    assert_eq!(reported, affected);
}
