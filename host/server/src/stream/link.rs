//! The two directions of a connection, once it is agreed how it speaks.
//!
//! Owns the handshakes of TLS and WebSocket and what differs between octets and WebSocket messages.
//! Nothing here waits for longer than its caller lets it.

mod websocket;

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use sip::{
    Flow, Transport,
    wire::{Frame, FrameError, Framer},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, split},
    net::TcpStream,
};

use crate::tls::Tls;

/// How much is read at once.
const READ: usize = 8 * 1024;

/// What comes.
pub(super) enum Input {
    /// Octets that a framer cuts.
    Octets(Box<dyn AsyncRead + Send + Unpin>, Framer),
    /// Messages, one at a time.
    Socket(websocket::Input),
}

/// What goes.
pub(super) enum Output {
    /// Octets.
    Octets(Box<dyn AsyncWrite + Send + Unpin>),
    /// Messages.
    Socket(websocket::Output),
}

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum Over {
    /// The peer has ended it, or the network did.
    Ended,
    /// What came is no SIP.
    Garbage(String),
}

/// What can be read and written.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Agrees with the peer on how to speak. `is_ours`: who made the connection begins.
pub(super) async fn agree(
    stream: TcpStream,
    flow: Flow,
    is_ours: bool,
    tls: &Tls,
) -> io::Result<(Input, Output)> {
    match flow.transport {
        Transport::Tls if is_ours => {
            let connector = tls.connector().ok_or_else(unable)?;
            let name = tls.name(flow).ok_or_else(nameless)?;
            let (input, output) = split(connector.connect(name, stream).await?);
            Ok(halves(input, output))
        }
        Transport::Tls => {
            let acceptor = tls.acceptor(false).ok_or_else(unable)?;
            let (input, output) = split(acceptor.accept(stream).await?);
            Ok(halves(input, output))
        }
        Transport::Ws => websocket::accept(Box::new(stream)).await,
        Transport::Wss => {
            let acceptor = tls.acceptor(true).ok_or_else(unable)?;
            websocket::accept(Box::new(acceptor.accept(stream).await?)).await
        }
        Transport::Tcp | Transport::Udp => {
            let (input, output) = stream.into_split();
            Ok(halves(input, output))
        }
    }
}

fn nameless() -> io::Error {
    io::Error::other("nobody asks for its name any more")
}

fn unable() -> io::Error {
    io::Error::other("there is no certificate")
}

fn halves(
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> (Input, Output) {
    (
        Input::Octets(Box::new(input), Framer::new()),
        Output::Octets(Box::new(output)),
    )
}

impl Input {
    /// Waits until something has come.
    pub(super) async fn receive(&mut self) -> Result<(), Over> {
        match self {
            Self::Octets(octets, framer) => {
                match poll_fn(|context| poll_octets(octets, framer, context)).await {
                    Ok(0) | Err(_) => Err(Over::Ended),
                    Ok(_) => Ok(()),
                }
            }
            Self::Socket(socket) => socket.receive().await,
        }
    }

    /// The next frame of what has come.
    pub(super) fn poll(&mut self) -> Result<Option<Frame>, Over> {
        match self {
            Self::Octets(_, framer) => {
                let garbage = |error: FrameError| Over::Garbage(error.to_string());
                framer.poll().map_err(garbage)
            }
            Self::Socket(socket) => Ok(socket.take()),
        }
    }

    /// Whether a message has begun that is not there as a whole.
    pub(super) fn is_amid(&self) -> bool {
        match self {
            Self::Octets(_, framer) => framer.is_amid(),
            Self::Socket(_) => false,
        }
    }
}

/// Nothing is kept for a connection on which nothing comes.
fn poll_octets(
    octets: &mut (impl AsyncRead + Unpin),
    framer: &mut Framer,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut room = [0; READ];
    let mut buffer = ReadBuf::new(&mut room);
    ready!(Pin::new(octets).poll_read(context, &mut buffer))?;
    framer.push(buffer.filled());
    Poll::Ready(Ok(buffer.filled().len()))
}

impl Output {
    /// Writes all of these messages.
    pub(super) async fn write(&mut self, messages: &[Bytes]) -> io::Result<()> {
        let octets = match self {
            Self::Octets(octets) => octets,
            Self::Socket(socket) => return socket.write(messages).await,
        };
        let all = match messages {
            [one] => one.clone(),
            all => {
                let mut octets = BytesMut::new();
                for message in all {
                    octets.extend_from_slice(message);
                }
                octets.freeze()
            }
        };
        octets.write_all(&all).await?;
        // What is encrypted may wait in a buffer of its own.
        octets.flush().await
    }
}
