//! Listeners for connections, and how the kernel finds out that a peer is gone.
//!
//! As with datagrams ([`media::io::bind`]), one of IPv6 hears nothing of IPv4, so
//! that `0.0.0.0` and `[::]` may have the same port, and no peer has two addresses.

use std::{io, net::SocketAddr, time::Duration};

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that the kernel holds until they are accepted; the same as the standard library's.
const WAITING: u32 = 1_024;

/// How long a connection may be quiet before its peer is asked whether it is there. A NAT forgets one in
/// some minutes, so that this also keeps the way open; RFC 5626 §3.5.1 has 95 to 120 s for what it sends.
const QUIET: Duration = Duration::from_secs(60);
/// How long after that it is asked again.
const AGAIN: Duration = Duration::from_secs(10);
/// How often in all: a peer that is gone is missed after 90 s.
const PROBES: u32 = 3;

/// Has the kernel ask a quiet peer whether it is there. A NAT, or a machine that has lost its power, ends
/// connections without a word; that of a carrier brings no call any more, and nobody would notice until
/// the next REGISTER. What was written and is not acknowledged is given up as soon as a silent peer is,
/// where the kernel would try for a quarter of an hour.
pub fn watch(stream: &TcpStream) -> io::Result<()> {
    let gone = (QUIET + AGAIN * PROBES).as_millis() as u32;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, QUIET)?;
    sockopt::set_tcp_keepintvl(stream, AGAIN)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    Ok(sockopt::set_tcp_user_timeout(stream, gone)?)
}

/// A listener for connections.
pub fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        let socket = TcpSocket::new_v6()?;
        sockopt::set_ipv6_v6only(&socket, true)?;
        socket
    };
    // A node that starts again finds the last connections of the one before in its way.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use media::io::bind as udp;
    use rustix::net::sockopt;
    use tokio::net::TcpStream;

    use super::{tcp, watch};

    #[tokio::test]
    async fn a_peer_that_is_gone_is_missed_after_a_minute_and_a_half() {
        let listener = tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap());
        let stream = stream.await.unwrap();
        watch(&stream).unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        let quiet = sockopt::tcp_keepidle(&stream).unwrap();
        let probes = sockopt::tcp_keepcnt(&stream).unwrap();
        let missed = quiet + sockopt::tcp_keepintvl(&stream).unwrap() * probes;
        assert_eq!(missed, Duration::from_secs(90));
        assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 90_000);
    }

    #[tokio::test]
    async fn both_families_listen_at_the_same_port() {
        let at = |ip: &str, port| SocketAddr::new(ip.parse().unwrap(), port);
        let (first, first_tcp) = (
            udp(at("0.0.0.0", 0)).unwrap(),
            tcp(at("0.0.0.0", 0)).unwrap(),
        );
        let port = first.local_addr().unwrap().port();
        assert_eq!(
            udp(at("::", port)).unwrap().local_addr().unwrap().port(),
            port
        );
        let port = first_tcp.local_addr().unwrap().port();
        assert_eq!(
            tcp(at("::", port)).unwrap().local_addr().unwrap().port(),
            port
        );
    }
}
