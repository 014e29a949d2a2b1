//! The companding laws of ITU-T G.711, between codes and 16 bit samples.

/// What each A-law code stands for.
pub(super) static ALAW: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = from_alaw(code as u8) as f32 / 32_768.0;
        code += 1;
    }
    table
};

/// What each µ-law code stands for. The law has two zeros; the negative one stays so, so that it gives its code back.
pub(super) static ULAW: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = from_ulaw(code as u8) as f32 / 32_768.0;
        code += 1;
    }
    table[0x7f] = -0.0;
    table
};

/// Added to a magnitude so that the segments of µ-law begin at powers of two.
const BIAS: i32 = 0x84;

const fn from_alaw(code: u8) -> i32 {
    let code = code ^ 0x55;
    let mantissa = ((code & 0x0f) as i32) << 4;
    let segment = (code >> 4) & 7;
    let magnitude = match segment {
        0 => mantissa + 8,
        _ => (mantissa + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

const fn from_ulaw(code: u8) -> i32 {
    let code = !code;
    let magnitude = (((code & 0x0f) as i32) << 3) + BIAS;
    let magnitude = (magnitude << ((code >> 4) & 7)) - BIAS;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

/// The A-law code of a sample.
pub(super) fn to_alaw(sample: i16) -> u8 {
    // One's complement for the negative half: its intervals mirror those of the positive one.
    let (sign, magnitude) = if sample < 0 { (0, !sample) } else { (0x80, sample) };
    let magnitude = u32::from(magnitude.unsigned_abs());
    let segment = (magnitude >> 7).checked_ilog2().unwrap_or(0);
    let mantissa = match segment {
        0 => (magnitude >> 4) & 0x1f,
        _ => ((segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0x7f,
    };
    (mantissa as u8 | sign) ^ 0x55
}

/// The µ-law code of a sample; `negative` tells the two zeros apart.
pub(super) fn to_ulaw(sample: i16, negative: bool) -> u8 {
    const CLIP: i32 = 32_635;
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    let segment = (magnitude >> 7).ilog2();
    let mantissa = (magnitude >> (segment + 3)) & 0x0f;
    let sign = if negative { 0x80 } else { 0 };
    !(sign | (segment << 4) as u8 | mantissa as u8)
}
