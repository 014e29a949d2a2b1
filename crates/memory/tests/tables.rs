//! Pools, chunks, and the tables of what is imported and exported, against models of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use sealpulse_memory::{
    Block, Chunk, EXPORT_BLOCKS_MAX, ExportTable, ImportLimits, ImportTable, MemoryError, Pool, Segment,
    SegmentKind,
};

const KIND: SegmentKind = SegmentKind::Memfd;

fn imports(limits: ImportLimits) -> (Pool, ImportTable) {
    let pool = Pool::new(KIND, 4096, 4).unwrap();
    let fd = pool.segment().fd().unwrap().try_clone_to_owned().unwrap();
    let mut table = ImportTable::new(limits);
    table.register(pool.shm_id(), Segment::import_memfd(fd, &limits).unwrap()).unwrap();
    (pool, table)
}

fn released(table: &mut ImportTable) -> Vec<u32> {
    let mut out = Vec::new();
    table.take_released(&mut out);
    out.sort_unstable();
    out
}

#[test]
fn a_pool_runs_out_and_gets_slots_back_from_any_thread() {
    let mut pool = Pool::new(KIND, 4096, 70).unwrap();
    let blocks: Vec<Block> = std::iter::from_fn(|| pool.take()).collect();
    assert_eq!((blocks.len(), pool.used(), pool.free()), (70, 70, 0));
    let places: HashSet<usize> = blocks.iter().map(Block::offset).collect();
    assert_eq!(places.len(), 70);
    assert!(places.iter().all(|place| place % 4096 == 0 && *place < 70 * 4096));
    std::thread::spawn(move || drop(blocks)).join().unwrap();
    assert_eq!(pool.free(), 70);
    assert!(pool.take().is_some());
}

#[test]
fn a_block_becomes_a_chunk_that_holds_its_slot() {
    for kind in [SegmentKind::Memfd, SegmentKind::Private, SegmentKind::Posix] {
        let mut pool = Pool::new(kind, 4096, 2).unwrap();
        let mut block = pool.take().unwrap();
        block.write_at(0, b"some samples").unwrap();
        assert!(block.write_at(4090, b"too much").is_err());
        let chunk = block.into_chunk(12).unwrap();
        let part = chunk.slice(5, 7).unwrap();
        drop(chunk);
        let mut out = [0; 7];
        part.read_at(0, &mut out).unwrap();
        assert_eq!(&out, b"samples");
        // A slot that is not mapped was copied.
        assert_eq!(pool.used(), usize::from(kind != SegmentKind::Posix));
        drop(part);
        assert_eq!(pool.used(), 0);
        assert!(pool.take().unwrap().into_chunk(4097).is_err());
    }
}

#[test]
fn the_last_chunk_of_a_block_releases_it_once() {
    let (_pool, mut table) = imports(ImportLimits::default());
    let id = *[_pool.shm_id()].first().unwrap();
    let chunk = table.get(KIND, 9, id, 100, 50).unwrap();
    assert!(chunk.is_imported());
    let parts: Vec<Chunk> = (0..10).map(|i| chunk.slice(i, 10).unwrap()).collect();
    drop(chunk);
    assert_eq!(released(&mut table), []);
    assert_eq!(table.get(KIND, 9, id, 0, 1).unwrap_err(), MemoryError::BlockInUse { block_id: 9 });
    std::thread::spawn(move || drop(parts)).join().unwrap();
    // Free, but the peer does not know yet: it may not use the id.
    assert_eq!(table.get(KIND, 9, id, 0, 1).unwrap_err(), MemoryError::BlockInUse { block_id: 9 });
    assert_eq!(released(&mut table), [9]);
    assert_eq!(released(&mut table), []);
    assert!(table.get(KIND, 9, id, 0, 1).is_ok());
}

#[test]
fn a_revoked_block_is_not_released() {
    let (pool, mut table) = imports(ImportLimits::default());
    let chunk = table.get(KIND, 1, pool.shm_id(), 0, 10).unwrap();
    assert_eq!(table.revoke(1), Ok(()));
    assert_eq!(table.revoke(1), Err(MemoryError::UnknownBlock { block_id: 1 }));
    assert!(chunk.read_at(0, &mut [0; 10]).is_ok());
    drop(chunk);
    assert_eq!(released(&mut table), []);
}

#[test]
fn chunks_outlive_their_table_and_segment() {
    let (mut pool, mut table) = imports(ImportLimits::default());
    let mut block = pool.take().unwrap();
    block.write_at(0, b"samples").unwrap();
    let chunk = table.get(KIND, 1, pool.shm_id(), block.offset(), 7).unwrap();
    drop((table, block, pool));
    let mut out = [0; 7];
    assert!(chunk.samples().copy_to(0, &mut out));
    assert_eq!(&out, b"samples");
    assert!(!chunk.samples().copy_to(1, &mut out));
    assert!(chunk.samples().slice(3..8).is_none());
    assert_eq!(chunk.samples().slice(3..5).unwrap().len(), 2);
}

#[test]
fn segments_are_limited() {
    let limits = ImportLimits { max_segments: 2, max_total: 3 * 4096, ..ImportLimits::default() };
    let mut table = ImportTable::new(limits);
    let segment = |pages: usize| Segment::create_memfd(pages * 4096).unwrap();
    assert!(!table.is_sealed());
    table.register(1, segment(1)).unwrap();
    assert_eq!(table.register(1, segment(1)), Err(MemoryError::SegmentExists { shm_id: 1 }));
    let too_much = MemoryError::TooMuchMapped { bytes: 4 * 4096, limit: 3 * 4096 };
    assert_eq!(table.register(2, segment(3)), Err(too_much));
    table.register(2, segment(2)).unwrap();
    assert_eq!(table.register(3, segment(1)), Err(MemoryError::TooManySegments { limit: 2 }));
    assert_eq!(table.mapped_bytes(), 3 * 4096);
    assert!(table.is_sealed());
}

#[test]
fn what_is_not_mapped_is_copied_within_limits_and_free_at_once() {
    let pool = Pool::new(SegmentKind::Posix, 4096, 4).unwrap();
    let limits = ImportLimits { max_copied: 10_000, ..ImportLimits::default() };
    let mut table = ImportTable::new(limits);
    let id = pool.shm_id();
    table.register(id, Segment::import_posix(id, &limits).unwrap()).unwrap();
    pool.segment().write_at(10, b"samples").unwrap();
    let chunk = table.get(SegmentKind::Posix, 5, id, 10, 7).unwrap();
    assert!(!chunk.is_imported());
    pool.segment().write_at(10, b"changed").unwrap();
    let mut out = [0; 7];
    chunk.read_at(0, &mut out).unwrap();
    assert_eq!(&out, b"samples");
    assert!(table.get(SegmentKind::Posix, 6, id, 0, 9_000).is_ok());
    let refused = table.get(SegmentKind::Posix, 7, id, 0, 1_000).unwrap_err();
    assert_eq!(refused, MemoryError::TooMuchCopied { bytes: 10_007, limit: 10_000 });
    assert_eq!(released(&mut table), [5, 6]);
    assert!(table.get(SegmentKind::Posix, 7, id, 0, 1_000).is_ok());
    // A peer that calls it something else than it is.
    assert_eq!(table.get(KIND, 8, id, 0, 1).unwrap_err(), MemoryError::UnknownSegment { shm_id: id });
}

#[test]
fn a_peer_holds_so_many_blocks_and_no_more() {
    let mut pool = Pool::new(KIND, 64, EXPORT_BLOCKS_MAX + 1).unwrap();
    let mut table = ExportTable::new();
    let mut ids = Vec::new();
    for _ in 0..EXPORT_BLOCKS_MAX {
        ids.push(table.put(pool.take().unwrap(), 64).unwrap().block_id);
    }
    let refused = table.put(pool.take().unwrap(), 64).unwrap_err();
    assert_eq!(refused.reason, MemoryError::TooManyBlocks { limit: EXPORT_BLOCKS_MAX });
    assert_eq!(refused.block.len(), 64);
    assert_eq!(table.release(ids[3]), Ok(()));
    assert_eq!(table.release(ids[3]), Err(MemoryError::UnknownBlock { block_id: ids[3] }));
    let again = table.put(refused.block, 64).unwrap().block_id;
    // The old id does not release the new block.
    assert_ne!(again, ids[3]);
    assert_eq!(table.release(ids[3]), Err(MemoryError::UnknownBlock { block_id: ids[3] }));
    let private = table.put(Block::private(8), 8).unwrap_err();
    assert_eq!(private.reason, MemoryError::NotShareable);
}

#[derive(Debug, Clone)]
enum Step {
    Get { block_id: u32, shm: bool, offset: u32, length: u32 },
    Clone(usize),
    Drop(usize),
    Revoke(u32),
    Collect,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![0u32..5000, any::<u32>()];
    let offset = prop_oneof![0u32..17_000, any::<u32>()];
    prop_oneof![
        4 => (0u32..12, prop::bool::weighted(0.9), offset, length)
            .prop_map(|(block_id, shm, offset, length)| Step::Get { block_id, shm, offset, length }),
        2 => (0usize..16).prop_map(Step::Clone),
        4 => (0usize..16).prop_map(Step::Drop),
        1 => (0u32..12).prop_map(Step::Revoke),
        2 => Just(Step::Collect),
    ]
}

proptest! {
    #[test]
    fn imports_behave_as_a_model_of_them(steps in prop::collection::vec(step(), 1..120)) {
        let limits = ImportLimits { max_blocks: 6, ..ImportLimits::default() };
        let (pool, mut table) = imports(limits);
        let total = pool.segment().len();
        // Chunks by block, and which blocks the table has to know: true once they are revoked.
        let mut chunks: Vec<(u32, u64, Chunk)> = Vec::new();
        let mut known: HashMap<u32, u64> = HashMap::new();
        let mut serial = 0;
        for step in steps {
            match step {
                Step::Get { block_id, shm, offset, length } => {
                    let shm_id = if shm { pool.shm_id() } else { pool.shm_id().wrapping_add(1) };
                    let (from, count) = (offset as usize, length as usize);
                    let got = table.get(KIND, block_id, shm_id, from, count);
                    let fits = shm && from + count <= total && !known.contains_key(&block_id) && known.len() < 6;
                    prop_assert_eq!(got.is_ok(), fits);
                    if let Ok(chunk) = got {
                        prop_assert_eq!(chunk.len(), count);
                        serial += 1;
                        known.insert(block_id, serial);
                        chunks.push((block_id, serial, chunk));
                    }
                }
                Step::Clone(at) if !chunks.is_empty() => {
                    let copy = chunks[at % chunks.len()].clone();
                    chunks.push(copy);
                }
                Step::Drop(at) if !chunks.is_empty() => {
                    let at = at % chunks.len();
                    chunks.swap_remove(at);
                }
                Step::Revoke(block_id) => {
                    prop_assert_eq!(table.revoke(block_id).is_ok(), known.remove(&block_id).is_some());
                }
                Step::Collect => {
                    let mut expected: Vec<u32> = known
                        .iter()
                        .filter(|(_, of)| !chunks.iter().any(|(_, serial, _)| serial == *of))
                        .map(|(&block_id, _)| block_id)
                        .collect();
                    expected.sort_unstable();
                    prop_assert_eq!(released(&mut table), expected.clone());
                    known.retain(|block_id, _| !expected.contains(block_id));
                }
                _ => {}
            }
            prop_assert_eq!(table.in_use(), known.len());
        }
    }

    #[test]
    fn exports_behave_as_a_model_of_them(steps in prop::collection::vec((any::<bool>(), 0usize..200), 1..400)) {
        let mut pool = Pool::new(KIND, 64, 140).unwrap();
        let mut table = ExportTable::new();
        let mut held: Vec<u32> = Vec::new();
        let mut old: Vec<u32> = vec![u32::MAX, 5000];
        for (put, pick) in steps {
            if put {
                match table.put(pool.take().unwrap(), 1 + pick % 64) {
                    Ok(exported) => {
                        prop_assert!(!held.contains(&exported.block_id));
                        prop_assert!(exported.offset as usize + 64 <= pool.segment().len());
                        held.push(exported.block_id);
                    }
                    Err(_) => prop_assert_eq!(held.len(), EXPORT_BLOCKS_MAX),
                }
            } else if pick % 3 == 0 || held.is_empty() {
                let id = old[pick % old.len()];
                prop_assert_eq!(table.release(id), Err(MemoryError::UnknownBlock { block_id: id }));
            } else {
                let id = held.swap_remove(pick % held.len());
                prop_assert_eq!(table.release(id), Ok(()));
                old.push(id);
            }
            prop_assert_eq!(table.in_use(), held.len());
            prop_assert_eq!(pool.used(), held.len());
        }
    }
}
