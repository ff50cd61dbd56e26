//! Connections to the API that hold their place and say nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::metrics::Page;
use crate::node::Node;
use crate::stopwatch::wait_for;

/// How many one address may have: three quarters of 1,024.
const SHARE: usize = 768;
/// How many come beyond that.
const MORE: usize = 32;
/// How long the head of a request may take, and a little.
const HEAD: Duration = Duration::from_secs(40);

/// A connection whose request never ends.
fn hog(server: SocketAddr) -> TcpStream {
    let mut hog = TcpStream::connect(server).expect("the kernel takes it");
    // One that is turned away may be closed already.
    let _ = hog.write_all(b"POST /api/user/1001/makecall HTTP/1.1\r\nHost: x\r\nX-A: ");
    hog.set_nonblocking(true).expect("a socket");
    hog
}

fn is_closed(mut hog: &TcpStream) -> bool {
    match hog.read(&mut [0; 256]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// The status of `/livez` for a client of another address of this machine.
fn livez(server: SocketAddr) -> Option<u16> {
    let client = reqwest::Client::builder()
        .local_address("127.0.0.2".parse().ok())
        .timeout(Duration::from_secs(5));
    let client = client.build().expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for one thread");
    let request = client.get(format!("http://{server}/livez"));
    let answer = runtime.block_on(async { request.send().await });
    answer.ok().map(|answer| answer.status().as_u16())
}

#[test]
fn connections_of_one_address_that_say_nothing_keep_nobody_else_out() {
    let node = Node::start();
    let hogs: Vec<TcpStream> = (0..SHARE + MORE).map(|_| hog(node.http)).collect();
    let page = wait_for("the last hog", Duration::from_secs(20), || {
        let page = Page::of(&node);
        let closed = page.count("jackfield_queue_lost_total", &[r#"queue="connections""#]);
        (closed as usize >= MORE).then_some(page)
    });
    assert_eq!(page.count("jackfield_http_connections", &[]), SHARE as u64);
    assert_eq!(livez(node.http), Some(200));
    wait_for("those beyond the share", Duration::from_secs(5), || {
        let closed = hogs.iter().filter(|hog| is_closed(hog)).count();
        (closed == MORE).then_some(())
    });
    if std::env::var("E2E_LONG").is_ok_and(|it| it == "1") {
        wait_for("the end of their patience", HEAD, || {
            hogs.iter().all(is_closed).then_some(())
        });
    }
    drop(hogs);
    wait_for("free places", Duration::from_secs(10), || {
        let page = Page::of(&node);
        (page.count("jackfield_http_connections", &[]) == 0).then_some(())
    });
}
