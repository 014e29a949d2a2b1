//! Formats, as they are negotiated since protocol 21.

use sealpulse_spec::{ChannelMap, SampleSpec};

use crate::PropList;
use crate::field::Field;
use crate::tagstruct::{Reader, TagstructError, Writer, tag};
use crate::values::Encoding;

/// An encoding and what else a format needs (`pa_format_info`). The properties' values are JSON:
/// `format.rate` is `44100`, `format.sample_format` is `"s16le"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatInfo {
    /// The encoding; [`Encoding::INVALID`] by default.
    pub encoding: Encoding,
    /// Sample format, rate, channels and map, as far as they are fixed.
    pub properties: PropList,
}

impl FormatInfo {
    /// PCM of this spec and, if it is given and valid, map.
    ///
    /// ```
    /// use sealpulse_protocol::FormatInfo;
    /// use sealpulse_spec::{ChannelMap, SampleFormat, SampleSpec};
    /// let spec = SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 };
    /// let format = FormatInfo::pcm(&spec, Some(&ChannelMap::stereo()));
    /// assert_eq!(format.properties.get_str("format.rate"), Some("44100"));
    /// assert_eq!(format.properties.get_str("format.channel_map"), Some("\"front-left,front-right\""));
    /// ```
    pub fn pcm(spec: &SampleSpec, map: Option<&ChannelMap>) -> Self {
        let mut properties = PropList::new();
        properties.set_str("format.sample_format", &format!("\"{}\"", spec.format));
        properties.set_str("format.rate", &spec.rate.to_string());
        properties.set_str("format.channels", &spec.channels.to_string());
        if let Some(map) = map.filter(|map| map.is_valid()) {
            properties.set_str("format.channel_map", &format!("\"{map}\""));
        }
        Self { encoding: Encoding::Pcm, properties }
    }
}

impl Field for FormatInfo {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&[tag::FORMAT_INFO]);
        self.encoding.encode(writer);
        self.properties.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, TagstructError> {
        reader.tag(tag::FORMAT_INFO)?;
        Ok(Self { encoding: Encoding::decode(reader)?, properties: PropList::decode(reader)? })
    }

    fn absent() -> Self {
        Self::default()
    }
}
