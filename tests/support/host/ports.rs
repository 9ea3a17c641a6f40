//! Ports and addresses to listen on.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
};

/// Below those that systems give to outgoing connections, which could take a port between our look and the program's.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
/// How far processes that run at the same time begin from each other.
const STRIDE: u32 = 101;

/// A port of this address that nobody listens on.
pub(super) fn free(address: Ipv4Addr) -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id().wrapping_mul(STRIDE) % u32::from(COUNT);
    for _ in 0..COUNT {
        let offset = (begin + u32::from(TAKEN.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("below COUNT");
        if TcpListener::bind((address, port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {address} from {FIRST} on is free");
}

/// An address of this machine that is not loopback: what the endpoints of a Service may name. Nothing is sent.
pub(super) fn own_address() -> Ipv4Addr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    // Any address outside: the system chooses the interface that it would send from.
    let chosen = socket
        .connect((Ipv4Addr::new(198, 51, 100, 1), 9))
        .and_then(|()| socket.local_addr());
    match chosen.map(|address| address.ip()) {
        Ok(IpAddr::V4(address)) if !address.is_loopback() && !address.is_unspecified() => address,
        other => panic!(
            "this machine has no IPv4 address but loopback ({other:?}): an aggregated server outside the cluster \
             is reached through an EndpointSlice, which may not name a loopback address"
        ),
    }
}
