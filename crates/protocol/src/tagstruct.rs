//! Tagstructs: what a packet consists of. Each value is preceded by a byte that says what it is, so that a
//! reader finds out at once when the two sides do not mean the same.
//!
//! ```
//! use sealpulse_protocol::tagstruct::{Reader, Writer};
//! let mut writer = Writer::new(35);
//! writer.u32(7);
//! writer.string(Some("hello"));
//! let bytes = writer.into_bytes();
//! let mut reader = Reader::new(&bytes, 35);
//! assert_eq!(reader.u32()?, 7);
//! assert_eq!(reader.string()?, Some("hello"));
//! reader.finish()?;
//! # Ok::<(), sealpulse_protocol::tagstruct::TagstructError>(())
//! ```

use thiserror::Error;

/// The bytes that precede values.
pub mod tag {
    /// Text, ended by a zero byte.
    pub const STRING: u8 = b't';
    /// No text.
    pub const STRING_NULL: u8 = b'N';
    /// 32 bits, unsigned.
    pub const U32: u8 = b'L';
    /// 8 bits, unsigned.
    pub const U8: u8 = b'B';
    /// 64 bits, unsigned.
    pub const U64: u8 = b'R';
    /// 64 bits, signed.
    pub const S64: u8 = b'r';
    /// Format, channels, rate.
    pub const SAMPLE_SPEC: u8 = b'a';
    /// A length and bytes.
    pub const ARBITRARY: u8 = b'x';
    /// True.
    pub const BOOLEAN_TRUE: u8 = b'1';
    /// False.
    pub const BOOLEAN_FALSE: u8 = b'0';
    /// Seconds and microseconds.
    pub const TIMEVAL: u8 = b'T';
    /// 64 bits of microseconds.
    pub const USEC: u8 = b'U';
    /// A position for each channel.
    pub const CHANNEL_MAP: u8 = b'm';
    /// A volume for each channel.
    pub const CVOLUME: u8 = b'v';
    /// Keys and values.
    pub const PROPLIST: u8 = b'P';
    /// One volume.
    pub const VOLUME: u8 = b'V';
    /// An encoding and its properties.
    pub const FORMAT_INFO: u8 = b'f';
}

/// Why bytes are not the tagstruct that they should be. Offsets count from the packet's first byte.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TagstructError {
    /// The packet ends within a value.
    #[error("packet ends at {offset}, {wanted} more bytes were expected")]
    Truncated {
        /// Where the bytes are missing.
        offset: usize,
        /// How many the value needs from there.
        wanted: usize,
    },
    /// Another type than expected.
    #[error("type '{}' at {offset} where '{}' was expected", found.escape_ascii(), expected.escape_ascii())]
    WrongTag {
        /// Where the tag is.
        offset: usize,
        /// The tag that should be there, one of [`tag`].
        expected: u8,
        /// The tag that is.
        found: u8,
    },
    /// A string without its zero byte.
    #[error("string at {offset} without an end")]
    Unterminated {
        /// Where the text begins.
        offset: usize,
    },
    /// A string in another encoding.
    #[error("string at {offset} is not UTF-8")]
    NotUtf8 {
        /// Where the text begins.
        offset: usize,
    },
    /// No string where there has to be one.
    #[error("no string at {offset}")]
    NullString {
        /// Where the tag is.
        offset: usize,
    },
    /// A property without a name, or with one that is not ASCII.
    #[error("invalid property name at {offset}")]
    PropertyName {
        /// Where the name begins.
        offset: usize,
    },
    /// A length that is out of its range.
    #[error("length {length} at {offset}, {limit} is allowed")]
    Length {
        /// Where the length is.
        offset: usize,
        /// The length or number of entries that was read.
        length: usize,
        /// The most, or the only, one that is possible.
        limit: usize,
    },
    /// A sample format that does not exist, where one has to be known.
    #[error("unknown sample format {value} at {offset}")]
    SampleFormat {
        /// Where the format is.
        offset: usize,
        /// The value on the wire.
        value: u8,
    },
    /// More bytes than the command has.
    #[error("{count} bytes too many from {offset} on")]
    Trailing {
        /// Where the command's last value ended.
        offset: usize,
        /// Bytes that follow.
        count: usize,
    },
}

/// Takes values off a packet. It allocates nothing, and never more than is there is read.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    version: u32,
}

type Result<T> = std::result::Result<T, TagstructError>;

impl<'a> Reader<'a> {
    /// Reads `bytes` as protocol `version` has them.
    pub fn new(bytes: &'a [u8], version: u32) -> Self {
        Self { bytes, position: 0, version }
    }

    /// The protocol version that decides which fields there are.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// All that is left, as it is.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        self.position = self.bytes.len();
        rest
    }

    /// Ends the reading; what is left is an error.
    pub fn finish(self) -> Result<()> {
        match self.bytes.len().saturating_sub(self.position) {
            0 => Ok(()),
            count => Err(TagstructError::Trailing { offset: self.position, count }),
        }
    }

    /// `count` bytes without a tag.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let offset = self.position;
        let end = offset.saturating_add(count);
        let bytes = self.bytes.get(offset..end).ok_or(TagstructError::Truncated { offset, wanted: count })?;
        self.position = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    /// A byte without a tag.
    pub(crate) fn raw_u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A word without a tag.
    pub(crate) fn raw_u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn peek(&self) -> Result<u8> {
        let offset = self.position;
        self.bytes.get(offset).copied().ok_or(TagstructError::Truncated { offset, wanted: 1 })
    }

    /// The tag `expected`, which has to be next.
    pub(crate) fn tag(&mut self, expected: u8) -> Result<()> {
        let found = self.peek()?;
        if found != expected {
            return Err(TagstructError::WrongTag { offset: self.position, expected, found });
        }
        self.position += 1;
        Ok(())
    }

    /// An unsigned byte.
    pub fn u8(&mut self) -> Result<u8> {
        self.tag(tag::U8)?;
        self.raw_u8()
    }

    /// An unsigned word.
    pub fn u32(&mut self) -> Result<u32> {
        self.tag(tag::U32)?;
        self.raw_u32()
    }

    /// Unsigned 64 bits.
    pub fn u64(&mut self) -> Result<u64> {
        self.tag(tag::U64)?;
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Signed 64 bits.
    pub fn s64(&mut self) -> Result<i64> {
        self.tag(tag::S64)?;
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// Microseconds.
    pub fn usec(&mut self) -> Result<u64> {
        self.tag(tag::USEC)?;
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// True or false.
    pub fn boolean(&mut self) -> Result<bool> {
        match self.peek()? {
            tag::BOOLEAN_FALSE => {
                self.position += 1;
                Ok(false)
            }
            _ => self.tag(tag::BOOLEAN_TRUE).map(|()| true),
        }
    }

    /// Text, or `None` for NULL, which is not the same as an empty text.
    pub fn string(&mut self) -> Result<Option<&'a str>> {
        if self.peek()? == tag::STRING_NULL {
            self.position += 1;
            return Ok(None);
        }
        self.tag(tag::STRING)?;
        let offset = self.position;
        let tail = self.bytes.get(offset..).unwrap_or_default();
        let length =
            tail.iter().position(|&byte| byte == 0).ok_or(TagstructError::Unterminated { offset })?;
        self.position += length + 1;
        let text = tail.get(..length).unwrap_or_default();
        std::str::from_utf8(text).map(Some).map_err(|_| TagstructError::NotUtf8 { offset })
    }

    /// Bytes of exactly this length.
    pub fn arbitrary(&mut self, length: usize) -> Result<&'a [u8]> {
        self.tag(tag::ARBITRARY)?;
        let offset = self.position;
        let found = self.raw_u32()? as usize;
        if found != length {
            return Err(TagstructError::Length { offset, length: found, limit: length });
        }
        self.bytes(length)
    }
}

/// Puts values into a packet.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    version: u32,
}

impl Writer {
    /// An empty packet for a peer that speaks protocol `version`.
    pub fn new(version: u32) -> Self {
        Self { bytes: Vec::with_capacity(64), version }
    }

    /// An empty packet in a buffer that was used before; what is in it is forgotten.
    pub fn reusing(mut bytes: Vec<u8>, version: u32) -> Self {
        bytes.clear();
        Self { bytes, version }
    }

    /// The protocol version that decides which fields there are.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The packet.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are, without a tag.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An unsigned byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes(&[tag::U8, value]);
    }

    /// An unsigned word.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&[tag::U32]);
        self.bytes(&value.to_be_bytes());
    }

    /// Unsigned 64 bits.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&[tag::U64]);
        self.bytes(&value.to_be_bytes());
    }

    /// Signed 64 bits.
    pub fn s64(&mut self, value: i64) {
        self.bytes(&[tag::S64]);
        self.bytes(&value.to_be_bytes());
    }

    /// Microseconds.
    pub fn usec(&mut self, value: u64) {
        self.bytes(&[tag::USEC]);
        self.bytes(&value.to_be_bytes());
    }

    /// True or false.
    pub fn boolean(&mut self, value: bool) {
        self.bytes(&[if value { tag::BOOLEAN_TRUE } else { tag::BOOLEAN_FALSE }]);
    }

    /// Text, up to its first zero byte, which cannot be said on the wire; or NULL.
    pub fn string(&mut self, value: Option<&str>) {
        let Some(text) = value else {
            return self.bytes(&[tag::STRING_NULL]);
        };
        let text = text.split('\0').next().unwrap_or_default();
        self.bytes(&[tag::STRING]);
        self.bytes(text.as_bytes());
        self.bytes(&[0]);
    }

    /// Bytes with their length; what is beyond 4 GiB is left out.
    pub fn arbitrary(&mut self, value: &[u8]) {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.bytes(&[tag::ARBITRARY]);
        self.bytes(&length.to_be_bytes());
        self.bytes(value.get(..length as usize).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader::new(bytes, 35)
    }

    #[test]
    fn errors_carry_the_place() {
        assert_eq!(reader(b"").u32(), Err(TagstructError::Truncated { offset: 0, wanted: 1 }));
        assert_eq!(reader(b"L\0\0").u32(), Err(TagstructError::Truncated { offset: 1, wanted: 4 }));
        let wrong = TagstructError::WrongTag { offset: 0, expected: b'L', found: b'B' };
        assert_eq!(wrong.to_string(), "type 'B' at 0 where 'L' was expected");
        assert_eq!(reader(b"B\0").u32(), Err(wrong));
        assert_eq!(reader(b"tabc").string(), Err(TagstructError::Unterminated { offset: 1 }));
        assert_eq!(reader(b"t\xff\0").string(), Err(TagstructError::NotUtf8 { offset: 1 }));
        assert_eq!(reader(b"xx").finish(), Err(TagstructError::Trailing { offset: 0, count: 2 }));
        assert_eq!(
            reader(b"x\xff\xff\xff\xff").arbitrary(256),
            Err(TagstructError::Length { offset: 1, length: u32::MAX as usize, limit: 256 })
        );
    }

    #[test]
    fn strings_may_be_null_or_empty() {
        let mut writer = Writer::new(35);
        writer.string(None);
        writer.string(Some(""));
        writer.string(Some("cut\0off"));
        let bytes = writer.into_bytes();
        let mut reader = reader(&bytes);
        assert_eq!(reader.string(), Ok(None));
        assert_eq!(reader.string(), Ok(Some("")));
        assert_eq!(reader.string(), Ok(Some("cut")));
        assert_eq!(reader.finish(), Ok(()));
    }
}
