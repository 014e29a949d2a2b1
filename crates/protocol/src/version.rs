//! The version word that both sides exchange in AUTH.

/// The protocol that is spoken: that of PulseAudio 15 to 17.
pub const VERSION: u32 = 35;

/// The oldest protocol that is understood: that of PulseAudio 0.8.
pub const MIN_VERSION: u32 = 8;

/// First version whose word has flags.
const FLAGS_SINCE: u32 = 13;
/// First version whose word has the memfd flag.
const MEMFD_FLAG_SINCE: u32 = 31;

const VERSION_MASK: u32 = 0x0000_ffff;
const SHM_FLAG: u32 = 0x8000_0000;
const MEMFD_FLAG: u32 = 0x4000_0000;

/// A protocol version and what its speaker can do; flags that are not known are ignored.
///
/// ```
/// use sealpulse_protocol::VersionWord;
/// let word = VersionWord { version: 35, shm: true, memfd: true };
/// assert_eq!(word.to_wire(), 0xc000_0023);
/// assert_eq!(VersionWord::from_wire(0xc000_0023), word);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VersionWord {
    /// The protocol version, 0 to 65535: what the peer says, not what was agreed on.
    pub version: u32,
    /// Shared memory can be used.
    pub shm: bool,
    /// Memfds can be used.
    pub memfd: bool,
}

impl VersionWord {
    /// Takes the word apart. Older versions than 13 have no flags, and than 31 none for memfd: there they
    /// read as not set.
    pub fn from_wire(word: u32) -> Self {
        let version = word & VERSION_MASK;
        Self {
            version,
            shm: version >= FLAGS_SINCE && word & SHM_FLAG != 0,
            memfd: version >= MEMFD_FLAG_SINCE && word & MEMFD_FLAG != 0,
        }
    }

    /// The word for the wire.
    pub fn to_wire(self) -> u32 {
        let mut word = self.version & VERSION_MASK;
        if self.shm {
            word |= SHM_FLAG;
        }
        if self.memfd {
            word |= MEMFD_FLAG;
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_count_from_their_version_on() {
        let flags = SHM_FLAG | MEMFD_FLAG | 0x00ff_0000;
        let read = |version| VersionWord::from_wire(version | flags);
        assert_eq!(read(12), VersionWord { version: 12, shm: false, memfd: false });
        assert_eq!(read(13), VersionWord { version: 13, shm: true, memfd: false });
        assert_eq!(read(30), VersionWord { version: 30, shm: true, memfd: false });
        assert_eq!(read(31), VersionWord { version: 31, shm: true, memfd: true });
    }
}
