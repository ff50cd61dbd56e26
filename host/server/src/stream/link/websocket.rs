//! SIP over WebSocket (RFC 7118): one SIP message is one message of the socket, text or binary.
//!
//! Who does not ask for the subprotocol `sip` is refused. Origin is not looked at: what a browser sends
//! by itself (cookies) proves nothing here, every phone proves who it is in SIP.

use std::io;

use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use sip::{limits, wire::Frame};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::WebSocketConfig,
    },
};

use super::{Over, Wire};

/// What is held of what comes: a connection on which nothing comes costs no more.
const READ: usize = 4 * 1024;
/// What may wait to be written before it is.
const WRITE: usize = 16 * 1024;

type Socket = WebSocketStream<Box<dyn Wire>>;

/// What comes.
pub(in crate::stream) struct Input {
    messages: SplitStream<Socket>,
    /// What has come and was not taken.
    frame: Option<Frame>,
}

/// What goes.
pub(in crate::stream) struct Output(SplitSink<Socket, Message>);

/// The handshake of the one who is connected to.
pub(super) async fn accept(wire: Box<dyn Wire>) -> io::Result<(super::Input, super::Output)> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(WRITE)
        // One message beyond what may wait, and a pong.
        .max_write_buffer_size(WRITE + 2 * limits::MESSAGE)
        .max_message_size(Some(limits::MESSAGE))
        .max_frame_size(Some(limits::MESSAGE));
    let socket = accept_hdr_async_with_config(wire, agree, Some(config))
        .await
        .map_err(io::Error::other)?;
    let (output, messages) = socket.split();
    let input = Input {
        messages,
        frame: None,
    };
    Ok((
        super::Input::Socket(input),
        super::Output::Socket(Output(output)),
    ))
}

/// RFC 7118 §4.1: the subprotocol is `sip`.
#[expect(clippy::result_large_err, reason = "the signature is the library's")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let mut offered = offered.iter().filter_map(|value| value.to_str().ok());
    if offered.any(|value| value.split(',').any(|it| it.trim() == "sip")) {
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("sip"));
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some("the subprotocol is sip".to_owned()));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    Err(refusal)
}

impl Input {
    /// Waits until a message has come, or a sign of life.
    pub(super) async fn receive(&mut self) -> Result<(), Over> {
        let octets: Bytes = match self.messages.next().await {
            Some(Ok(Message::Text(text))) => text.into(),
            Some(Ok(Message::Binary(octets))) => octets,
            // The pong goes by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Err(error @ (Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_)))) => {
                return Err(Over::Garbage(error.to_string()));
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Over::Ended),
        };
        self.frame = match &octets[..] {
            // A keep-alive of RFC 5626 §3.5.1; what else is only line ends may be the answer to one.
            b"\r\n\r\n" => Some(Frame::Ping),
            line_ends if line_ends.iter().all(|it| matches!(it, b'\r' | b'\n')) => None,
            _ => Some(Frame::Message(octets)),
        };
        Ok(())
    }

    /// What has come.
    pub(super) fn take(&mut self) -> Option<Frame> {
        self.frame.take()
    }
}

impl Output {
    /// Writes each of these messages as one; as text if it is one.
    pub(super) async fn write(&mut self, messages: &[Bytes]) -> io::Result<()> {
        for message in messages {
            let message = match Utf8Bytes::try_from(message.clone()) {
                Ok(text) => Message::Text(text),
                Err(_) => Message::Binary(message.clone()),
            };
            self.0.feed(message).await.map_err(io::Error::other)?;
        }
        self.0.flush().await.map_err(io::Error::other)
    }
}
