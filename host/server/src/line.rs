//! A telephone on real sockets: a [`Phone`] and its [`Handset`], driven by one task.
//!
//! The softphone and the demo use it. It knows nothing of nodes: it speaks to one as any telephone does.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use bytes::Bytes;
use control::phone::{Event, Input, Output, Phone, PhoneConfig};
use media::{
    handset::{Handset, HandsetConfig, Heard, Speech},
    sdp::Negotiated,
};
use sip::digest::Login;
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::clock;

/// Wishes and events that wait; a telephone's user is slow.
const QUEUE: usize = 64;
/// The largest datagram.
const DATAGRAM: usize = 65_535;

/// What a line is made with.
pub struct LineConfig {
    /// Its user: the telephone number.
    pub user: String,
    /// The domain of its own address; none: its socket.
    pub domain: Option<String>,
    /// Its password, if it is challenged.
    pub password: Option<String>,
    /// Where it takes SIP; port 0: a free one.
    pub listen: SocketAddr,
    /// What it does with inbound calls.
    pub behaviour: control::phone::Behaviour,
    /// What it says.
    pub speech: Speech,
    /// Whether it keeps what it hears.
    pub record: bool,
}

/// What the user of a line is told.
#[derive(Debug)]
pub enum Told {
    /// The phone's own event.
    Phone(Event),
    /// After `Ended`: what was heard, and the samples if they were kept.
    Heard(Option<Heard>, Vec<i16>),
}

/// A running telephone.
pub struct Line {
    /// Where it takes SIP.
    pub sip: SocketAddr,
    wishes: mpsc::Sender<Input>,
    events: mpsc::Receiver<Told>,
    _task: JoinSet<()>,
}

impl Line {
    /// Binds its sockets and starts.
    pub async fn start(config: LineConfig) -> anyhow::Result<Line> {
        let sip = UdpSocket::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let rtp = UdpSocket::bind((config.listen.ip(), 0)).await?;
        let local = sip.local_addr()?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).context("the operating system has no randomness")?;
        let domain = config.domain.unwrap_or_else(|| local.to_string());
        let mut settings = PhoneConfig::new(&config.user, &domain, local, rtp.local_addr()?, seed);
        settings.behaviour = config.behaviour;
        settings.login = config.password.map(|password| {
            let username = config.user.clone();
            Arc::new(Login { username, password })
        });
        let ssrc = u32::from_le_bytes([seed[0], seed[1], seed[2], seed[3]]);
        let (wishes, wished) = mpsc::channel(QUEUE);
        let (told, events) = mpsc::channel(QUEUE);
        let driver = Driver {
            phone: Phone::new(settings),
            handset: None,
            speech: config.speech,
            record: config.record,
            ssrc,
            peer: None,
            sip,
            rtp,
            told,
        };
        let mut task = JoinSet::new();
        task.spawn(driver.run(wished));
        Ok(Line {
            sip: local,
            wishes,
            events,
            _task: task,
        })
    }

    /// Does what the user wants.
    pub async fn wish(&self, input: Input) {
        // A line whose task has ended does nothing any more.
        let _ = self.wishes.send(input).await;
    }

    /// The next event; `None` when the line has ended.
    pub async fn event(&mut self) -> Option<Told> {
        self.events.recv().await
    }
}

struct Driver {
    phone: Phone,
    handset: Option<Handset>,
    speech: Speech,
    record: bool,
    ssrc: u32,
    /// Where RTP goes.
    peer: Option<SocketAddr>,
    sip: UdpSocket,
    rtp: UdpSocket,
    told: mpsc::Sender<Told>,
}

impl Driver {
    async fn run(mut self, mut wished: mpsc::Receiver<Input>) {
        let mut signalling = vec![0; DATAGRAM];
        let mut audio = vec![0; DATAGRAM];
        loop {
            let handset = self.handset.as_ref().and_then(Handset::poll_timeout);
            let due = self.phone.poll_timeout().into_iter().chain(handset).min();
            let timer = async {
                match due {
                    Some(at) => sleep_until(Instant::from_std(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                wish = wished.recv() => match wish {
                    Some(input) => self.phone.handle_input(clock::instant(), input),
                    None => return,
                },
                Ok((length, from)) = self.sip.recv_from(&mut signalling) => {
                    let bytes = Bytes::copy_from_slice(&signalling[..length]);
                    self.phone.handle_input(clock::instant(), Input::Packet { from, bytes });
                }
                Ok((length, _)) = self.rtp.recv_from(&mut audio) => {
                    if let Some(handset) = &mut self.handset {
                        handset.handle_packet(clock::instant(), &audio[..length]);
                    }
                }
                () = timer => self.fire().await,
            }
            self.drain().await;
        }
    }

    async fn fire(&mut self) {
        let now = clock::instant();
        self.phone.handle_timeout(now);
        if let (Some(handset), Some(peer)) = (&mut self.handset, self.peer)
            && handset.poll_timeout().is_some_and(|due| due <= now)
        {
            while let Some(packet) = handset.handle_tick(now) {
                // Audio that cannot be sent is lost.
                let _ = self.rtp.send_to(&packet, peer).await;
            }
        }
    }

    async fn drain(&mut self) {
        while let Some(output) = self.phone.poll_output() {
            match output {
                Output::Transmit { to, bytes } => {
                    // SIP repeats what is lost.
                    let _ = self.sip.send_to(&bytes, to).await;
                }
                Output::Event(event) => self.tell(event).await,
            }
        }
    }

    async fn tell(&mut self, event: Event) {
        match &event {
            Event::EarlyMedia { agreed }
            | Event::Answered { agreed }
            | Event::Changed { agreed } => {
                self.talk(agreed);
            }
            Event::Incoming { .. }
            | Event::Keyed { .. }
            | Event::Transferred { .. }
            | Event::Ringing
            | Event::Registered { .. }
            | Event::NotRegistered { .. }
            | Event::Ended { .. } => {}
        }
        let ended = matches!(event, Event::Ended { .. });
        // A user who does not listen misses it.
        let _ = self.told.send(Told::Phone(event)).await;
        if ended {
            self.peer = None;
            let handset = self.handset.take();
            let samples = handset
                .as_ref()
                .map(|h| h.recording().to_vec())
                .unwrap_or_default();
            let heard = handset.map(|handset| handset.heard());
            let _ = self.told.send(Told::Heard(heard, samples)).await;
        }
    }

    fn talk(&mut self, agreed: &Negotiated) {
        self.peer = agreed.direction.sends().then_some(agreed.remote);
        if let Some(handset) = &mut self.handset {
            return handset.configure(agreed.clone());
        }
        let mut config = HandsetConfig::new(agreed.clone(), self.ssrc, self.speech.clone());
        config.record = self.record;
        let mut handset = Handset::new(config);
        // The first tick starts its clock; its packet is lost if there is nowhere to send.
        if let (Some(packet), Some(peer)) = (handset.handle_tick(clock::instant()), self.peer) {
            let _ = self.rtp.try_send_to(&packet, peer);
        }
        self.handset = Some(handset);
    }
}
