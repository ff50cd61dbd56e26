//! The door of a listener: no more than so many connections are inside, and of one address no more than
//! a share of them.
//!
//! When all places are taken the next connection waits in the kernel, and leaves the process's files to
//! calls. One of an address that has its share is closed: it would keep others waiting.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::serve::Listener;
use metrics::{Counter, Gauge};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// See the module's header.
pub struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    inside: Arc<Inside>,
    /// Of one address.
    share: usize,
    closed: Counter,
}

/// Who is inside.
struct Inside {
    by_address: Mutex<BTreeMap<IpAddr, usize>>,
    gauge: Gauge,
}

/// The place of one connection; given back when it is dropped.
pub struct Place {
    inside: Arc<Inside>,
    address: IpAddr,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Door {
    /// At most `most` connections of this listener, three quarters of them of one address.
    pub fn new(listener: TcpListener, most: usize) -> Self {
        let inside = Inside {
            by_address: Mutex::default(),
            gauge: Gauge::noop(),
        };
        Self {
            listener,
            places: Arc::new(Semaphore::new(most)),
            inside: Arc::new(inside),
            share: most - most / 4,
            closed: Counter::noop(),
        }
    }

    /// Shows how many are inside, and counts those that were closed.
    pub fn shown_by(self, gauge: Gauge, closed: Counter) -> Self {
        let inside = Inside {
            by_address: Mutex::default(),
            gauge,
        };
        Self {
            inside: Arc::new(inside),
            closed,
            ..self
        }
    }

    /// The next connection.
    pub async fn accept(&mut self) -> (TcpStream, Place) {
        loop {
            // The semaphore is never closed, so there is a permit.
            let permit = Arc::clone(&self.places).acquire_owned().await.ok();
            let (stream, remote) = Listener::accept(&mut self.listener).await;
            match self.place(source(remote.ip()), permit) {
                Some(place) => return (stream, place),
                None => self.closed.increment(1),
            }
        }
    }

    fn place(&self, address: IpAddr, permit: Option<OwnedSemaphorePermit>) -> Option<Place> {
        let mut by_address = self.inside.lock();
        let count = by_address.entry(address).or_default();
        if *count >= self.share {
            return None;
        }
        *count += 1;
        self.inside.gauge.increment(1.0);
        Some(Place {
            inside: Arc::clone(&self.inside),
            address,
            _permit: permit,
        })
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.inside.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
        self.inside.gauge.decrement(1.0);
    }
}

/// Whom an address stands for: of IPv6 the network of 64 bits, which is what one customer is given.
pub fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpSocket, TcpStream},
    };

    use super::{Door, source};

    async fn door(most: usize) -> Door {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        Door::new(listener, most)
    }

    /// A connection that comes from that address of this machine.
    async fn knock(door: &Door, from: &str) -> TcpStream {
        let port = door.listener.local_addr().unwrap().port();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let there = format!("127.0.0.1:{port}").parse().unwrap();
        socket.connect(there).await.unwrap()
    }

    /// What has to be ready is ready when everybody else has had the processor.
    async fn settle() {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_connection_beyond_the_cap_waits_until_another_ends() {
        let mut door = door(2).await;
        let _first = knock(&door, "127.0.0.1").await;
        let (_, place) = door.accept().await;
        let _second = knock(&door, "127.0.0.2").await;
        let _other = door.accept().await;
        let _third = knock(&door, "127.0.0.3").await;
        tokio::select! {
            biased;
            _ = door.accept() => panic!("there was no place"),
            () = settle() => {}
        }
        drop(place);
        door.accept().await;
    }

    #[tokio::test]
    async fn one_address_has_three_quarters_of_the_places_and_is_closed_beyond() {
        let mut door = door(4).await;
        let (mut outside, mut inside) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            outside.push(knock(&door, "127.0.0.1").await);
            inside.push(door.accept().await);
        }
        let mut fourth = knock(&door, "127.0.0.1").await;
        let other = knock(&door, "127.0.0.2").await;
        let (stream, place) = door.accept().await;
        assert_eq!(stream.peer_addr().unwrap(), other.local_addr().unwrap());
        assert!(matches!(fourth.read(&mut [0; 1]).await, Ok(0) | Err(_)));
        // A place that is free again is anybody's, and nothing is kept of those who are gone.
        inside.pop();
        let again = knock(&door, "127.0.0.1").await;
        let (stream, last) = door.accept().await;
        assert_eq!(stream.peer_addr().unwrap(), again.local_addr().unwrap());
        drop((inside, place, last));
        assert!(door.inside.lock().is_empty());
        assert_eq!(door.places.available_permits(), 4);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let of = |text: &str| source(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
