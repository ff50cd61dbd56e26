use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::TcpListener,
    sync::Semaphore,
    time::Instant,
};

use super::{HEAD, STALL, converse};
use crate::metrics::Metrics;

/// Less than anybody's patience.
const ALMOST: Duration = Duration::from_secs(29);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A server of one connection, the client's end of which is given to `play`; how long it was open.
async fn open_for(router: Router, play: impl AsyncFnOnce(DuplexStream)) -> Duration {
    let (ours, theirs) = duplex(1 << 20);
    let began = Instant::now();
    let served = async {
        converse(ours, router).await;
        began.elapsed()
    };
    let (open, ()) = tokio::join!(served, play(theirs));
    open
}

/// Timers have whole milliseconds.
fn assert_is(open: Duration, expect: Duration) {
    let off = open.abs_diff(expect);
    assert!(off < Duration::from_millis(50), "{open:?}, not {expect:?}");
}

fn there() -> Router {
    Router::new().route("/", get(|| async { "there" }))
}

/// Reads an answer that ends in that word.
async fn answered(client: &mut DuplexStream, last: &str) {
    let mut text = Vec::new();
    while !text.ends_with(last.as_bytes()) {
        let mut octet = [0];
        assert_eq!(client.read(&mut octet).await.unwrap(), 1);
        text.extend(octet);
    }
}

async fn closed(mut client: DuplexStream) {
    assert_eq!(client.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_cut_off() {
    assert_is(open_for(there(), closed).await, HEAD);
}

#[tokio::test(start_paused = true)]
async fn who_never_ends_the_head_of_a_request_is_cut_off_though_it_keeps_on_sending() {
    let open = open_for(there(), async |mut client| {
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        while client.write_all(b"X-A: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert_is(open.await, HEAD);
}

#[tokio::test(start_paused = true)]
async fn who_is_idle_after_a_request_is_cut_off_and_who_asks_again_is_not() {
    let open = open_for(there(), async |mut client| {
        for _ in 0..10 {
            client.write_all(REQUEST).await.unwrap();
            answered(&mut client, "there").await;
            tokio::time::sleep(ALMOST).await;
        }
        client.write_all(REQUEST).await.unwrap();
        answered(&mut client, "there").await;
        closed(client).await;
    });
    assert_is(open.await, ALMOST * 10 + HEAD);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_answer_is_not_cut_off() {
    let slow = || async {
        tokio::time::sleep(HEAD * 4).await;
        "at last"
    };
    let router = Router::new().route("/", get(slow));
    let open = open_for(router, async |mut client| {
        client.write_all(REQUEST).await.unwrap();
        answered(&mut client, "at last").await;
    });
    assert_is(open.await, HEAD * 4);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_its_answer_is_cut_off_and_who_takes_it_slowly_is_not() {
    let long = || Router::new().route("/", get(|| async { "x".repeat(5_000) + "end" }));
    let (ours, mut client) = duplex(64);
    client.write_all(REQUEST).await.unwrap();
    let began = Instant::now();
    converse(ours, long()).await;
    assert_is(began.elapsed(), STALL);
    drop(client);

    let (ours, mut client) = duplex(64);
    let taken = async {
        client.write_all(REQUEST).await.unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"end") {
            tokio::time::sleep(ALMOST).await;
            let mut some = [0; 64];
            let taken = client.read(&mut some).await.unwrap();
            text.extend(&some[..taken]);
        }
        drop(client);
    };
    let began = Instant::now();
    tokio::join!(converse(ours, long()), taken);
    assert!(began.elapsed() > STALL * 50);
}

#[tokio::test(start_paused = true)]
async fn a_head_beyond_its_octets_is_refused() {
    let open = open_for(there(), async |mut client| {
        client.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
        let mut sent = 0;
        while sent <= super::HEAD_OCTETS && client.write_all(&[b'a'; 64]).await.is_ok() {
            sent += 64;
        }
        answered(&mut client, "HTTP/1.1 431").await;
    });
    assert!(open.await < Duration::from_secs(1));
}

#[tokio::test]
async fn a_handler_runs_to_its_end_though_its_client_is_gone() {
    let (begun, go, ended) = (
        Arc::new(Semaphore::new(0)),
        Arc::new(Semaphore::new(0)),
        Arc::new(Semaphore::new(0)),
    );
    let (b, g, e) = (begun.clone(), go.clone(), ended.clone());
    let handler = async move || {
        b.add_permits(1);
        g.acquire().await.unwrap().forget();
        e.add_permits(1);
    };
    let router = Router::new().route("/", post(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let work = async {
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        client.write_all(request).await.unwrap();
        begun.acquire().await.unwrap().forget();
        drop(client);
        // The server sees the end of the connection before the handler goes on.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        go.add_permits(1);
        ended.acquire().await.unwrap().forget();
    };
    tokio::select! {
        () = super::serve(listener, router, Metrics::off()) => {}
        () = work => {}
    }
}
