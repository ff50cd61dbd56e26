//! `jackfield demo`: the main job on one machine, and whether it was done.
//!
//! A real node on free loopback ports, two real SIP phones, REST over HTTP: only the wires are short.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use control::phone::{Behaviour, Event, Input};
use media::handset::{Heard, Speech};
use serde_json::{Value, json};

use crate::{
    config::Config,
    line::{Line, LineConfig, Told},
    node::Node,
    softphone::describe_heard,
};

/// What the caller and the callee say, Hz: two of the tones that a handset tells apart.
const CALLER_TONE: u16 = 730;
const CALLEE_TONE: u16 = 1_230;
/// How long they talk.
const TALK: Duration = Duration::from_secs(2);
/// How long any single step may take.
const STEP: Duration = Duration::from_secs(10);

/// A node, a tenant, phones 1001 and 3001; 1001 asks by REST to be bridged to 3001, dials its private
/// number 2001, both hear the other's tone, 1001 hangs up. Exit status 0 only if all of it was true.
#[derive(clap::Args)]
pub struct Args {
    /// Write the ladder as a picture to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs the demo; tells whether everything was as it should be.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let data = std::env::temp_dir().join(format!("jackfield-demo-{}", std::process::id()));
    let ended = play(&data, &args).await;
    // The folder is the demo's own; if it cannot be removed nothing depends on it.
    let _ = std::fs::remove_dir_all(&data);
    ended
}

async fn play(data: &std::path::Path, args: &Args) -> anyhow::Result<bool> {
    let mut config = Config::default();
    config.node.data = data.to_owned();
    let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
    config.sip.udp = vec![loopback.into()];
    config.sip.tcp.clear();
    config.media.address = loopback.ip();
    config.media.ports = "0-0".into();
    config.api.listen = loopback;
    config.metrics.listen.clear();
    let node = Node::start(&config, None).await?;
    let admin = node
        .admin_key
        .clone()
        .context("a new node made no platform key")?;
    let sip = node.sip[0];
    println!("a node: SIP on udp {sip}, REST on http://{}\n", node.http);
    let shown = converse(&format!("http://{}", node.http), admin, sip, args).await;
    node.stop(std::future::ready(())).await?;
    shown
}

/// The phones and the tenant's key.
struct Stage {
    rest: Rest,
    caller: Line,
    callee: Line,
}

/// A tenant with number 2001 and phones 1001 and 3001.
async fn set_up(base: &str, admin: String) -> anyhow::Result<Stage> {
    let caller = phone("1001", Behaviour::default(), CALLER_TONE).await?;
    let answers = Behaviour::Ring {
        after: Duration::from_millis(200),
        answer: Some(Duration::from_millis(1_200)),
    };
    let callee = phone("3001", answers, CALLEE_TONE).await?;
    let platform = Rest::new(base, admin);
    let tenant = json!({"name": "demo", "domain": "demo.example"});
    let tenant = platform.post("/api/platform/tenants", &tenant).await?;
    let rest = Rest::new(base, text(&tenant["key"])?);
    let number = json!({"number": "2001", "plugin": "makecall"});
    rest.post("/api/v1/numbers", &number).await?;
    for (user, line) in [("1001", &caller), ("3001", &callee)] {
        let body = json!({"user": user, "address": line.sip.to_string()});
        rest.post("/api/v1/phones", &body).await?;
    }
    Ok(Stage {
        rest,
        caller,
        callee,
    })
}

/// The whole story, told while it happens.
async fn converse(base: &str, admin: String, sip: SocketAddr, args: &Args) -> anyhow::Result<bool> {
    let mut stage = set_up(base, admin).await?;
    let mut checks = Checks::default();
    let asked = json!({"caller": "2001", "callee": "3001"});
    let reply = stage.rest.post("/api/user/1001/makecall", &asked).await?;
    let callid = text(&reply["callid"])?;
    println!("POST /api/user/1001/makecall {asked}\n  -> {reply}\n");
    let heard = call(&mut stage, sip, &mut checks).await?;
    checks.note("1001 hears the tone of 3001", hears(heard.0, CALLEE_TONE));
    checks.note("3001 hears the tone of 1001", hears(heard.1, CALLER_TONE));

    let cdrs = final_cdrs(&stage.rest, &callid).await?;
    let ladder = format!("/api/v1/calls/{}/ladder", text(&cdrs[0]["call_id"])?);
    println!("{}", stage.rest.text(&format!("{ladder}.txt")).await?);
    if let Some(file) = &args.svg {
        let svg = stage.rest.text(&format!("{ladder}.svg")).await?;
        std::fs::write(file, svg).with_context(|| format!("--svg {}", file.display()))?;
    }
    for (user, heard) in [("1001", heard.0), ("3001", heard.1)] {
        let words = heard
            .as_ref()
            .map_or("heard nothing".into(), describe_heard);
        println!("{user} {words}");
    }
    println!();
    for cdr in &cdrs {
        println!("{}", serde_json::to_string_pretty(cdr)?);
    }
    check_cdrs(&mut checks, &cdrs);
    println!();
    Ok(checks.conclude())
}

/// 1001 dials, 3001 answers, they talk, 1001 hangs up; what each of them heard.
async fn call(
    stage: &mut Stage,
    sip: SocketAddr,
    checks: &mut Checks,
) -> anyhow::Result<(Option<Heard>, Option<Heard>)> {
    let (caller, callee) = (&mut stage.caller, &mut stage.callee);
    let to = format!("sip:2001@{sip}")
        .parse()
        .context("the node's address")?;
    caller.wish(Input::Dial { to, next_hop: sip }).await;
    let seen = wait(callee, |event| matches!(event, Event::Incoming { .. })).await?;
    let shown = matches!(&seen, Event::Incoming { from, .. } if from.user() == Some("2001"));
    checks.note("3001 sees 2001 calling", shown);
    let first = wait(caller, |event| !matches!(event, Event::EarlyMedia { .. })).await?;
    checks.note(
        "1001 hears ringing before the answer",
        first == Event::Ringing,
    );
    wait(callee, |event| matches!(event, Event::Answered { .. })).await?;
    wait(caller, |event| matches!(event, Event::Answered { .. })).await?;
    tokio::time::sleep(TALK).await;
    caller.wish(Input::HangUp).await;
    Ok((ended(caller).await?, ended(callee).await?))
}

fn check_cdrs(checks: &mut Checks, cdrs: &[Value]) {
    checks.note(
        "both calls have a CDR with the request's id",
        cdrs.len() == 2,
    );
    let answered = cdrs
        .iter()
        .all(|cdr| cdr["answer_time"].is_string() && cdr["cause"] == 200);
    checks.note("both were answered and ended normally", answered);
    let by = |direction: &str| {
        let cdr = cdrs.iter().find(|cdr| cdr["direction"] == direction);
        cdr.map_or(Value::Null, |cdr| cdr["dropped_by"].clone())
    };
    let ended = by("inbound") == "usr" && by("outbound") == "sys";
    checks.note("1001 hung up and the policy released 3001", ended);
}

/// The CDRs of the request, when both are final.
async fn final_cdrs(rest: &Rest, callid: &str) -> anyhow::Result<Vec<Value>> {
    for _ in 0..50 {
        let found = rest
            .get(&format!("/api/v1/cdrs?user_data={callid}"))
            .await?;
        let cdrs = found["data"].as_array().cloned().unwrap_or_default();
        if cdrs.len() == 2 && cdrs.iter().all(|cdr| cdr["end_time"].is_string()) {
            return Ok(cdrs);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the CDRs of the call did not become final")
}

async fn phone(user: &str, behaviour: Behaviour, tone: u16) -> anyhow::Result<Line> {
    let listen = ([127, 0, 0, 1], 0).into();
    let speech = Speech::Tone(tone);
    let config = LineConfig {
        user: user.into(),
        domain: None,
        password: None,
        listen,
        behaviour,
        speech,
        record: false,
    };
    Line::start(config).await
}

/// Waits for an event; what comes before it is told.
async fn wait(line: &mut Line, wanted: impl Fn(&Event) -> bool) -> anyhow::Result<Event> {
    let search = async {
        loop {
            match line.event().await {
                Some(Told::Phone(event)) if wanted(&event) => return Ok(event),
                Some(Told::Phone(Event::Ended { status, .. })) => {
                    bail!("the call ended with {status}");
                }
                Some(_) => {}
                None => bail!("a phone has ended"),
            }
        }
    };
    tokio::time::timeout(STEP, search)
        .await
        .context("a phone waited in vain")?
}

async fn ended(line: &mut Line) -> anyhow::Result<Option<Heard>> {
    let search = async {
        loop {
            match line.event().await {
                Some(Told::Heard(heard, _)) => return Ok(heard),
                Some(Told::Phone(_)) => {}
                None => bail!("a phone has ended"),
            }
        }
    };
    tokio::time::timeout(STEP, search)
        .await
        .context("a call did not end")?
}

/// Whether that tone prevailed, loud and without a break, for most of the time.
fn hears(heard: Option<Heard>, tone: u16) -> bool {
    heard.is_some_and(|h| {
        h.tone == Some(tone) && h.audio_ms > 1_500 && h.level_db > -20.0 && h.lost == 0
    })
}

fn text(value: &Value) -> anyhow::Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no text in the answer: {value}"))
}

#[derive(Default)]
struct Checks {
    failed: bool,
    lines: Vec<String>,
}

impl Checks {
    fn note(&mut self, what: &str, held: bool) {
        self.failed |= !held;
        self.lines
            .push(format!("{} {what}", if held { "ok    " } else { "FAILED" }));
    }

    fn conclude(&self) -> bool {
        for line in &self.lines {
            println!("{line}");
        }
        !self.failed
    }
}

/// A client of the REST API with one key.
struct Rest {
    client: reqwest::Client,
    base: String,
    key: String,
}

impl Rest {
    fn new(base: &str, key: String) -> Self {
        Self {
            client: reqwest::Client::new(),
            base: base.to_owned(),
            key,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        Ok(serde_json::from_str(&self.send(path, request).await?)?)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.text(path).await?)?)
    }

    async fn text(&self, path: &str) -> anyhow::Result<String> {
        self.send(path, self.client.get(format!("{}{path}", self.base)))
            .await
    }

    async fn send(&self, path: &str, request: reqwest::RequestBuilder) -> anyhow::Result<String> {
        let answer = request.bearer_auth(&self.key).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        if status.is_success() {
            return Ok(body);
        }
        bail!("{path}: {status}: {body}")
    }
}
