//! Two links, or a link and a peer that writes what it likes.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by tests, which fail by panicking")]

use std::io::Write;
use std::os::unix::net::UnixStream;

use sealpulse_transport::{Incoming, Link, LinkConfig, LinkError, Side, TransportKind};

/// A client's link and the server's.
pub(crate) struct Pair {
    pub(crate) client: Link,
    pub(crate) server: Link,
}

pub(crate) fn pair(kind: TransportKind) -> Pair {
    let (a, b) = UnixStream::pair().unwrap();
    let config = LinkConfig { side: Side::Client, ..LinkConfig::default() };
    let mut client = Link::new(a.into(), &config).unwrap();
    let mut server = Link::new(b.into(), &LinkConfig::default()).unwrap();
    client.enable(kind);
    server.enable(kind);
    Pair { client, server }
}

/// Both registered their pools, as after authentication.
pub(crate) fn registered(kind: TransportKind) -> Pair {
    let mut pair = pair(kind);
    register(&mut pair.client, &mut pair.server);
    register(&mut pair.server, &mut pair.client);
    pair
}

pub(crate) fn register(from: &mut Link, to: &mut Link) {
    for (shm_id, fd) in from.pools_to_register().unwrap() {
        from.send_packet_with_fds(vec![0], vec![fd]);
        from.flush().unwrap();
        let [Incoming::Packet { fds, .. }] = &mut receive(to).unwrap()[..] else { panic!() };
        to.register_memfd(shm_id, std::mem::take(fds)).unwrap();
    }
}

/// Both use a ring.
pub(crate) fn with_ring(kind: TransportKind) -> Pair {
    let mut pair = registered(kind);
    let Pair { client, server } = &mut pair;
    let offer = server.offer_ring().unwrap();
    server.send_packet_with_fds(vec![1], offer.fds);
    server.send_ring_block().unwrap();
    server.flush().unwrap();
    let [Incoming::Packet { fds, .. }] = &mut receive(client).unwrap()[..] else { panic!() };
    let fds = std::mem::take(fds);
    if !client.attach_ring(fds).unwrap() {
        assert!(receive(client).unwrap().is_empty());
        assert!(client.ring_is_attached());
    }
    client.send_packet(vec![2]);
    client.switch_to_ring().unwrap();
    client.flush().unwrap();
    let [Incoming::Packet { .. }] = &receive(server).unwrap()[..] else { panic!() };
    server.switch_to_ring().unwrap();
    server.flush().unwrap();
    assert!(client.ring_fd().is_some() && server.ring_fd().is_some());
    pair
}

pub(crate) fn receive(link: &mut Link) -> Result<Vec<Incoming>, LinkError> {
    let mut out = Vec::new();
    link.receive(&mut out)?;
    Ok(out)
}

pub(crate) fn look(link: &mut Link) -> Vec<Incoming> {
    let mut out = Vec::new();
    while link.look_into_ring(&mut out).unwrap() {}
    out
}

/// A server's link and a socket of which any bytes can come.
pub(crate) fn raw(kind: TransportKind) -> (UnixStream, Link) {
    let (a, b) = UnixStream::pair().unwrap();
    let mut server = Link::new(b.into(), &LinkConfig::default()).unwrap();
    server.enable(kind);
    (a, server)
}

/// What a link makes of bytes.
pub(crate) fn answer(kind: TransportKind, bytes: &[u8]) -> Result<Vec<Incoming>, LinkError> {
    let (mut peer, mut server) = raw(kind);
    peer.write_all(bytes).unwrap();
    receive(&mut server)
}

pub(crate) fn bytes_of(incoming: &Incoming) -> Vec<u8> {
    use sealpulse_transport::Payload;
    match incoming {
        Incoming::Packet { data, .. } => data.clone(),
        Incoming::Block { payload: Payload::Chunk(chunk), .. } => {
            let mut out = vec![0; chunk.len()];
            chunk.read_at(0, &mut out).unwrap();
            out
        }
        Incoming::Block { .. } => Vec::new(),
    }
}

pub(crate) fn is_readable(fd: std::os::fd::BorrowedFd<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&at_once)).unwrap() == 1
}
