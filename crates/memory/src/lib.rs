//! Shared and private memory of sealpulse: segments, seals, pools, blocks, export and import tables.
