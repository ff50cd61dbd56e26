//! What durable costs: commits of policies' turns and group commits of call records, on a file of
//! the disk that the target folder is on.
//!
//! A commit is a transaction of SQLite in WAL mode with `synchronous=FULL`: it ends with an fsync of
//! the log. So the same disk's write and fsync of one page is measured in the same run, as the
//! price below which no commit can be.

use std::io::Write as _;
use std::path::Path;

use model::turn::{StoreTouch, Usage, Write};
use model::{CallDirection, CallId, Cdr, IdSource, KeyId, SessionId, TenantId};
use store::{BuiltIn, NewTenant, NewVersion, Store, admin};

#[path = "../../xtask/src/bench/figure.rs"]
mod figure;
#[path = "../../xtask/src/bench/threads.rs"]
mod threads;

use figure::{Figure, now, option, percentile};

/// The time of every row; the store reads no clock.
const NOW: u64 = 1_760_000_000_000;
/// Rows of one group commit: a quiet node, a busy one, the most that the server writes at once.
const GROUPS: [usize; 3] = [1, 16, 128];
/// Turns that commit at once, as shards of a busy node do.
const WRITERS: u64 = 16;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let commits = option("--commits", 500);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let floor = fsync(folder.path(), commits);
    let url = format!("sqlite://{}/bench.db", folder.path().display());
    let store = Store::open(&url).await.expect("a new database");
    let mut ids = IdSource::new([7; 32], 0, 0);
    let tenant = tenant(&store, &mut ids).await;
    reads(&store, tenant, commits).await;
    turns(&store, tenant, 1, commits, floor).await;
    turns(&store, tenant, WRITERS, commits, floor).await;
    for rows in GROUPS {
        let rounds = commits.min(20_000 / rows as u64);
        groups(&store, tenant, &mut ids, rows, rounds).await;
    }
    store.close().await;
}

/// Appends a page of the log's size and makes it durable, again and again; the median, µs.
fn fsync(folder: &Path, rounds: u64) -> f64 {
    let mut file = std::fs::File::create(folder.join("floor")).expect("a file");
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = now();
        file.write_all(&[7; 4_096 + 24]).expect("room on the disk");
        file.sync_data().expect("a disk that syncs");
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    times_of("disk, 4 KiB appended and synced", &mut times, "");
    percentile(&mut times, 0.5)
}

/// What a call's first turn asks: one key that is there.
async fn reads(store: &Store, tenant: TenantId, rounds: u64) {
    commit(store, tenant, "pending/0", 0).await;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = now();
        let found = store.kv_get(tenant, "pending/0", NOW).await;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        assert!(found.is_ok_and(|row| row.is_some()), "it was written");
    }
    times_of("turn's read of one key", &mut times, "");
}

/// Commits as makecall makes them, a new key each.
async fn turns(store: &Store, tenant: TenantId, writers: u64, commits: u64, floor: f64) {
    let group = format!("turn commit, {writers} at a time");
    let (begin, spent) = (now(), cpu());
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let store = store.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            for turn in 0..commits / writers {
                let key = format!("pending/{writers}-{writer}-{turn}");
                let begin = now();
                commit(&store, tenant, &key, turn).await;
                times.push(begin.elapsed().as_secs_f64() * 1e6);
            }
            times
        });
    }
    let mut times = tasks.join_all().await.concat();
    let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
    let note = "one key checked absent and put: 4 statements, 1 fsync";
    Figure::new(&group, "commits", rate, "/s")
        .note(note)
        .print();
    cpu_of(&group, "commit", cpu() - spent, times.len());
    times_of(&group, &mut times, "");
    let ratio = percentile(&mut times, 0.5) / floor / writers as f64;
    let note = "p50, divided by those at a time, to that of the disk";
    Figure::new(&group, "to the disk", ratio, "")
        .note(note)
        .print();
}

async fn commit(store: &Store, tenant: TenantId, key: &str, value: u64) {
    let mut touch = StoreTouch::default();
    touch.reads.insert(key.to_owned(), 0);
    let value = format!(r#"{{"id":"{value:026}","caller":"2001","callee":"3001"}}"#);
    let write = Write::Put {
        value: value.into_bytes(),
        expires: Some(NOW + 120_000),
    };
    touch.writes.insert(key.to_owned(), write);
    let done = store.kv_commit(tenant, &touch, NOW).await;
    done.expect("nobody else writes this key");
}

/// Group commits of that many new records.
async fn groups(store: &Store, tenant: TenantId, ids: &mut IdSource, rows: usize, rounds: u64) {
    let mut times = Vec::new();
    let spent = cpu();
    for _ in 0..rounds {
        let cdrs: Vec<Cdr> = (0..rows).map(|_| record(tenant, ids)).collect();
        let begin = now();
        let done = admin::record(store, cdrs.as_slice()).await;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        done.expect("the records are written");
    }
    let group = format!("group commit of {rows} CDRs");
    let rate = (rows * times.len()) as f64 / (times.iter().sum::<f64>() / 1e6);
    Figure::new(&group, "rows", rate, "/s").print();
    cpu_of(&group, "row", cpu() - spent, rows * times.len());
    times_of(&group, &mut times, "");
}

/// CPU seconds of this process until now, its ended threads included.
fn cpu() -> f64 {
    let (user, system) = threads::process(std::process::id()).unwrap_or_default();
    user + system
}

/// Waiting for the disk costs time but no CPU.
fn cpu_of(group: &str, what: &str, seconds: f64, count: usize) {
    let each = seconds * 1e6 / count as f64;
    Figure::new(group, &format!("CPU per {what}"), each, "µs").print();
}

fn times_of(group: &str, times: &mut [f64], note: &str) {
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        Figure::new(group, name, percentile(times, share), "µs")
            .note(note)
            .print();
    }
}

async fn tenant(store: &Store, ids: &mut IdSource) -> TenantId {
    let new = NewTenant {
        id: TenantId::mint(ids, NOW),
        name: "acme".into(),
        domain: "acme.example".into(),
        key: KeyId::mint(ids, NOW),
        secret: "jf_bench".into(),
    };
    let component = NewVersion {
        digest: "sha256:bench".into(),
        imports: vec![],
        exports: vec![],
        bytes: vec![],
    };
    let built_in = BuiltIn {
        name: "makecall".into(),
        component,
    };
    let made = admin::create_tenant(store, &new, &built_in, NOW).await;
    made.expect("the first tenant").id
}

fn record(tenant: TenantId, ids: &mut IdSource) -> Cdr {
    let address = |text: &str| text.parse().expect("a good address");
    Cdr {
        call: CallId::mint(ids, NOW),
        session: SessionId::mint(ids, NOW),
        tenant,
        direction: CallDirection::Inbound,
        from: address("sip:1001@acme.example"),
        to: address("sip:2001@acme.example"),
        begin: NOW,
        answer: Some(NOW + 2_000),
        end: None,
        dropped_by: None,
        cause: None,
        end_reason: None,
        user_data: "req_01JABCDEFGHJKMNPQRSTVWXYZ0".into(),
        number: "2001".into(),
        plugin: "makecall".into(),
        version: 1,
        codec: Some("PCMA".into()),
        packets_received: 0,
        packets_sent: 0,
        packets_lost: 0,
        quality: model::Quality::default(),
        usage: Usage::default(),
    }
}
