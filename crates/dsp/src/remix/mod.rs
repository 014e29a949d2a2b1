//! From one channel map to another.

mod rules;
#[cfg(test)]
mod tests;

use sealpulse_spec::ChannelMap;

/// How [`RemixMatrix::new`] fills in channels that the other side does not have. The default is that of
/// PulseAudio's daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemixOptions {
    /// Up- and downmix (`enable-remixing`); without it, channels go where a channel of the same name is and
    /// nowhere else (`PA_STREAM_NO_REMIX_CHANNELS`).
    pub remix: bool,
    /// Channels go by their number whatever their names are (`PA_STREAM_NO_REMAP_CHANNELS`); the other options
    /// mean nothing then.
    pub by_index: bool,
    /// Feed channels that the input does not have, rear from front for instance
    /// (`remixing-use-all-sink-channels`).
    pub fill_sink: bool,
    /// Feed an LFE channel that the input does not have from all channels (`remixing-produce-lfe`).
    pub produce_lfe: bool,
    /// Mix an LFE channel that the output does not have into the others (`remixing-consume-lfe`).
    pub consume_lfe: bool,
}

impl Default for RemixOptions {
    fn default() -> Self {
        Self { remix: true, by_index: false, fill_sink: true, produce_lfe: false, consume_lfe: false }
    }
}

/// A factor for each pair of an output and an input channel.
///
/// ```
/// use sealpulse_dsp::{RemixMatrix, RemixOptions};
/// use sealpulse_spec::ChannelMap;
/// let matrix = RemixMatrix::new(&ChannelMap::stereo(), &ChannelMap::mono(), RemixOptions::default());
/// let mut mono = [0.0; 2];
/// matrix.apply(&[1.0, 0.0, 0.5, 0.5], &mut mono);
/// assert_eq!(mono, [0.5, 0.5]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RemixMatrix {
    inputs: usize,
    outputs: usize,
    /// By output channel, then input channel.
    gains: Vec<f32>,
    /// For each output channel the inputs that it hears.
    terms: Vec<Vec<(usize, f32)>>,
}

impl RemixMatrix {
    /// The matrix by PulseAudio's rules; no output channel's factors add up to more than 1, so that remixing does
    /// not clip. Equal maps give the identity. Both maps must have a channel; an empty one makes a matrix that
    /// does nothing.
    pub fn new(from: &ChannelMap, to: &ChannelMap, options: RemixOptions) -> Self {
        let (inputs, outputs) = (from.as_slice().len(), to.as_slice().len());
        let gains = rules::gains(from, to, options);
        let terms = (0..outputs)
            .map(|output| {
                let row = &gains[output * inputs..][..inputs];
                row.iter().copied().enumerate().filter(|&(_, gain)| gain != 0.0).collect()
            })
            .collect();
        Self { inputs, outputs, gains, terms }
    }

    /// Channels of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// With what factor an output channel hears an input channel; 0 for channels that are not there.
    pub fn gain(&self, output: usize, input: usize) -> f32 {
        if input >= self.inputs {
            return 0.0;
        }
        self.gains.get(output * self.inputs + input).copied().unwrap_or(0.0)
    }

    /// Whether the output is the input, so that [`Self::apply`] can be left out.
    pub fn is_identity(&self) -> bool {
        self.inputs == self.outputs
            && self
                .terms
                .iter()
                .enumerate()
                .all(|(output, terms)| matches!(terms[..], [(input, 1.0)] if input == output))
    }

    /// Remixes interleaved frames; both slices hold the same number of them. All of `output` is written.
    pub fn apply(&self, input: &[f32], output: &mut [f32]) {
        debug_assert_eq!(input.len() * self.outputs, output.len() * self.inputs);
        match (self.inputs, self.outputs) {
            (0, _) | (_, 0) => {}
            _ if self.is_identity() => {
                let samples = input.len().min(output.len());
                output[..samples].copy_from_slice(&input[..samples]);
            }
            (1, 2) => self.apply_sized::<1, 2>(input, output),
            (2, 1) => self.apply_sized::<2, 1>(input, output),
            (2, 2) => self.apply_sized::<2, 2>(input, output),
            (2, 6) => self.apply_sized::<2, 6>(input, output),
            (2, 8) => self.apply_sized::<2, 8>(input, output),
            (6, 2) => self.apply_sized::<6, 2>(input, output),
            (8, 2) => self.apply_sized::<8, 2>(input, output),
            (6, 8) => self.apply_sized::<6, 8>(input, output),
            (8, 6) => self.apply_sized::<8, 6>(input, output),
            _ => self.apply_sparse(input, output),
        }
    }

    /// For sizes known to the compiler, which unrolls and vectorises it.
    fn apply_sized<const INPUTS: usize, const OUTPUTS: usize>(&self, input: &[f32], output: &mut [f32]) {
        let mut gains = [[0.0; INPUTS]; OUTPUTS];
        for (row, values) in gains.iter_mut().zip(self.gains.chunks_exact(INPUTS)) {
            row.copy_from_slice(values);
        }
        let frames = input.as_chunks::<INPUTS>().0.iter().zip(output.as_chunks_mut::<OUTPUTS>().0);
        for (input, output) in frames {
            for (sample, row) in output.iter_mut().zip(&gains) {
                *sample = row.iter().zip(input).map(|(gain, input)| gain * input).sum();
            }
        }
    }

    fn apply_sparse(&self, input: &[f32], output: &mut [f32]) {
        for (input, output) in input.chunks_exact(self.inputs).zip(output.chunks_exact_mut(self.outputs)) {
            for (sample, terms) in output.iter_mut().zip(&self.terms) {
                *sample = terms.iter().map(|&(channel, gain)| gain * input[channel]).sum();
            }
        }
    }
}
