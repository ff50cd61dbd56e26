//! The two directions of a connection, once it is agreed how it speaks.
//!
//! Owns the handshakes of TLS and WebSocket and what differs between octets and WebSocket messages.
//! Nothing here waits for longer than its caller lets it.

use std::{future::poll_fn, io, pin::Pin, task::ready};

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
pub(super) struct Input {
    octets: Box<dyn AsyncRead + Send + Unpin>,
    framer: Framer,
}

/// What goes.
pub(super) struct Output {
    octets: Box<dyn AsyncWrite + Send + Unpin>,
}

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum Over {
    /// The peer has ended it, or the network did.
    Ended,
    /// What came is no SIP.
    Garbage(FrameError),
}

/// Agrees with the peer on how to speak. `is_ours`: who made the connection begins.
pub(super) async fn agree(
    stream: TcpStream,
    flow: Flow,
    is_ours: bool,
    tls: &Tls,
) -> io::Result<(Input, Output)> {
    let closed = || io::Error::other("no certificate");
    match (flow.transport, is_ours) {
        (Transport::Tls, false) => {
            let acceptor = tls.acceptor(false).ok_or_else(closed)?;
            let (input, output) = split(acceptor.accept(stream).await?);
            Ok(halves(input, output))
        }
        (Transport::Tls, true) => {
            let connector = tls.connector().ok_or_else(closed)?;
            let name = tls.name(flow.remote.ip());
            let (input, output) = split(connector.connect(name, stream).await?);
            Ok(halves(input, output))
        }
        _ => {
            let (input, output) = stream.into_split();
            Ok(halves(input, output))
        }
    }
}

fn halves(
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> (Input, Output) {
    let input = Input {
        octets: Box::new(input),
        framer: Framer::new(),
    };
    let output = Output {
        octets: Box::new(output),
    };
    (input, output)
}

impl Input {
    /// Waits until something has come.
    pub(super) async fn receive(&mut self) -> Result<(), Over> {
        match poll_fn(|context| self.poll_octets(context)).await {
            Ok(0) | Err(_) => Err(Over::Ended),
            Ok(_) => Ok(()),
        }
    }

    /// The next frame of what has come.
    pub(super) fn poll(&mut self) -> Result<Option<Frame>, Over> {
        self.framer.poll().map_err(Over::Garbage)
    }

    /// Whether a message has begun that is not there as a whole.
    pub(super) fn is_amid(&self) -> bool {
        self.framer.is_amid()
    }

    /// Nothing is kept for a connection on which nothing comes.
    fn poll_octets(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<usize>> {
        let mut room = [0; READ];
        let mut buffer = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.octets).poll_read(context, &mut buffer))?;
        self.framer.push(buffer.filled());
        std::task::Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl Output {
    /// Writes all of these messages.
    pub(super) async fn write(&mut self, messages: &[Bytes]) -> io::Result<()> {
        let octets = match messages {
            [one] => one.clone(),
            all => {
                let mut octets = BytesMut::new();
                for message in all {
                    octets.extend_from_slice(message);
                }
                octets.freeze()
            }
        };
        self.octets.write_all(&octets).await?;
        // What is encrypted may wait in a buffer of its own.
        self.octets.flush().await
    }
}
