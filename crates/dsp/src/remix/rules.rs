//! PulseAudio's rules for which channel hears which.
//!
//! 1. Channels of one name are connected, and rear with side where an output has nothing else.
//! 2. Mono goes to every output but LFE; an output mono is the average of all inputs.
//! 3. A left, right or centre output that is still silent gets the average of the inputs on its side; a centre
//!    without centre inputs gets the average of left and right. An LFE gets the average of all, if it may.
//! 4. An input that nobody hears yet is mixed softly (1/9) into the outputs of its side, an LFE (3/8) into all, if
//!    it may. A centre without a centre output goes to left and right (1/2), front to front and rear to rear.
//! 5. Rows that add up to more than 1 are scaled down to it.

use sealpulse_spec::{CHANNELS_MAX, ChannelMap, ChannelPosition};

use super::RemixOptions;

const MAX: usize = CHANNELS_MAX as usize;
/// What an unheard left, right or centre input has in the outputs of its side.
const SOFT: f32 = 1.0 / 9.0;
/// What an unheard centre has in left and right.
const CENTER: f32 = 0.5;
/// What an unheard LFE has in all outputs.
const LFE: f32 = 0.375;

/// The matrix, by output channel, then input channel.
pub(super) fn gains(from: &ChannelMap, to: &ChannelMap, options: RemixOptions) -> Vec<f32> {
    let mut matrix = Matrix {
        from: from.as_slice(),
        to: to.as_slice(),
        options,
        gains: [[0.0; MAX]; MAX],
        heard: [false; MAX],
    };
    if options.by_index || from == to {
        (0..matrix.from.len().min(matrix.to.len())).for_each(|channel| matrix.gains[channel][channel] = 1.0);
    } else if !options.remix {
        matrix.connect_names();
    } else {
        matrix.feed_outputs();
        matrix.use_unheard_inputs();
    }
    matrix.limit_rows();
    matrix.gains[..matrix.to.len()].iter().flat_map(|row| &row[..matrix.from.len()]).copied().collect()
}

struct Matrix<'a> {
    from: &'a [ChannelPosition],
    to: &'a [ChannelPosition],
    options: RemixOptions,
    gains: [[f32; MAX]; MAX],
    /// Inputs that some output hears.
    heard: [bool; MAX],
}

impl Matrix<'_> {
    fn connect_names(&mut self) {
        for (output, b) in self.to.iter().enumerate() {
            for (input, a) in self.from.iter().enumerate() {
                if a == b {
                    self.gains[output][input] = 1.0;
                }
            }
        }
    }

    fn feed_outputs(&mut self) {
        let takes_mono = self.outputs_for_mono();
        for (output, takes_mono) in takes_mono.into_iter().take(self.to.len()).enumerate() {
            if !self.feed_by_name(output, takes_mono) && !self.feed_rear_by_side(output) {
                self.feed_by_place(output);
            }
        }
    }

    /// Outputs that get an input called mono.
    fn outputs_for_mono(&self) -> [bool; MAX] {
        let choices: &[fn(ChannelPosition) -> bool] = &[
            |position| position == ChannelPosition::MONO,
            |position| position == ChannelPosition::FRONT_CENTER,
            |position| matches!(position, ChannelPosition::FRONT_LEFT | ChannelPosition::FRONT_RIGHT),
            |position| position != ChannelPosition::LFE,
        ];
        let choices = if self.options.fill_sink { &choices[3..] } else { choices };
        let chosen = choices.iter().find(|&wanted| self.to.iter().any(|&position| wanted(position)));
        let mut takes = [false; MAX];
        for (takes, &position) in takes.iter_mut().zip(self.to) {
            *takes = chosen.is_some_and(|wanted| wanted(position));
        }
        takes
    }

    fn feed_by_name(&mut self, output: usize, takes_mono: bool) -> bool {
        let b = self.to[output];
        let mut connected = false;
        for (input, &a) in self.from.iter().enumerate() {
            let gain = if a == b || (a == ChannelPosition::MONO && takes_mono) {
                1.0
            } else if b == ChannelPosition::MONO {
                1.0 / self.from.len() as f32
            } else {
                continue;
            };
            self.gains[output][input] = gain;
            self.heard[input] = true;
            connected = true;
        }
        connected
    }

    /// Players call the same pair of a 5.1 set rear or side.
    fn feed_rear_by_side(&mut self, output: usize) -> bool {
        let other = match self.to[output] {
            ChannelPosition::SIDE_LEFT => ChannelPosition::REAR_LEFT,
            ChannelPosition::REAR_LEFT => ChannelPosition::SIDE_LEFT,
            ChannelPosition::SIDE_RIGHT => ChannelPosition::REAR_RIGHT,
            ChannelPosition::REAR_RIGHT => ChannelPosition::SIDE_RIGHT,
            _ => return false,
        };
        let mut connected = false;
        for (input, &a) in self.from.iter().enumerate() {
            if a == other && !self.heard[input] {
                self.gains[output][input] = 1.0;
                self.heard[input] = true;
                connected = true;
            }
        }
        connected
    }

    fn feed_by_place(&mut self, output: usize) {
        let b = self.to[output];
        let fill = self.options.fill_sink;
        if b.is_left() && fill {
            self.average(output, ChannelPosition::is_left);
        } else if b.is_right() && fill {
            self.average(output, ChannelPosition::is_right);
        } else if b.is_center() && fill {
            if !self.average(output, ChannelPosition::is_center) {
                self.average(output, |a| a.is_left() || a.is_right());
            }
        } else if b == ChannelPosition::LFE && self.options.produce_lfe {
            // Being heard in the LFE alone does not count.
            let gain = 1.0 / self.from.len() as f32;
            self.gains[output][..self.from.len()].fill(gain);
        }
    }

    fn average(&mut self, output: usize, wanted: fn(ChannelPosition) -> bool) -> bool {
        let count = self.from.iter().filter(|&&a| wanted(a)).count();
        for (input, &a) in self.from.iter().enumerate() {
            if wanted(a) {
                self.gains[output][input] = 1.0 / count as f32;
                self.heard[input] = true;
            }
        }
        count > 0
    }

    fn unheard(&self, wanted: impl Fn(ChannelPosition) -> bool) -> usize {
        self.from.iter().zip(self.heard).filter(|&(&a, heard)| !heard && wanted(a)).count()
    }

    fn use_unheard_inputs(&mut self) {
        let left = self.unheard(ChannelPosition::is_left) as f32;
        let right = self.unheard(ChannelPosition::is_right) as f32;
        let center = self.unheard(ChannelPosition::is_center) as f32;
        let lfe = self.unheard(|a| a == ChannelPosition::LFE) as f32;
        let mut center_found_center = false;
        for (input, &a) in self.from.iter().enumerate() {
            if self.heard[input] {
                continue;
            }
            for (output, &b) in self.to.iter().enumerate() {
                let gain = if a.is_left() && b.is_left() {
                    SOFT / left
                } else if a.is_right() && b.is_right() {
                    SOFT / right
                } else if a.is_center() && b.is_center() {
                    center_found_center = true;
                    SOFT / center
                } else if a == ChannelPosition::LFE && self.options.consume_lfe {
                    LFE / lfe
                } else {
                    continue;
                };
                self.gains[output][input] = gain;
            }
        }
        if center > 0.0 && !center_found_center {
            self.spread_center();
        }
    }

    /// Centre inputs into left and right outputs, those at the same depth of the room if there are such.
    fn spread_center(&mut self) {
        let is_beside = |b: ChannelPosition| b.is_left() || b.is_right();
        let unheard_center = |input: usize| !self.heard[input] && self.from[input].is_center();
        let mut kept_in_depth = [false; MAX];
        let mut shares = [0_u32; MAX];
        for input in (0..self.from.len()).filter(|&input| unheard_center(input)) {
            let depth = Depth::of(self.from[input]);
            kept_in_depth[input] = self.to.iter().any(|&b| is_beside(b) && Depth::of(b) == depth);
            for (share, &b) in shares.iter_mut().zip(self.to) {
                if is_beside(b) && (!kept_in_depth[input] || Depth::of(b) == depth) {
                    *share += 1;
                }
            }
        }
        for (output, &b) in self.to.iter().enumerate() {
            if shares[output] == 0 {
                continue;
            }
            // Centres that are heard elsewhere are among them, as in PulseAudio.
            for (input, &a) in self.from.iter().enumerate() {
                if a.is_center() && (!kept_in_depth[input] || Depth::of(b) == Depth::of(a)) {
                    self.gains[output][input] = CENTER / shares[output] as f32;
                }
            }
        }
    }

    fn limit_rows(&mut self) {
        for row in &mut self.gains {
            let sum: f32 = row.iter().sum();
            if sum > 1.0 {
                row.iter_mut().for_each(|gain| *gain /= sum);
            }
        }
    }
}

/// Where in the room a position is.
#[derive(PartialEq, Eq)]
enum Depth {
    Front,
    Rear,
    Side,
    Other,
}

impl Depth {
    fn of(position: ChannelPosition) -> Self {
        if position.is_front() {
            Self::Front
        } else if position.is_rear() {
            Self::Rear
        } else if position.is_side() {
            Self::Side
        } else {
            Self::Other
        }
    }
}
