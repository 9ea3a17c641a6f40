//! Addresses of VMs and load balancers that run on this machine: loopback addresses that nothing else uses.

use std::{
    collections::HashSet,
    io,
    net::{Ipv4Addr, SocketAddrV4},
};

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket};

/// First address of 127.64.0.0/10.
const FIRST: u32 = 0x7f40_0000;
/// Number of addresses in it.
const COUNT: u32 = 1 << 22;
/// Connections that wait for the server to accept them.
const BACKLOG: u32 = 1024;
/// Tries before a range that is mostly taken counts as full.
const TRIES: usize = 64;

/// The addresses that are in use, by this process at least.
#[derive(Default)]
pub struct Pool {
    taken: Mutex<HashSet<Ipv4Addr>>,
}

/// No address could be had.
#[derive(Debug, thiserror::Error)]
#[error("no free address in 127.64.0.0/10")]
pub struct Exhausted;

/// An address and port that are held, and refuse connections until they listen.
pub struct Reservation(TcpSocket);

impl Pool {
    /// Takes a free address. Addresses are random, so that two supervisors on one machine rarely meet.
    pub fn take(&self) -> Result<Ipv4Addr, Exhausted> {
        let mut taken = self.taken.lock();
        for _ in 0..TRIES {
            let address = Ipv4Addr::from(FIRST + rand::random_range(1..COUNT - 1));
            if taken.insert(address) {
                return Ok(address);
            }
        }
        Err(Exhausted)
    }

    /// Marks an address of the ledger as taken.
    pub fn hold(&self, address: Ipv4Addr) {
        self.taken.lock().insert(address);
    }

    /// Gives an address back.
    pub fn release(&self, address: Ipv4Addr) {
        self.taken.lock().remove(&address);
    }
}

impl Reservation {
    /// Holds an address and port; fails when another process has them, or the system has no such address.
    pub fn new(address: Ipv4Addr, port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // A server that was stopped leaves connections in TIME_WAIT, which must not keep the next one from starting.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddrV4::new(address, port).into())?;
        Ok(Self(socket))
    }

    /// Starts to accept connections.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_loopback_and_never_given_twice() {
        let pool = Pool::default();
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let address = pool.take().unwrap();
            assert!(
                address.is_loopback() && (64..128).contains(&address.octets()[1]),
                "{address}"
            );
            assert!(seen.insert(address));
        }
    }

    #[tokio::test]
    async fn a_reservation_refuses_connections_until_it_listens() {
        let address = Pool::default().take().unwrap();
        let reservation = Reservation::new(address, 6443).unwrap();
        let refused = tokio::net::TcpStream::connect((address, 6443)).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _listener = reservation.listen().unwrap();
        tokio::net::TcpStream::connect((address, 6443)).await.unwrap();
    }
}
