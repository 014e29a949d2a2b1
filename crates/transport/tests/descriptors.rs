//! No descriptor stays open that nobody took. Alone in its process, since it counts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::os::fd::OwnedFd;

use common::{Pair, look, pair, receive, registered, with_ring};
use sealpulse_transport::{Incoming, LinkError, TransportKind};

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn two() -> Vec<OwnedFd> {
    let (a, b) = rustix::pipe::pipe().unwrap();
    vec![a, b]
}

#[test]
fn nothing_stays_open() {
    let before = open_descriptors();
    for kind in [TransportKind::Memfd, TransportKind::PosixShm] {
        // Sent with packets of which nobody takes them.
        let Pair { mut client, mut server } = pair(kind);
        let linked = open_descriptors();
        for _ in 0..50 {
            client.send_packet_with_fds(vec![1, 2, 3], two());
            client.flush().unwrap();
            assert_eq!(receive(&mut server).unwrap().len(), 1);
            assert_eq!(open_descriptors(), linked);
        }
        // Sent with audio data, which never has any: not possible by a link, so half a packet that never ends.
        client.send_packet_with_fds(vec![0; 300_000], two());
        client.flush().unwrap();
        server.receive(&mut Vec::new()).unwrap();
        drop(client);
        let mut ended = Ok(());
        while ended.is_ok() {
            ended = server.receive(&mut Vec::new());
        }
        assert!(matches!(ended, Err(LinkError::ClosedInFrame { .. })));
        drop(server);
        assert_eq!(open_descriptors(), before);

        // Queued and never sent.
        let Pair { mut client, server } = pair(kind);
        client.send_packet_with_fds(vec![1], two());
        drop((client, server));
        assert_eq!(open_descriptors(), before);

        // Registered and offered.
        let Pair { mut client, mut server } = registered(kind);
        let offer = server.offer_ring().unwrap();
        assert!(client.attach_ring(two()).is_ok_and(|attached| !attached));
        drop((client, server));
        drop(offer);
        assert_eq!(open_descriptors(), before);

        // A ring, and blocks in flight in both directions when the links go.
        let Pair { mut client, mut server } = with_ring(kind);
        for _ in 0..10 {
            let block = client.take_record_block(100);
            client.send_block(1, block, 100);
            let block = server.take_record_block(100);
            server.send_block(1, block, 100);
        }
        client.flush().unwrap();
        server.flush().unwrap();
        let held: Vec<Incoming> = look(&mut server).into_iter().chain(look(&mut client)).collect();
        assert_eq!(held.len(), 20);
        drop((client, server));
        drop(held);
        assert_eq!(open_descriptors(), before);
    }
}
