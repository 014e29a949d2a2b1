//! Words of a segment that is not mapped for data: loads and stores by `pread` and `pwrite`, additions by the
//! kernel's futex operation, which answers EFAULT where an access of our own would raise SIGBUS.

use std::os::fd::BorrowedFd;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

use rustix::io::Errno;
use rustix::thread::futex::{Flags, WakeOp, WakeOpCmp, wake_op};

use crate::error::MemoryError;
use crate::mapping::{Access, Mapping};

/// The one page of a segment on which words are added to, mapped when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct WordPage(OnceLock<(usize, Mapping)>);

impl WordPage {
    /// Bytes that are mapped for words.
    pub(crate) fn mapped_bytes(&self) -> usize {
        self.0.get().map_or(0, |(_, mapping)| mapping.length())
    }

    /// Adds to the word at `offset` of the file, wrapping.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, offset: usize, value: i32) -> Result<(), MemoryError> {
        let page_size = rustix::param::page_size();
        let wanted = offset - offset % page_size;
        let (start, mapping) = match self.0.get() {
            Some(page) => page,
            None => {
                let mapping = Mapping::of_file(fd, wanted, page_size, Access::ReadWrite)?;
                self.0.get_or_init(|| (wanted, mapping))
            }
        };
        if *start != wanted {
            return Err(MemoryError::WordOutOfReach { offset });
        }
        // Only the address of this word is used: the kernel reaches the memory, or finds that it is gone.
        let word = mapping.word(offset % page_size)?;
        let mut left = value;
        while left != 0 {
            // The operand has 12 bits and a sign.
            let step = left.clamp(-2048, 2047);
            let operand = (step & 0xfff) as u16;
            let nobody = AtomicU32::new(0);
            let flags = Flags::PRIVATE;
            match wake_op(&nobody, flags, 0, 0, word, WakeOp::Add, WakeOpCmp::Eq, operand, 0) {
                Ok(_) => left -= step,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::FAULT) => return Err(MemoryError::Shrunk { offset, length: 4 }),
                Err(errno) => return Err(MemoryError::System { call: "futex", errno }),
            }
        }
        Ok(())
    }
}
