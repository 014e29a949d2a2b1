//! What a client's buffer attributes become: PulseAudio's formulas as pure functions.
//!
//! A client leaves open what it does not care about (`u32::MAX`), and says how the server should get to the
//! latency that it wants ([`LatencyMode`]). The results are what the client is told, so they decide how much it
//! writes and when: they are the same as PulseAudio's to the byte.

use sealpulse_spec::SampleSpec;

/// Most bytes that a stream holds (4 MiB), whatever its client asks for.
pub(crate) const MAX_MEMBLOCKQ_LENGTH: u32 = 4 << 20;

/// Target length and fragment size of a client that has no wish, in microseconds.
const DEFAULT_LENGTH_USEC: u64 = 2_000_000;

/// Longest `minreq` of a client that has no wish, in microseconds.
const DEFAULT_PROCESS_USEC: u64 = 20_000;

/// Sizes of a playback stream in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaybackAttr {
    pub(crate) maxlength: u32,
    pub(crate) tlength: u32,
    pub(crate) prebuf: u32,
    pub(crate) minreq: u32,
}

/// Sizes of a record stream in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordAttr {
    pub(crate) maxlength: u32,
    pub(crate) fragsize: u32,
}

/// How the latency that a client asked for is divided between its own buffer and the device's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LatencyMode {
    /// The client's buffer is as long as it asked for; the device's is what remains.
    #[default]
    Traditional,
    /// `PA_STREAM_ADJUST_LATENCY`: both together are as long as the client asked for.
    Adjust,
    /// `PA_STREAM_EARLY_REQUESTS`: the device's buffer is one `minreq`, so that requests come that often.
    Early,
}

impl LatencyMode {
    pub(crate) fn new(adjust_latency: bool, early_requests: bool) -> Self {
        match (early_requests, adjust_latency) {
            (true, _) => Self::Early,
            (false, true) => Self::Adjust,
            (false, false) => Self::Traditional,
        }
    }
}

fn saturate(bytes: u64) -> u32 {
    bytes.min(u64::from(u32::MAX)) as u32
}

/// What `asked` becomes on a device whose latency `clamp` limits. The second result is that latency in
/// microseconds. The queue rounds the sizes to whole frames afterwards.
pub(crate) fn fix_playback(
    asked: PlaybackAttr,
    mode: LatencyMode,
    spec: &SampleSpec,
    clamp: impl Fn(u64) -> u64,
) -> (PlaybackAttr, u64) {
    let frame = spec.frame_size() as u32;
    let PlaybackAttr { mut maxlength, mut tlength, mut prebuf, mut minreq } = asked;

    maxlength = maxlength.min(MAX_MEMBLOCKQ_LENGTH);
    if maxlength == 0 {
        maxlength = frame;
    }
    if tlength == u32::MAX {
        tlength = saturate(spec.usec_to_bytes_round_up(DEFAULT_LENGTH_USEC));
    }
    if tlength == 0 {
        tlength = frame;
    }
    tlength = tlength.min(maxlength);
    if minreq == u32::MAX {
        let quarter = tlength / 4;
        minreq =
            saturate(spec.usec_to_bytes_round_up(DEFAULT_PROCESS_USEC)).min(quarter - quarter % frame.max(1));
    }
    if minreq == 0 {
        minreq = frame;
    }
    tlength = tlength.max(minreq.saturating_add(frame));

    let asked_tlength_usec = spec.bytes_to_usec(u64::from(tlength));
    let mut tlength_usec = asked_tlength_usec;
    let minreq_usec = spec.bytes_to_usec(u64::from(minreq));
    let spare_usec = tlength_usec.saturating_sub(minreq_usec * 2);
    let latency_usec = clamp(match mode {
        LatencyMode::Early => minreq_usec,
        // What is left when two requests are always under way is shared by both buffers.
        LatencyMode::Adjust => spare_usec / 2,
        LatencyMode::Traditional => spare_usec,
    });
    if mode == LatencyMode::Adjust && tlength_usec >= latency_usec {
        tlength_usec -= latency_usec;
    }
    // The device may ask for all it holds at once, while two requests are under way.
    tlength_usec = tlength_usec.max(latency_usec + 2 * minreq_usec);

    let adjusted = spec.usec_to_bytes_round_up(tlength_usec);
    if spec.usec_to_bytes_round_up(asked_tlength_usec) != adjusted {
        tlength = saturate(adjusted);
    }
    if tlength <= minreq {
        tlength = minreq.saturating_mul(2).saturating_add(frame);
    }
    let max_prebuf = tlength.saturating_add(frame) - minreq;
    prebuf = prebuf.min(max_prebuf);
    (PlaybackAttr { maxlength, tlength, prebuf, minreq }, latency_usec)
}

/// The same for a record stream. The latency is 0 where the client does not want it adjusted.
pub(crate) fn fix_record(
    asked: RecordAttr,
    mode: LatencyMode,
    spec: &SampleSpec,
    clamp: impl Fn(u64) -> u64,
) -> (RecordAttr, u64) {
    let frame = spec.frame_size() as u32;
    let RecordAttr { mut maxlength, mut fragsize } = asked;

    maxlength = maxlength.min(MAX_MEMBLOCKQ_LENGTH);
    if maxlength == 0 {
        maxlength = frame;
    }
    if fragsize == u32::MAX {
        fragsize = saturate(spec.usec_to_bytes(DEFAULT_LENGTH_USEC));
    }
    if fragsize == 0 {
        fragsize = frame;
    }
    let fragsize_usec = spec.bytes_to_usec(u64::from(fragsize));
    let latency_usec = match mode {
        LatencyMode::Traditional => 0,
        LatencyMode::Adjust | LatencyMode::Early => clamp(fragsize_usec),
    };
    if mode == LatencyMode::Adjust {
        let adjusted = spec.usec_to_bytes(latency_usec);
        if spec.usec_to_bytes(fragsize_usec) != adjusted {
            fragsize = saturate(adjusted);
        }
    }
    // The queue's part: whole frames.
    maxlength = maxlength.div_ceil(frame.max(1)) * frame;
    fragsize = (fragsize / frame.max(1) * frame).max(frame).min(maxlength);
    (RecordAttr { maxlength, fragsize }, latency_usec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealpulse_spec::SampleFormat;

    const UNSET: PlaybackAttr =
        PlaybackAttr { maxlength: u32::MAX, tlength: u32::MAX, prebuf: u32::MAX, minreq: u32::MAX };

    fn cd() -> SampleSpec {
        SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 44_100 }
    }

    fn dat() -> SampleSpec {
        SampleSpec { format: SampleFormat::S16Le, channels: 2, rate: 48_000 }
    }

    fn clamp(usec: u64) -> u64 {
        usec.clamp(500, 2_000_000)
    }

    /// What PulseAudio 16.1 says to `pacat --latency-msec=100` on a null sink at 48 kHz: 70 ms in the client's
    /// buffer, 30 ms in the sink's.
    #[test]
    fn adjusted_latency_is_shared_with_the_sink() {
        let tlength = dat().usec_to_bytes(100_000) as u32;
        let (attr, latency) =
            fix_playback(PlaybackAttr { tlength, ..UNSET }, LatencyMode::Adjust, &dat(), clamp);
        assert_eq!(latency, 30_000);
        assert_eq!(attr.tlength, 13_440);
        assert_eq!(attr.minreq, 3_840);
        assert_eq!(attr.prebuf, 13_440 + 4 - 3_840);
        assert_eq!(attr.maxlength, MAX_MEMBLOCKQ_LENGTH);
    }

    #[test]
    fn a_client_without_wishes_gets_two_seconds() {
        let (attr, latency) = fix_playback(UNSET, LatencyMode::Traditional, &cd(), clamp);
        assert_eq!(attr.tlength, 352_800);
        assert_eq!(attr.minreq, 3_528);
        assert_eq!(latency, 1_960_000);
        assert_eq!(attr.prebuf, 352_800 + 4 - 3_528);
    }

    #[test]
    fn early_requests_set_the_sink_to_one_request() {
        let asked = PlaybackAttr { tlength: 17_640, minreq: 1_764, ..UNSET };
        let (attr, latency) = fix_playback(asked, LatencyMode::Early, &cd(), clamp);
        assert_eq!(latency, 10_000);
        assert_eq!((attr.tlength, attr.minreq), (17_640, 1_764));
    }

    #[test]
    fn the_smallest_wishes_become_frames() {
        let asked = PlaybackAttr { maxlength: 0, tlength: 0, prebuf: 0, minreq: 0 };
        let (attr, _) = fix_playback(asked, LatencyMode::Adjust, &cd(), clamp);
        assert_eq!((attr.maxlength, attr.minreq, attr.prebuf), (4, 4, 0));
        assert!(attr.tlength >= 2 * attr.minreq);
    }

    #[test]
    fn no_wish_overflows() {
        let values = [0, 1, 3, 4, 1 << 22, u32::MAX - 1, u32::MAX];
        for spec in [cd(), SampleSpec { format: SampleFormat::U8, channels: 1, rate: 1 }] {
            for mode in [LatencyMode::Traditional, LatencyMode::Adjust, LatencyMode::Early] {
                for tlength in values {
                    for minreq in values {
                        let asked = PlaybackAttr { maxlength: tlength, tlength, prebuf: minreq, minreq };
                        let (attr, latency) = fix_playback(asked, mode, &spec, clamp);
                        assert!(attr.prebuf <= attr.tlength.saturating_add(4), "{asked:?} {attr:?}");
                        assert!((500..=2_000_000).contains(&latency));
                        let asked = RecordAttr { maxlength: tlength, fragsize: minreq };
                        let (attr, _) = fix_record(asked, mode, &spec, clamp);
                        assert!(attr.fragsize > 0 && attr.fragsize <= attr.maxlength);
                    }
                }
            }
        }
    }

    #[test]
    fn fragments_follow_the_source_when_adjusted() {
        let fragsize = cd().usec_to_bytes(50_000) as u32;
        let asked = RecordAttr { maxlength: u32::MAX, fragsize };
        let (attr, latency) = fix_record(asked, LatencyMode::Adjust, &cd(), clamp);
        assert_eq!((attr.fragsize, latency), (8_820, 50_000));
        let unset = RecordAttr { maxlength: u32::MAX, fragsize: u32::MAX };
        let (attr, latency) = fix_record(unset, LatencyMode::Traditional, &cd(), clamp);
        assert_eq!((attr.fragsize, latency, attr.maxlength), (352_800, 0, MAX_MEMBLOCKQ_LENGTH));
    }
}
