//! A whole API in one process: a router, a store on a temporary file, and scripted shards.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex},
};

use api::{AudioFile, AudioRefused, AudioStream, Control, ControlRequest, Parts, State};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::{
    Answer, Ask, CallDirection, CallId, ConferenceId, IdSource, LiveCall, Manifest, Refusal, Reply,
    SessionId, TenantId, Trace, TraceItem, TrunkStatus, turn::Phase,
};
use serde_json::{Value, json};
use store::{BuiltIn, KeptAudio, NewVersion, Store};
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tower::ServiceExt;

/// The time of every test: 2026-07-24T08:00:00Z.
pub(crate) const NOW: u64 = 1_784_880_000_000;
pub(crate) const PLATFORM_KEY: &str = "jf_platform";

pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) control: Control,
    pub(crate) shards: Arc<Mutex<Shards>>,
    pub(crate) drain: watch::Sender<bool>,
    pub(crate) ids: IdSource,
    _tasks: JoinSet<()>,
    _dir: TempDir,
}

/// What the shards know and were asked.
#[derive(Default)]
pub(crate) struct Shards {
    pub(crate) live: BTreeMap<TenantId, Vec<LiveCall>>,
    pub(crate) conferences: BTreeMap<TenantId, Vec<model::ConferenceView>>,
    pub(crate) reply: Option<Reply>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) requests: Vec<(TenantId, model::Request)>,
    pub(crate) released: Vec<(TenantId, CallId, u16)>,
    pub(crate) changed: Vec<TenantId>,
    /// What is known of every trunk.
    pub(crate) trunk: Option<TrunkStatus>,
    /// The files of prompts, by digest, and of recordings, by id.
    pub(crate) audio: BTreeMap<String, Bytes>,
    /// They take what they are asked and answer nothing.
    pub(crate) silent: bool,
    unanswered: Vec<ControlRequest>,
}

pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) key: String,
}

pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text))
    }

    /// The answer, if it has this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The problem, if it has this status and code and is written as RFC 9457 wants it.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        let media = self.headers.get(header::CONTENT_TYPE).unwrap();
        assert_eq!(media, "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["type"], format!("urn:jackfield:problem:{code}"));
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        let id = problem["request_id"].as_str().unwrap();
        assert_eq!(self.headers["x-request-id"], id);
        assert!(id.starts_with("req_"), "{id}");
        problem
    }

    /// The pointers of a problem's errors.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().expect("errors").iter();
        errors
            .map(|e| e["pointer"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Api {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("test.db").display());
        let store = Store::open(&url).await.unwrap();
        let (control, requests) = Control::channel();
        let mut ids = IdSource::new([3; 32], 0, 1);
        let key = model::KeyId::mint(&mut ids, NOW);
        let platform = store::admin::create_platform_key(&store, key, PLATFORM_KEY, NOW);
        platform.await.unwrap();
        let (drain, draining) = watch::channel(false);
        let parts = Parts {
            store: store.clone(),
            control: control.clone(),
            built_in: built_in(),
            node: 0,
            upload_max: 2 << 20,
            now_ms: || NOW,
            draining,
        };
        let shards = Arc::new(Mutex::new(Shards::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(answer(requests, shards.clone()));
        Self {
            router: api::router(State::new(parts).unwrap()),
            store,
            control,
            shards,
            drain,
            ids,
            _tasks: tasks,
            _dir: dir,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, 16 << 20).await.unwrap();
        Answered {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(bytes.into()).unwrap(),
        }
    }

    /// A request with a JSON body; `Value::Null` is none.
    pub(crate) async fn call(&self, method: &str, path: &str, key: &str, body: Value) -> Answered {
        let builder = Request::builder().method(method).uri(path);
        let builder = builder.header(header::AUTHORIZATION, format!("Bearer {key}"));
        let request = match body {
            Value::Null => builder.body(Body::empty()),
            body => builder
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
        };
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Answered {
        self.call("GET", path, key, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Answered {
        self.call("POST", path, key, body).await
    }

    pub(crate) async fn upload(&self, plugin: &str, key: &str, bytes: Vec<u8>) -> Answered {
        let path = format!("/api/v1/plugins/{plugin}/versions");
        let media = "application/wasm";
        self.send_file("POST", &path, key, (media, bytes)).await
    }

    /// A request with a body of another type.
    pub(crate) async fn send_file(
        &self,
        method: &str,
        path: &str,
        key: &str,
        (media, bytes): (&str, Vec<u8>),
    ) -> Answered {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, media)
            .body(Body::from(bytes));
        self.send(request.unwrap()).await
    }

    pub(crate) async fn tenant(&self, name: &str) -> Tenant {
        let body = json!({"name": name, "domain": format!("{name}.example")});
        let answer = self.post("/api/platform/tenants", PLATFORM_KEY, body).await;
        let tenant = answer.expect(201);
        Tenant {
            id: tenant["id"].as_str().unwrap().parse().unwrap(),
            key: tenant["key"].as_str().unwrap().to_owned(),
        }
    }

    /// A key of this scope, bound to `user` if there is one.
    pub(crate) async fn key(&self, tenant: &Tenant, scope: &str, user: Option<&str>) -> String {
        let body = json!({"name": scope, "scope": scope, "user": user});
        let answer = self.post("/api/v1/keys", &tenant.key, body).await;
        answer.expect(201)["key"].as_str().unwrap().to_owned()
    }

    /// Waits until the silent shards were asked, then lets their time pass. Time stands still only
    /// from then on: a store on a thread of its own would time out against a stopped clock.
    pub(crate) async fn let_the_shards_be_late(&self) {
        while self.shards.lock().unwrap().unanswered.is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(api::limits::CONTROL_ANSWER).await;
    }

    /// A live call of the tenant, from 1001 to 2001.
    pub(crate) fn live_call(&mut self, tenant: &Tenant, phase: Phase) -> LiveCall {
        let call = LiveCall {
            call: CallId::mint(&mut self.ids, NOW),
            session: SessionId::mint(&mut self.ids, NOW),
            direction: CallDirection::Inbound,
            phase,
            from: "sip:1001@acme.example".parse().unwrap(),
            to: "sip:2001@acme.example".parse().unwrap(),
            begin: NOW,
            answer: (phase == Phase::Answered).then_some(NOW + 1500),
            user_data: "x".into(),
        };
        let mut shards = self.shards.lock().unwrap();
        shards.live.entry(tenant.id).or_default().push(call.clone());
        call
    }
}

impl Api {
    /// A conference of the tenant with that name and so many calls.
    pub(crate) fn conference(&mut self, tenant: &Tenant, name: &str, size: u32) -> ConferenceId {
        let id = ConferenceId::mint(&mut self.ids, NOW);
        let name = name.to_owned();
        let view = model::ConferenceView { id, name, size };
        let mut shards = self.shards.lock().unwrap();
        shards.conferences.entry(tenant.id).or_default().push(view);
        id
    }
}

/// A trace with one SIP message and one note.
pub(crate) fn trace_of(tenant: TenantId, session: SessionId, call: CallId) -> Trace {
    let mut trace = Trace::new(session, tenant, NOW);
    trace.lanes.push(model::Lane {
        call,
        label: "1001".into(),
    });
    let item = TraceItem::Sip {
        call,
        sent: false,
        line: "INVITE 2001".into(),
        sdp: true,
    };
    trace.push(0, item);
    let decisions = vec!["release 1001 403".into()];
    let turn = TraceItem::Turn {
        event: "on_incoming".into(),
        call: Some(call),
        decisions,
    };
    trace.push(1200, turn);
    trace
}

pub(crate) fn built_in() -> BuiltIn {
    BuiltIn {
        name: "makecall".into(),
        component: NewVersion {
            digest: digest_of(b"\0asm built in"),
            imports: vec!["jackfield:policy/store@0.1.0".into()],
            exports: vec!["jackfield:policy/request-events@0.1.0".into()],
            bytes: b"\0asm built in".to_vec(),
        },
    }
}

/// Not SHA-256, but of its form, and another one for other bytes.
fn digest_of(bytes: &[u8]) -> String {
    let sum = bytes
        .iter()
        .fold(0u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    format!("sha256:{sum:064x}")
}

async fn answer(mut requests: mpsc::Receiver<ControlRequest>, shards: Arc<Mutex<Shards>>) {
    while let Some(request) = requests.recv().await {
        let mut shards = shards.lock().unwrap();
        if shards.silent {
            shards.unanswered.push(request);
            continue;
        }
        match request {
            ControlRequest::Ask { tenant, ask, reply } => {
                let _ = reply.send(shards.ask(tenant, ask));
            }
            ControlRequest::TenantChanged { tenant, done } => {
                shards.changed.push(tenant);
                let _ = done.send(());
            }
            ControlRequest::KeepAudio { bytes, reply, .. } => {
                let kept = keep(&bytes);
                if let Ok(kept) = &kept {
                    shards.audio.insert(kept.digest.clone(), bytes);
                }
                let _ = reply.send(kept);
            }
            ControlRequest::Audio {
                file, part, reply, ..
            } => {
                let _ = reply.send(shards.read(&file, part));
            }
            ControlRequest::CheckPlugin { bytes, reply, .. } => {
                let _ = reply.send(check(&bytes));
            }
        }
    }
}

/// Audio is what begins with `RIFF`; its file is kept as it is.
fn keep(bytes: &[u8]) -> Result<KeptAudio, AudioRefused> {
    match bytes {
        b"RIFF full" => Err(AudioRefused::Node),
        _ if bytes.starts_with(b"RIFF") => Ok(KeptAudio {
            digest: digest_of(bytes),
            octets: bytes.len() as u64,
            duration_ms: 1_500,
        }),
        _ => Err(AudioRefused::File("the file is no WAV".into())),
    }
}

fn check(bytes: &[u8]) -> Result<Manifest, String> {
    if !bytes.starts_with(b"\0asm") {
        return Err("not a component: it does not begin with \\0asm".into());
    }
    Ok(Manifest {
        digest: digest_of(bytes),
        imports: vec!["jackfield:policy/call@0.1.0".into()],
        exports: vec!["jackfield:policy/call-events@0.1.0".into()],
    })
}

impl Shards {
    /// In pieces, as a file is read.
    fn read(&self, file: &AudioFile, part: Range<u64>) -> Option<AudioStream> {
        let bytes = self.audio.get(&match file {
            AudioFile::Prompt(digest) => digest.clone(),
            AudioFile::Recording(id) => id.to_string(),
        })?;
        let bytes = bytes.slice(part.start as usize..part.end as usize);
        let pieces: Vec<_> = bytes
            .chunks(3)
            .map(Bytes::copy_from_slice)
            .map(Ok)
            .collect();
        Some(AudioStream(stream::iter(pieces).boxed()))
    }

    fn ask(&mut self, tenant: TenantId, ask: Ask) -> Answer {
        if let Some(refusal) = &self.refusal {
            return Answer::Refused(refusal.clone());
        }
        let live = self.live.entry(tenant).or_default();
        match ask {
            Ask::Request(request) => {
                let echo = Reply {
                    status: 200,
                    body: json!({"callid": request.id.to_string()}).to_string(),
                };
                self.requests.push((tenant, *request));
                Answer::Reply(self.reply.clone().unwrap_or(echo))
            }
            Ask::Release { call, cause } => {
                let before = live.len();
                live.retain(|live| live.call != call);
                if live.len() == before {
                    return Answer::Refused(Refusal::NotFound);
                }
                self.released.push((tenant, call, cause.code()));
                Answer::Done
            }
            Ask::Calls => Answer::Calls(live.clone()),
            Ask::Conferences => {
                let all = self.conferences.get(&tenant);
                Answer::Conferences(all.cloned().unwrap_or_default())
            }
            Ask::Trunk(_) => match &self.trunk {
                Some(status) => Answer::Trunk(status.clone()),
                None => Answer::Refused(Refusal::NotFound),
            },
            Ask::Trace(session) => match live.iter().find(|live| live.session == session) {
                Some(live) => Answer::Trace(Box::new(trace_of(tenant, session, live.call))),
                None => Answer::Refused(Refusal::NotFound),
            },
        }
    }
}
