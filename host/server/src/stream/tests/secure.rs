//! TLS: the handshakes, who is believed, and what they may cost.

use tokio_rustls::{client, rustls::pki_types::ServerName};

use super::*;
use crate::tls::tests::{Authority, none, with};

type Peer = client::TlsStream<TcpStream>;

async fn stage(authority: &Authority, most: usize, limits: Limits) -> Stage {
    let tls = with(authority.files("127.0.0.1"), None);
    Stage::over(Transport::Tls, tls, most, limits).await
}

/// Somebody who believes the authority.
async fn connect(authority: &Authority, stage: &Stage) -> Peer {
    let connector = with(authority.files("peer.example"), None).connector();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = stage.connect().await;
    let connected = connector.unwrap().connect(name, stream).await;
    connected.unwrap()
}

#[tokio::test]
async fn a_message_comes_and_its_answer_goes_encrypted() {
    let authority = Authority::new();
    let mut stage = stage(&authority, 8, PATIENT).await;
    let mut peer = connect(&authority, &stage).await;
    peer.write_all(OPTIONS).await.unwrap();
    let flow = stage.message().await;
    assert_eq!(flow.transport, Transport::Tls);
    assert!(stage.streams.send(flow, Bytes::from_static(b"answer")));
    let mut answer = [0; 6];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
    drop(peer);
    assert_eq!(stage.lost().await, flow);
    assert_eq!((stage.ended(End::Peer), stage.streams.count()), (1, (0, 0)));
}

#[tokio::test]
async fn a_connection_of_ours_is_made_only_to_who_proves_its_name() {
    let authority = Authority::new();
    let peer = Stage::over(
        Transport::Tls,
        with(authority.files("127.0.0.1"), None),
        8,
        PATIENT,
    );
    let mut peer = peer.await;
    let remote = peer.address;
    let flow = |stage: &Stage| Flow {
        transport: Transport::Tls,
        local: stage.address,
        remote,
        name: None,
    };
    for (name, believes) in [(None, true), (Some("other.example"), false)] {
        let tls = with(authority.files("us.example"), name);
        let mut stage = Stage::over(Transport::Tls, tls, 8, PATIENT).await;
        let flow = flow(&stage);
        assert!(stage.streams.send(flow, Bytes::from_static(OPTIONS)));
        if believes {
            peer.message().await;
        } else {
            assert_eq!(stage.lost().await, flow);
            assert_eq!(stage.ended(End::Handshake), 1);
        }
    }
}

#[tokio::test]
async fn a_connection_by_name_is_for_who_proves_the_name_and_for_no_other_name() {
    let authority = Authority::new();
    let far = with(authority.files("carrier.example"), None);
    let mut far = Stage::over(Transport::Tls, far, 8, PATIENT).await;
    let tls = with(authority.files("us.example"), None);
    let names = ["carrier.example", "other.example"].map(|it| tls.certified().number(it).unwrap());
    let mut stage = Stage::over(Transport::Tls, tls, 8, PATIENT).await;
    let [right, wrong] = names.map(|number| Flow {
        transport: Transport::Tls,
        local: stage.address,
        remote: far.address,
        name: Some(sip::PeerName(number.0)),
    });
    let unknown = Flow {
        name: Some(sip::PeerName(99.try_into().unwrap())),
        ..right
    };
    assert!(stage.streams.send(right, Bytes::from_static(OPTIONS)));
    let theirs = far.message().await;
    // There is a connection to that address, but not to that name, nor to the bare address.
    for (n, flow) in (1..).zip([
        wrong,
        Flow {
            name: None,
            ..right
        },
        unknown,
    ]) {
        assert!(stage.streams.send(flow, Bytes::from_static(OPTIONS)));
        assert_eq!(stage.lost().await, flow);
        assert_eq!(stage.ended(End::Handshake), n);
    }
    // What comes over it has come from that name.
    assert!(far.streams.send(theirs, Bytes::from_static(OPTIONS)));
    assert_eq!(stage.message().await, right);
}

#[tokio::test]
async fn a_handshake_that_is_none_or_is_not_done_in_time_ends_its_connection() {
    let authority = Authority::new();
    let limits = Limits {
        first: SOON,
        ..PATIENT
    };
    let mut stage = stage(&authority, 8, limits).await;
    let (mut silent, mut clear) = (stage.connect().await, stage.connect().await);
    clear.write_all(OPTIONS).await.unwrap();
    assert!(is_closed(&mut silent).await);
    // An alert may come before the end.
    let _ = clear.read_to_end(&mut Vec::new()).await;
    // The handshake is done, but nothing is said.
    let mut peer = connect(&authority, &stage).await;
    assert!(peer.read_u8().await.is_err());
    let ends = [End::Handshake, End::Silent].map(|end| stage.ended(end));
    assert_eq!((ends, stage.streams.count()), ([2, 1], (0, 0)));
    assert!(stage.mail.try_recv().is_err());
}

#[tokio::test]
async fn who_is_amid_its_handshake_gives_way_as_any_silent_one() {
    let authority = Authority::new();
    // One seat for each source.
    let mut stage = stage(&authority, 4, PATIENT).await;
    let mut silent = stage.connect().await;
    let mut peer = connect(&authority, &stage).await;
    peer.write_all(OPTIONS).await.unwrap();
    stage.message().await;
    assert!(is_closed(&mut silent).await);
    assert_eq!(stage.ended(End::Displaced), 1);
}

#[tokio::test]
async fn without_a_certificate_nobody_is_let_in() {
    let stage = Stage::over(Transport::Tls, none(), 8, PATIENT).await;
    let mut peer = stage.connect().await;
    assert!(is_closed(&mut peer).await);
    assert_eq!(stage.ended(End::Handshake), 1);
}
