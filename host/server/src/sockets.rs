//! Sockets that listen for SIP: one of IPv6 hears nothing of IPv4, so that `0.0.0.0` and `[::]` may have
//! the same port, and no peer has two addresses.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt::set_ipv6_v6only};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the kernel holds until they are accepted; the same as the standard library's.
const WAITING: u32 = 1_024;

/// A socket for datagrams.
pub fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    if address.is_ipv4() {
        return UdpSocket::bind(address);
    }
    let kind = SocketType::DGRAM;
    let socket = socket_with(AddressFamily::INET6, kind, SocketFlags::CLOEXEC, None)?;
    set_ipv6_v6only(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket.into())
}

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

    use super::{tcp, udp};

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
