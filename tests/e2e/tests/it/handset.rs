//! The audio of a phone whose signalling is SIPp's: a socket, a tone to send, an ear.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use media::handset::{Handset, HandsetConfig, Heard, Speech};
use media::sdp::{Codec, Direction, Negotiated, Types};

use crate::stopwatch::now;

/// The payload type of telephone-event in the scenarios' session descriptions.
const EVENTS: u8 = 101;

/// A phone's audio, from when its socket is bound to when it is hung up.
pub(crate) struct Audio {
    /// It has telephone events; else its keys are tones.
    events: bool,
    socket: Arc<UdpSocket>,
    line: Arc<Mutex<Line>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and the test share.
#[derive(Default)]
struct Line {
    handset: Option<Handset>,
    is_over: bool,
}

impl Audio {
    /// Binds a socket; nothing is sent yet.
    pub(crate) fn bind() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let patience = Some(Duration::from_millis(5));
        socket
            .set_read_timeout(patience)
            .expect("5 ms is a timeout");
        Self {
            events: true,
            socket: Arc::new(socket),
            line: Arc::default(),
            thread: None,
        }
    }

    /// The same for a telephone that knows no telephone events.
    pub(crate) fn without_events() -> Self {
        let mut audio = Self::bind();
        audio.events = false;
        audio
    }

    /// The port for SDP.
    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().expect("it is bound").port()
    }

    /// Begins to send a tone to `remote`, and to listen.
    pub(crate) fn start(&mut self, remote: SocketAddr, codec: Codec, hz: u16) {
        self.start_saying(remote, codec, Speech::Tone(hz));
    }

    /// The same with something else to say.
    pub(crate) fn start_saying(&mut self, remote: SocketAddr, codec: Codec, speech: Speech) {
        let agreed = Negotiated {
            remote,
            remote_rtcp: None,
            codec,
            payload_type: codec.payload_type(),
            receive: vec![(codec.payload_type(), codec)],
            telephone_event: self.events.then_some(Types {
                send: EVENTS,
                receive: EVENTS,
            }),
            noise: None,
            packing: media::sdp::Packing::default(),
            direction: Direction::SendRecv,
            srtp: None,
        };
        let ssrc = u32::from(self.port()) << 16 | 0x5eed;
        let mut config = HandsetConfig::new(agreed, ssrc, speech);
        config.record = true;
        self.line().handset = Some(Handset::new(config));
        let (socket, line) = (Arc::clone(&self.socket), Arc::clone(&self.line));
        self.thread = Some(std::thread::spawn(move || talk(&socket, &line, remote)));
    }

    /// What was heard until now; nothing before the start.
    pub(crate) fn heard(&self) -> Option<Heard> {
        self.line().handset.as_ref().map(Handset::heard)
    }

    /// Says that from now on.
    pub(crate) fn say(&self, speech: Speech) {
        let mut line = self.line();
        line.handset.as_mut().expect("it has begun").say(speech);
    }

    /// Presses these keys, one after another.
    pub(crate) fn press(&self, keys: &str) {
        let mut line = self.line();
        line.handset.as_mut().expect("it has begun").press(keys);
    }

    /// The keys that the other side pressed.
    pub(crate) fn digits(&self) -> String {
        let line = self.line();
        let handset = line.handset.as_ref();
        handset.map_or_else(String::new, |it| it.digits().to_owned())
    }

    /// All that was heard until now.
    pub(crate) fn recording(&self) -> Vec<i16> {
        let line = self.line();
        let handset = line.handset.as_ref();
        handset.map_or_else(Vec::new, |it| it.recording().to_vec())
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Audio {
    fn drop(&mut self) {
        self.line().is_over = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Sends what is due and listens to what comes, until it is over.
fn talk(socket: &UdpSocket, line: &Mutex<Line>, remote: SocketAddr) {
    let mut buffer = [0; 2048];
    loop {
        // The far end's socket may be closed already: that is an error of recv, and silence.
        let received = socket.recv_from(&mut buffer);
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.is_over {
            return;
        }
        let Some(handset) = &mut line.handset else {
            return;
        };
        if let Ok((length, _)) = received {
            handset.handle_packet(now(), &buffer[..length]);
        }
        while let Some(packet) = handset.handle_tick(now()) {
            let _ = socket.send_to(&packet, remote);
        }
    }
}
