//! A link to one peer: socket, descriptors, srbchannel rings and block references.
//!
//! A [`Link`] turns a connected socket into packets and audio blocks ([`Incoming`]) and back. It knows frames, not
//! commands: who uses it decodes the packets, says what was agreed on ([`Link::enable`], [`Link::register_memfd`],
//! [`Link::switch_to_ring`]), and waits for descriptors to become readable. Both ends of a connection use the same
//! type ([`Side`]).
//!
//! It never blocks, whatever the peer does, and never does more for a peer in one call than a few hundred KiB of
//! work. Nothing that a peer sends or writes into shared memory makes it panic, loop, or keep a descriptor that
//! nobody took. It has no threads, timers or locks.
//!
//! ```
//! use sealpulse_transport::{Incoming, Link, LinkConfig, Payload, Side, TransportKind};
//! let (a, b) = std::os::unix::net::UnixStream::pair()?;
//! let mut client = Link::new(a.into(), &LinkConfig { side: Side::Client, ..LinkConfig::default() })?;
//! let mut server = Link::new(b.into(), &LinkConfig::default())?;
//!
//! // Both agreed on memfds. The client registers its pool; the packet would be REGISTER_MEMFD_SHMID.
//! client.enable(TransportKind::Memfd);
//! server.enable(TransportKind::Memfd);
//! let (shm_id, fd) = client.pools_to_register()?.remove(0);
//! client.send_packet_with_fds(vec![0], vec![fd]);
//!
//! // Samples go by reference.
//! let mut block = client.take_record_block(4096);
//! block.write_at(0, b"samples")?;
//! client.send_block(7, block, 4096);
//! client.flush()?;
//!
//! let mut incoming = Vec::new();
//! server.receive(&mut incoming)?;
//! let mut incoming = incoming.into_iter();
//! let Some(Incoming::Packet { fds, .. }) = incoming.next() else { panic!() };
//! server.register_memfd(shm_id, fds)?;
//! # let mut more = Vec::new();
//! # server.receive(&mut more)?;
//! # let mut incoming = incoming.chain(more);
//! let Some(Incoming::Block { channel: 7, payload: Payload::Chunk(chunk), .. }) = incoming.next() else { panic!() };
//! let mut samples = [0; 7];
//! chunk.read_at(0, &mut samples)?;
//! assert_eq!(&samples, b"samples");
//! assert!(server.counters().sealed);
//! assert_eq!(server.counters().bytes_copied, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod blocks;
mod error;
mod link;
mod queue;
mod reader;
mod ring;
mod socket;
mod spare;
mod types;
mod wake;

pub use error::LinkError;
pub use link::Link;
pub use socket::Credentials;
pub use types::{Incoming, LinkConfig, LinkCounters, Payload, RingOffer, Side, TransportKind};
