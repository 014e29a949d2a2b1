//! Segments of every kind, made and imported, against owners that change them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use proptest::prelude::*;
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use sealpulse_memory::{ImportLimits, MemoryError, Pool, Segment, SegmentKind};

const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

fn memfd(flags: MemfdFlags, length: u64) -> OwnedFd {
    let fd = rustix::fs::memfd_create("peer", flags | MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, length).unwrap();
    fd
}

fn import(fd: OwnedFd) -> Result<std::sync::Arc<Segment>, MemoryError> {
    Segment::import_memfd(fd, &ImportLimits::default())
}

#[test]
fn what_we_make_is_sealed_and_stays_so() {
    let segment = Segment::create_memfd(8192).unwrap();
    let fd = segment.fd().unwrap();
    assert_eq!(rustix::fs::fcntl_get_seals(fd).unwrap() & SEALS, SEALS);
    assert_eq!(rustix::fs::fcntl_add_seals(fd, SealFlags::WRITE), Err(Errno::PERM));
    assert_eq!(rustix::fs::ftruncate(fd, 0), Err(Errno::PERM));
    assert_eq!(rustix::fs::ftruncate(fd, 16384), Err(Errno::PERM));
    assert!(segment.is_sealed() && segment.is_mapped());
    assert_eq!(segment.mapped_bytes(), 8192);
}

#[test]
fn a_peers_memfd_is_sealed_by_us_and_read_through_the_mapping() {
    let fd = memfd(MemfdFlags::ALLOW_SEALING, 8192);
    let segment = import(fd.try_clone().unwrap()).unwrap();
    assert!(segment.is_sealed() && segment.is_mapped());
    assert_eq!(segment.len(), 8192);
    assert_eq!(rustix::fs::ftruncate(&fd, 4096), Err(Errno::PERM));
    assert_eq!(rustix::fs::fcntl_get_seals(&fd).unwrap() & SEALS, SEALS);
    // The peer goes on writing and punching holes.
    rustix::io::pwrite(&fd, b"samples", 5000).unwrap();
    let mut out = [0; 7];
    segment.read_at(5000, &mut out).unwrap();
    assert_eq!(&out, b"samples");
    assert_eq!(segment.write_at(0, b"x"), Err(MemoryError::ReadOnly));
    assert_eq!(segment.store(0, 1), Err(MemoryError::ReadOnly));
    assert_eq!(segment.swap(0, 1), Err(MemoryError::ReadOnly));
    assert_eq!(segment.fetch_add(0, 1), Err(MemoryError::ReadOnly));
    // A second import of what is sealed already is as good.
    assert!(import(fd).unwrap().is_sealed());
}

#[test]
fn what_cannot_be_sealed_is_not_mapped_but_read() {
    let plain = memfd(MemfdFlags::empty(), 4096);
    let sealable = memfd(MemfdFlags::ALLOW_SEALING, 4096);
    let path = format!("/proc/self/fd/{}", sealable.as_raw_fd());
    let read_only = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let wrong_seals = memfd(MemfdFlags::ALLOW_SEALING, 4096);
    rustix::fs::fcntl_add_seals(&wrong_seals, SealFlags::GROW | SealFlags::SEAL).unwrap();
    for (owner, passed) in [
        (&plain, plain.try_clone().unwrap()),
        (&sealable, read_only),
        (&wrong_seals, wrong_seals.try_clone().unwrap()),
    ] {
        let segment = import(passed).unwrap();
        assert!(!segment.is_mapped() && !segment.is_sealed());
        assert_eq!(segment.mapped_bytes(), 0);
        rustix::io::pwrite(owner, b"abcd", 100).unwrap();
        let mut out = [0; 4];
        segment.read_at(100, &mut out).unwrap();
        assert_eq!(&out, b"abcd");
        rustix::fs::ftruncate(owner, 0).unwrap();
        let gone = segment.read_at(100, &mut out);
        assert_eq!(gone, Err(MemoryError::Shrunk { offset: 100, length: 4 }));
    }
}

#[test]
fn what_is_no_memfd_is_refused() {
    let (end, _other) = rustix::pipe::pipe().unwrap();
    assert_eq!(import(end).unwrap_err(), MemoryError::NotMemfd);
    let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    assert_eq!(import(socket.into()).unwrap_err(), MemoryError::NotMemfd);
    // A file on tmpfs has seals too, but none can be added; elsewhere it has none.
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    assert!(import(file.into()).is_err_and(|error| error == MemoryError::NotMemfd));
    let directory = std::fs::File::open("/dev/shm").unwrap();
    assert!(import(directory.into()).is_err());
}

#[test]
fn huge_pages_are_refused() {
    // Not every kernel has them.
    let Ok(fd) = rustix::fs::memfd_create("huge", MemfdFlags::HUGETLB | MemfdFlags::ALLOW_SEALING) else {
        return;
    };
    assert!(matches!(import(fd).unwrap_err(), MemoryError::NotTmpfs { .. }));
}

#[test]
fn sizes_are_limited() {
    let limits = ImportLimits { max_segment: 8192, ..ImportLimits::default() };
    for size in [0, 8193] {
        let fd = memfd(MemfdFlags::ALLOW_SEALING, size);
        let refused = Segment::import_memfd(fd, &limits).unwrap_err();
        assert_eq!(refused, MemoryError::BadSize { size, limit: 8192 });
    }
    assert!(Segment::import_memfd(memfd(MemfdFlags::ALLOW_SEALING, 8192), &limits).is_ok());
    assert!(Segment::create_memfd(0).is_err());
    assert!(Segment::create_private(usize::MAX).is_err());
}

#[test]
fn a_posix_segment_has_a_name_and_a_marker_as_long_as_it_lives() {
    let pool = Pool::new(SegmentKind::Posix, 4096, 4).unwrap();
    let path = format!("/dev/shm/pulse-shm-{}", pool.shm_id());
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!(metadata.len(), 4 * 4096 + 40);
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);
    assert!(!pool.segment().is_mapped());
    let seen = Segment::import_posix(pool.shm_id(), &ImportLimits::default()).unwrap();
    assert_eq!(seen.posix_owner(), Some(std::process::id()));
    assert_eq!(seen.write_at(0, b"x"), Err(MemoryError::ReadOnly));
    let taken = Segment::create_posix(pool.shm_id(), 4096).unwrap_err();
    assert_eq!(taken, MemoryError::System { call: "shm_open", errno: Errno::EXIST });
    pool.segment().write_at(9, b"samples").unwrap();
    let mut out = [0; 7];
    seen.read_at(9, &mut out).unwrap();
    assert_eq!(&out, b"samples");
    drop(pool);
    assert!(std::fs::metadata(&path).is_err());
}

#[test]
fn a_posix_segment_that_shrinks_while_it_is_used_is_an_error() {
    let pool = Pool::new(SegmentKind::Posix, 4096, 4).unwrap();
    let limits = ImportLimits::default();
    let seen = Segment::import_posix_writable(pool.shm_id(), &limits).unwrap();
    assert_eq!(seen.fetch_add(64, 5), Ok(0));
    rustix::fs::ftruncate(pool.segment().fd().unwrap(), 0).unwrap();
    let gone = MemoryError::Shrunk { offset: 64, length: 4 };
    assert_eq!(seen.load(64), Err(gone));
    assert_eq!(seen.fetch_add(64, 5), Err(gone));
    assert_eq!(seen.swap(64, 5), Err(gone));
    assert_eq!(seen.read_at(0, &mut [0; 8]), Err(MemoryError::Shrunk { offset: 0, length: 8 }));
}

#[test]
fn a_fifo_or_a_link_under_the_name_of_a_segment_is_refused_at_once() {
    let limits = ImportLimits::default();
    let id = std::process::id();
    let path = format!("/dev/shm/pulse-shm-{id}");
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(Segment::import_posix(id, &limits).unwrap_err(), MemoryError::NotMemfd);
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    let refused = Segment::import_posix(id, &limits).unwrap_err();
    assert_eq!(refused, MemoryError::System { call: "shm_open", errno: Errno::LOOP });
    std::fs::remove_file(&path).unwrap();
}

fn words_work(segment: &Segment) {
    assert_eq!(segment.store(8, 7), Ok(()));
    assert_eq!(segment.load(8), Ok(7));
    assert_eq!(segment.fetch_add(8, 65_536), Ok(7));
    assert_eq!(segment.fetch_add(8, -65_543), Ok(65_543));
    assert_eq!(segment.fetch_add(8, -1), Ok(0));
    assert_eq!(segment.load(8), Ok(u32::MAX));
    assert_eq!(segment.swap(8, 3), Ok(u32::MAX));
    assert_eq!(segment.load(8), Ok(3));
    assert_eq!(segment.load(9), Err(MemoryError::Misaligned { offset: 9 }));
    assert_eq!(segment.fetch_add(10, 1), Err(MemoryError::Misaligned { offset: 10 }));
    let length = segment.len() & !3;
    let outside = MemoryError::OutOfBounds { offset: length, length: 4, limit: segment.len() };
    assert_eq!(segment.load(length), Err(outside));
    assert_eq!(segment.store(length, 0), Err(outside));
    assert!(segment.load(usize::MAX - 3).is_err());
}

#[test]
fn words_work_on_every_kind() {
    words_work(&Segment::create_memfd(8192).unwrap());
    words_work(&Segment::create_private(8192).unwrap());
    let posix = Pool::new(SegmentKind::Posix, 4096, 2).unwrap();
    words_work(posix.segment());
    let page = rustix::param::page_size();
    if page == 4096 {
        let refused = posix.segment().fetch_add(page, 1);
        assert_eq!(refused, Err(MemoryError::WordOutOfReach { offset: page }));
    }
}

#[test]
fn additions_of_two_processes_do_not_get_lost() {
    for kind in [SegmentKind::Memfd, SegmentKind::Posix] {
        let pool = Pool::new(kind, 4096, 1).unwrap();
        let segment = pool.segment();
        std::thread::scope(|scope| {
            for step in [1, 3] {
                scope.spawn(move || {
                    for _ in 0..2000 {
                        segment.fetch_add(0, step).unwrap();
                    }
                });
            }
        });
        assert_eq!(segment.load(0), Ok(8000));
    }
}

proptest! {
    #[test]
    fn bytes_survive_at_any_place(offset in 0usize..4096, data in prop::collection::vec(any::<u8>(), 0..300)) {
        for segment in [Segment::create_memfd(4096).unwrap(), Segment::create_private(4096).unwrap()] {
            let written = segment.write_at(offset, &data);
            let mut out = vec![0; data.len()];
            let read = segment.read_at(offset, &mut out);
            if offset + data.len() <= 4096 {
                prop_assert_eq!(written, Ok(()));
                prop_assert_eq!(read, Ok(()));
                prop_assert_eq!(&out, &data);
            } else {
                let outside = MemoryError::OutOfBounds { offset, length: data.len(), limit: 4096 };
                prop_assert_eq!(written, Err(outside));
                prop_assert_eq!(read, Err(outside));
            }
        }
    }
}

#[test]
fn descriptors_are_closed_on_exec() {
    let pool = Pool::new(SegmentKind::Posix, 4096, 2).unwrap();
    for segment in [Segment::create_memfd(4096).unwrap(), pool.segment().clone()] {
        let flags = rustix::io::fcntl_getfd(segment.fd().unwrap().as_fd()).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }
}
