//! No descriptor is left open, and no name. Alone in its process, since it counts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::fd::OwnedFd;

use rustix::fs::MemfdFlags;
use sealpulse_memory::{ImportLimits, ImportTable, Pool, Segment, SegmentKind};

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn nothing_stays_open() {
    let before = open_descriptors();
    let limits = ImportLimits { max_segment: 65_536, ..ImportLimits::default() };
    for round in 0..20 {
        for kind in [SegmentKind::Memfd, SegmentKind::Posix, SegmentKind::Private] {
            let mut pool = Pool::new(kind, 4096, 4).unwrap();
            let block = pool.take().unwrap();
            drop(pool);
            let chunk = block.into_chunk(100).unwrap();
            drop(chunk);
        }
        let (end, other): (OwnedFd, OwnedFd) = rustix::pipe::pipe().unwrap();
        assert!(Segment::import_memfd(end, &limits).is_err());
        drop(other);
        let fd = rustix::fs::memfd_create("peer", MemfdFlags::ALLOW_SEALING).unwrap();
        assert!(Segment::import_memfd(fd, &limits).is_err());
        let fd = rustix::fs::memfd_create("peer", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&fd, 4096).unwrap();
        let mut table = ImportTable::new(limits);
        let segment = Segment::import_memfd(fd, &limits).unwrap();
        table.register(1, segment.clone()).unwrap();
        assert!(table.register(1, segment).is_err());
        let chunk = table.get(SegmentKind::Memfd, round, 1, 0, 10).unwrap();
        drop(table);
        drop(chunk);
    }
    assert_eq!(open_descriptors(), before);
}
