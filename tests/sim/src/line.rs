//! A telephone on its desk: the phone, its handset, and what became of its calls.

use std::{net::SocketAddr, time::Duration, time::Instant};

use control::phone::{Event, Phone, PhoneConfig};
use media::handset::{Handset, HandsetConfig, Heard, Speech};
use media::sdp::Negotiated;

use crate::Link;

/// The tones of telephones, in Hz: each has its own, so that nobody can be mistaken for another.
pub(crate) const TONES: [u16; 25] = [
    410, 530, 670, 790, 930, 1_070, 1_210, 1_370, 1_490, 1_630, 1_770, 1_910, 2_030, 2_170, 2_310,
    2_450, 2_590, 2_730, 2_870, 3_010, 3_090, 3_170, 3_250, 3_330, 3_410,
];

/// One telephone of the simulated world.
#[derive(Debug)]
pub struct Line {
    /// Which tenant's it is, by its place in the world.
    pub tenant: usize,
    /// Its number.
    pub user: String,
    /// Its way to the node.
    pub link: Link,
    /// The tone that it speaks, in Hz.
    pub tone: u16,
    /// Whether it has called somebody.
    pub dialled: bool,
    /// Whether it has made an offer of its own in the middle of a call.
    pub reoffered: bool,
    /// It has transferred somebody.
    pub transfers: bool,
    /// What its user was told, and when.
    pub told: Vec<(Duration, Event)>,
    /// What it heard, call by call.
    pub heard: Vec<Heard>,
    /// The keys that it heard, call by call.
    pub digits: Vec<String>,
    /// Whether it says nothing.
    pub is_silent: bool,
    /// Whether it keeps the audio itself.
    pub records: bool,
    /// What it kept, call by call, at 8 kHz.
    pub recordings: Vec<Vec<i16>>,
    /// It has made a connection that is not lost. Where the node can make one itself it does not matter.
    pub(crate) connected: bool,
    pub(crate) phone: Phone,
    pub(crate) handset: Option<Handset>,
}

impl Line {
    pub(crate) fn new(tenant: usize, config: PhoneConfig, tone: u16) -> Self {
        Self {
            tenant,
            user: config.user.clone(),
            link: Link::CALM,
            tone,
            dialled: false,
            reoffered: false,
            transfers: false,
            told: Vec::new(),
            heard: Vec::new(),
            digits: Vec::new(),
            is_silent: false,
            records: false,
            recordings: Vec::new(),
            connected: false,
            phone: Phone::new(config),
            handset: None,
        }
    }

    /// Where it takes SIP.
    pub fn sip(&self) -> SocketAddr {
        self.phone.config().sip
    }

    /// How it speaks SIP.
    pub fn transport(&self) -> sip::Transport {
        self.phone.config().transport
    }

    /// Where it takes RTP.
    pub fn rtp(&self) -> SocketAddr {
        self.phone.config().rtp
    }

    /// When its user was told that.
    pub fn when(&self, what: impl Fn(&Event) -> bool) -> Option<Duration> {
        let found = self.told.iter().find(|(_, event)| what(event));
        found.map(|(at, _)| *at)
    }

    /// The status with which its last call ended.
    pub fn ended(&self) -> Option<u16> {
        self.told.iter().rev().find_map(|(_, event)| match event {
            Event::Ended { status, .. } => Some(*status),
            _ => None,
        })
    }

    pub(crate) fn tell(&mut self, now: Duration, event: Event, audio: bool) {
        match &event {
            Event::EarlyMedia { agreed }
            | Event::Answered { agreed }
            | Event::Changed { agreed }
                if audio =>
            {
                self.speak(agreed);
            }
            Event::Ended { .. } => self.put_down(),
            _ => {}
        }
        self.told.push((now, event));
    }

    fn speak(&mut self, agreed: &Negotiated) {
        if let Some(handset) = &mut self.handset {
            return handset.configure(agreed.clone());
        }
        let ssrc = u32::from(self.tone) << 8;
        let speech = if self.is_silent {
            Speech::Silence
        } else {
            Speech::Tone(self.tone)
        };
        self.handset = Some(Handset::new(HandsetConfig {
            candidates: TONES.to_vec(),
            record: self.records,
            packet_ms: self.phone.config().ptime_ms,
            ..HandsetConfig::new(agreed.clone(), ssrc, speech)
        }));
    }

    /// Puts the handset down and keeps what it heard.
    pub(crate) fn put_down(&mut self) {
        if let Some(handset) = self.handset.take() {
            self.heard.push(handset.heard());
            self.digits.push(handset.digits().to_owned());
            if self.records {
                self.recordings.push(handset.recording().to_vec());
            }
        }
    }

    pub(crate) fn poll_timeout(&self, start: Instant) -> Option<Duration> {
        let handset = self
            .handset
            .as_ref()
            .map(|h| h.poll_timeout().unwrap_or(start));
        let phone = self.phone.poll_timeout();
        let next = handset.into_iter().chain(phone).min()?;
        Some(next.saturating_duration_since(start))
    }
}
