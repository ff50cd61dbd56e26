//! Listeners for connections: as with datagrams ([`media::io::bind`]), one of IPv6 hears nothing of IPv4, so
//! that `0.0.0.0` and `[::]` may have the same port, and no peer has two addresses.

use std::{io, net::SocketAddr};

use rustix::net::sockopt::set_ipv6_v6only;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the kernel holds until they are accepted; the same as the standard library's.
const WAITING: u32 = 1_024;

/// A listener for connections.
pub fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        let socket = TcpSocket::new_v6()?;
        set_ipv6_v6only(&socket, true)?;
        socket
    };
    // A node that starts again finds the last connections of the one before in its way.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use media::io::bind as udp;

    use super::tcp;

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
