//! `jackfield softphone`: a command-line SIP phone for trying things out.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use control::phone::{Behaviour, Event, Input};
use media::{handset::Speech, wav};

use crate::line::{Line, LineConfig, Told};

/// How long it rings before `--answer` answers.
const RINGS: Duration = Duration::from_secs(1);
/// How long it asks to be registered, in seconds; it renews in time.
const REGISTERED: u32 = 600;
/// How long the last messages of a call may take.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A SIP phone on this terminal: prints what happens, one line an event.
#[derive(clap::Args)]
pub struct Args {
    /// Its telephone number.
    #[arg(long, default_value = "1001")]
    user: String,
    /// Where it takes SIP over UDP; port 0 is a free one. A phone line of the tenant names this address.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Register at this address, such as 127.0.0.1:5060, with --domain and --password.
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "domain",
        requires = "password"
    )]
    register: Option<SocketAddr>,
    /// The domain of its own address: that of the tenant. Its socket if nothing is said.
    #[arg(long)]
    domain: Option<String>,
    /// Its password, if it is asked for one.
    #[arg(long, env = "JACKFIELD_PHONE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Call this URI, such as sip:2001@127.0.0.1:5060; the host must be an IP address.
    #[arg(long, value_name = "URI")]
    dial: Option<String>,
    /// Answer a call after a second of ringing.
    #[arg(long)]
    answer: bool,
    /// Say this: a WAV file of 8 kHz, 16 bit, mono.
    #[arg(long, value_name = "FILE", conflicts_with = "tone")]
    play: Option<PathBuf>,
    /// Say a tone of this frequency in Hz.
    #[arg(long, value_name = "HZ")]
    tone: Option<u16>,
    /// Write what is heard to this WAV file when the call ends.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Hang up so many seconds after the answer.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Runs until the call is over: status 0 if it was answered. Without --dial it takes calls until
/// Ctrl-C.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let speech = speech(&args)?;
    let answer = args.answer.then_some(RINGS);
    let mut line = Line::start(LineConfig {
        user: args.user.clone(),
        domain: args.domain.clone(),
        password: args.password.clone(),
        listen: args.listen,
        behaviour: Behaviour::Ring {
            after: Duration::ZERO,
            answer,
        },
        speech,
        record: args.record.is_some(),
    })
    .await?;
    println!("{} on {}", args.user, line.sip);
    if let Some(registrar) = args.register {
        register(&mut line, registrar).await?;
    }
    if let Some(uri) = &args.dial {
        let to: sip::Uri = uri.parse().with_context(|| format!("--dial {uri}"))?;
        let Some(ip) = to.ip() else {
            bail!("--dial {uri}: the host is not an IP address")
        };
        let next_hop = SocketAddr::new(ip, to.port().unwrap_or(5060));
        line.wish(Input::Dial { to, next_hop }).await;
        println!("dialling {uri}");
    }
    converse(&mut line, &args).await
}

/// Registers; whoever is not known calls nobody and is called by nobody.
async fn register(line: &mut Line, registrar: SocketAddr) -> anyhow::Result<()> {
    let seconds = REGISTERED;
    line.wish(Input::Register { registrar, seconds }).await;
    loop {
        match line.event().await {
            Some(Told::Phone(event @ Event::Registered { .. })) => {
                println!("{}", describe(&event));
                return Ok(());
            }
            Some(Told::Phone(Event::NotRegistered { status })) => {
                bail!("--register {registrar}: refused with {status}")
            }
            Some(_) => {}
            None => bail!("--register {registrar}: the phone has ended"),
        }
    }
}

async fn converse(line: &mut Line, args: &Args) -> anyhow::Result<bool> {
    let mut answered = false;
    let mut hang_up: Option<tokio::time::Instant> = None;
    loop {
        let timer = async {
            match hang_up {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            told = line.event() => match told {
                Some(Told::Phone(event)) => {
                    println!("{}", describe(&event));
                    if matches!(event, Event::Answered { .. }) {
                        answered = true;
                        let longest = args.seconds.map(Duration::from_secs);
                        hang_up = longest.map(|longest| tokio::time::Instant::now() + longest);
                    }
                }
                Some(Told::Heard(heard, samples)) => {
                    if let Some(heard) = heard {
                        println!("{}", describe_heard(&heard));
                    }
                    if let Some(file) = &args.record {
                        std::fs::write(file, wav::encode(&samples))
                            .with_context(|| format!("--record {}", file.display()))?;
                    }
                    hang_up = None;
                    if args.dial.is_some() {
                        leave(line, args).await;
                        return Ok(answered);
                    }
                }
                None => return Ok(answered),
            },
            () = timer => {
                hang_up = None;
                line.wish(Input::HangUp).await;
            }
            _ = tokio::signal::ctrl_c() => {
                line.wish(Input::HangUp).await;
                leave(line, args).await;
                return Ok(answered);
            }
        }
    }
}

/// Takes its leave: the answer to a BYE, and whatever the peer repeats.
async fn leave(line: &Line, args: &Args) {
    if let Some(registrar) = args.register {
        let seconds = 0;
        line.wish(Input::Register { registrar, seconds }).await;
    }
    tokio::time::sleep(LAST_WORDS).await;
}

fn speech(args: &Args) -> anyhow::Result<Speech> {
    if let Some(file) = &args.play {
        let bytes = std::fs::read(file).with_context(|| format!("--play {}", file.display()))?;
        let samples = wav::decode(&bytes).with_context(|| format!("--play {}", file.display()))?;
        return Ok(Speech::Samples(samples));
    }
    Ok(args.tone.map_or(Speech::Silence, Speech::Tone))
}

fn describe(event: &Event) -> String {
    match event {
        Event::Incoming { from, to } => {
            format!(
                "call from {} to {}",
                from.user().unwrap_or("?"),
                to.user().unwrap_or("?")
            )
        }
        Event::Ringing => "ringing".into(),
        Event::Registered { seconds: 0 } => "registered no more".into(),
        Event::Registered { seconds } => format!("registered for {seconds} s"),
        Event::NotRegistered { status } => format!("not registered: {status}"),
        Event::EarlyMedia { agreed } => format!("early media, {}", agreed.codec.name()),
        Event::Answered { agreed } => format!("answered, {}", agreed.codec.name()),
        Event::Changed { .. } => "audio changed".into(),
        Event::Keyed { key } => format!("the other side says that {key} was pressed"),
        Event::Transferred { status } => format!("transferred: {status}"),
        Event::Ended { status, by } => format!("ended with {status} by {by:?}"),
    }
}

/// What was heard, in one line.
pub fn describe_heard(heard: &media::handset::Heard) -> String {
    let tone = heard
        .tone
        .map_or("no tone".to_owned(), |hz| format!("a tone of {hz} Hz"));
    format!(
        "heard {tone} at {:.0} dB in {} packets, {} lost, longest gap {} ms",
        heard.level_db, heard.packets, heard.lost, heard.longest_gap_ms
    )
}
