//! WebSockets: who is let in, and that messages stay whole.

use futures_util::{SinkExt, StreamExt};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        handshake::client::{Request, Response},
        http::HeaderValue,
    },
};

use super::*;
use crate::tls::tests::{Authority, none, with};

async fn stage(limits: Limits) -> Stage {
    Stage::over(Transport::Ws, none(), 8, limits).await
}

/// The request of a browser that wants these subprotocols.
fn request(protocols: &'static str) -> Request {
    let mut request = "ws://pbx.example/sip".into_client_request().unwrap();
    if !protocols.is_empty() {
        let headers = request.headers_mut();
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static(protocols),
        );
    }
    request
}

async fn connect(
    stage: &Stage,
    protocols: &'static str,
) -> Result<(WebSocketStream<TcpStream>, Response), Error> {
    client_async(request(protocols), stage.connect().await).await
}

async fn browser(stage: &Stage) -> WebSocketStream<TcpStream> {
    let (socket, response) = connect(stage, "chat, sip").await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "sip");
    socket
}

fn options() -> Message {
    Message::text(str::from_utf8(OPTIONS).unwrap())
}

#[tokio::test]
async fn each_message_is_one_of_the_socket_as_text_where_it_is_one() {
    let mut stage = stage(PATIENT).await;
    let mut peer = browser(&stage).await;
    peer.send(options()).await.unwrap();
    let flow = stage.message().await;
    assert_eq!(flow.transport, Transport::Ws);
    peer.send(Message::binary(OPTIONS)).await.unwrap();
    assert_eq!(stage.message().await, flow);
    for answer in [&b"one"[..], b"two", b"\xff"] {
        assert!(stage.streams.send(flow, Bytes::from_static(answer)));
    }
    for expect in [
        Message::text("one"),
        Message::text("two"),
        Message::binary(&b"\xff"[..]),
    ] {
        assert_eq!(peer.next().await.unwrap().unwrap(), expect);
    }
    assert_eq!(stage.streams.count(), (1, 0));
    peer.close(None).await.unwrap();
    assert_eq!(stage.lost().await, flow);
    assert_eq!(stage.ended(End::Peer), 1);
    // There is no other way to that peer.
    assert!(!stage.streams.send(flow, Bytes::from_static(b"x")));
    assert_eq!(stage.ended(End::Unreachable), 1);
}

#[tokio::test]
async fn keep_alives_of_the_socket_and_of_sip_are_answered_and_no_shard_hears_of_them() {
    let mut stage = stage(PATIENT).await;
    let mut peer = browser(&stage).await;
    for (ping, pong) in [
        (
            Message::Ping(Bytes::from_static(b"7")),
            Message::Pong(Bytes::from_static(b"7")),
        ),
        (Message::text("\r\n\r\n"), Message::text("\r\n")),
    ] {
        peer.send(ping).await.unwrap();
        assert_eq!(peer.next().await.unwrap().unwrap(), pong);
    }
    assert!(stage.mail.try_recv().is_err());
    assert_eq!(stage.streams.count(), (1, 1), "it has said nothing whole");
}

#[tokio::test]
async fn who_does_not_ask_for_sip_is_refused_and_so_is_who_says_nothing() {
    let limits = Limits {
        first: SOON,
        ..PATIENT
    };
    let stage = stage(limits).await;
    for protocols in ["", "chat", "sips, SIP"] {
        let Err(Error::Http(refusal)) = connect(&stage, protocols).await else {
            panic!("{protocols:?} is let in");
        };
        assert_eq!(refusal.status(), 400);
    }
    let mut silent = stage.connect().await;
    assert!(is_closed(&mut silent).await);
    assert_eq!(stage.ended(End::Handshake), 4);
    let mut peer = browser(&stage).await;
    assert!(!matches!(peer.next().await, Some(Ok(message)) if !message.is_close()));
    assert_eq!(
        (stage.ended(End::Silent), stage.streams.count()),
        (1, (0, 0))
    );
}

#[tokio::test]
async fn a_message_that_is_larger_than_any_of_sip_ends_its_connection() {
    let stage = stage(PATIENT).await;
    let mut peer = browser(&stage).await;
    let much = Message::binary(vec![b'x'; sip::limits::MESSAGE + 1]);
    // The connection may be gone before all of it is written.
    let _ = peer.send(much).await;
    while let Some(Ok(_)) = peer.next().await {}
    assert_eq!(stage.ended(End::Garbage), 1);
}

#[tokio::test]
async fn a_secure_socket_is_one_inside_of_tls() {
    let authority = Authority::new();
    let mut files = authority.files("127.0.0.1");
    // For listeners of trunks, not of browsers.
    files.client_ca = files.ca.clone();
    let mut stage = Stage::over(Transport::Wss, with(files, None), 8, PATIENT).await;
    let mut files = authority.files("peer.example");
    (files.cert, files.key) = (None, None);
    let connector = with(files, None).connector().unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let wire = connector.connect(name, stage.connect().await).await;
    let (mut peer, _) = client_async(request("sip"), wire.unwrap()).await.unwrap();
    peer.send(options()).await.unwrap();
    let flow = stage.message().await;
    assert_eq!(flow.transport, Transport::Wss);
    assert!(stage.streams.send(flow, Bytes::from_static(b"answer")));
    assert_eq!(peer.next().await.unwrap().unwrap(), Message::text("answer"));
}
