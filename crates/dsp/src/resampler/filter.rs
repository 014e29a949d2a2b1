//! The low-pass filter between two rates: a sinc within a Kaiser window, tabulated.

use std::collections::HashMap;
use std::f64::consts::PI;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// Rows are a multiple of this long.
pub(super) const LANES: usize = 16;
/// Length of the filter in periods of the lower rate. With [`ATTENUATION`] the transition takes 5 % of that rate:
/// flat to 20 kHz and closed at 22.05 kHz for 44.1 kHz.
const TAPS: f64 = 128.0;
/// What the filter holds back above half of the lower rate, in dB.
const ATTENUATION: f64 = 100.0;
/// Most coefficients of a table with a row for each phase that occurs (1 MiB).
const EXACT_LIMIT: u64 = 1 << 18;
/// Rows per period of the lower rate of a table between whose rows is interpolated; the error is at -106 dB.
const ROWS: f64 = 512.0;

/// The steps of a position: input frames per output frame, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ratio {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Ratio {
    pub(super) fn divisor(self) -> u64 {
        let (mut a, mut b) = (self.from, self.to);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a.max(1)
    }

    /// How many times the filter is longer than one for the input's rate.
    pub(super) fn stretch(self) -> f64 {
        (self.from as f64 / self.to as f64).max(1.0)
    }
}

/// Coefficients for every position of an output frame between two input frames.
///
/// The position is `phase / to`, the time that the newest input frame of the window is short of it.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) taps: usize,
    kind: Kind,
    coefficients: Vec<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A row for each multiple of this phase; no other occurs.
    Exact { step: u64 },
    /// So many rows from one input frame to the next, and one more.
    Interpolated { rows: u64 },
}

/// Where the coefficients of a phase are.
pub(super) enum Row<'a> {
    Exact(&'a [f32]),
    Between { row: &'a [f32], next: &'a [f32], share: f32 },
}

/// Which table: the ratio, and whether it is exact.
type Key = (Ratio, bool);

static CACHE: LazyLock<Mutex<HashMap<Key, Weak<Filter>>>> = LazyLock::new(Mutex::default);

impl Filter {
    /// The filter for a ratio, shared with all that use the same one now. `variable`: for every phase, so that the
    /// input's rate may move.
    pub(super) fn shared(ratio: Ratio, variable: bool) -> Arc<Filter> {
        let divisor = ratio.divisor();
        let reduced = Ratio { from: ratio.from / divisor, to: ratio.to / divisor };
        let taps = taps(ratio.stretch());
        let exact = !variable && reduced.to * taps as u64 <= EXACT_LIMIT;
        let key = match exact {
            // The step between its rows is in units of the ratio as it was given.
            true => ratio,
            false if reduced.from <= reduced.to => Ratio { from: 1, to: 1 },
            false => reduced,
        };
        let key = (key, exact);
        let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = cache.get(&key).and_then(Weak::upgrade) {
            return filter;
        }
        cache.retain(|_, filter| filter.strong_count() > 0);
        let filter = Arc::new(if exact {
            Self::exact(taps, ratio.stretch(), reduced.to, divisor)
        } else {
            Self::interpolated(taps, ratio.stretch())
        });
        cache.insert(key, Arc::downgrade(&filter));
        filter
    }

    fn exact(taps: usize, stretch: f64, rows: u64, step: u64) -> Self {
        Self::tabulate(taps, stretch, Kind::Exact { step }, rows, rows)
    }

    fn interpolated(taps: usize, stretch: f64) -> Self {
        let rows = (ROWS / stretch).ceil().max(4.0) as u64;
        Self::tabulate(taps, stretch, Kind::Interpolated { rows }, rows, rows + 1)
    }

    fn tabulate(taps: usize, stretch: f64, kind: Kind, rows_per_frame: u64, rows: u64) -> Self {
        let design = Design::new(taps, stretch);
        let mut coefficients = vec![0.0; taps * rows as usize];
        for (number, row) in coefficients.chunks_exact_mut(taps).enumerate() {
            design.row(number as f64 / rows_per_frame as f64, row);
        }
        Self { taps, kind, coefficients }
    }

    /// The coefficients for `phase` of `to`.
    #[inline]
    pub(super) fn row(&self, phase: u64, to: u64) -> Row<'_> {
        match self.kind {
            Kind::Exact { step } => Row::Exact(self.nth(phase / step)),
            Kind::Interpolated { rows } => {
                let position = phase * rows;
                let share = (position % to) as f32 / to as f32;
                let number = position / to;
                Row::Between { row: self.nth(number), next: self.nth(number + 1), share }
            }
        }
    }

    /// Whether the table has what this phase needs.
    pub(super) fn covers(&self, phase: u64) -> bool {
        match self.kind {
            Kind::Exact { step } => phase.is_multiple_of(step),
            Kind::Interpolated { .. } => true,
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        matches!(self.kind, Kind::Exact { .. })
    }

    #[inline]
    fn nth(&self, number: u64) -> &[f32] {
        &self.coefficients[number as usize * self.taps..][..self.taps]
    }
}

/// Taps of a filter: even, and a multiple of [`LANES`].
fn taps(stretch: f64) -> usize {
    ((TAPS * stretch / LANES as f64).ceil() as usize) * LANES
}

/// What a row is computed from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Design {
    half: f64,
    /// Steps of the window table from one input frame to the next.
    per_frame: f64,
    /// Where the filter is half open, in cycles per input frame.
    cutoff: f64,
    /// Sine and cosine of the sinc's angle from one tap to the next, and to the one [`LANES`] further.
    step: (f64, f64),
    group_step: (f64, f64),
}

/// The sum of two angles, each as its sine and cosine.
#[inline]
fn turned((sin, cos): (f64, f64), (sin_step, cos_step): (f64, f64)) -> (f64, f64) {
    (sin * cos_step + cos * sin_step, cos * cos_step - sin * sin_step)
}

impl Design {
    /// A filter of `taps` that closes at half of the lower rate.
    pub(super) fn new(taps: usize, stretch: f64) -> Self {
        let transition = (ATTENUATION - 7.95) / (14.36 * taps as f64);
        // A short filter far below its rate would close before it opened.
        let cutoff = (0.5 / stretch - transition / 2.0).max(0.25 / stretch);
        let half = taps as f64 / 2.0;
        let turn = 2.0 * PI * cutoff;
        Self {
            half,
            per_frame: Window::STEPS as f64 / half,
            cutoff,
            step: turn.sin_cos(),
            group_step: (turn * LANES as f64).sin_cos(),
        }
    }

    /// The coefficients for `phase` (0 to 1), oldest frame first, adding up to 1.
    pub(super) fn row(&self, phase: f64, row: &mut [f32]) {
        let window = &*WINDOW;
        let turn = 2.0 * PI * self.cutoff;
        let first = phase - self.half;
        // sin(turn · distance) by turning one vector for each lane from group to group.
        let mut next = (turn * first).sin_cos();
        let mut vectors = [(0.0, 0.0); LANES];
        for vector in &mut vectors {
            *vector = next;
            next = turned(next, self.step);
        }
        let mut sum = 0.0;
        for (group, coefficients) in row.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let first = first + (group * LANES) as f64;
            for (lane, (coefficient, (sin, cos))) in coefficients.iter_mut().zip(&mut vectors).enumerate() {
                let distance = first + lane as f64;
                let sinc = if distance.abs() < 1e-9 { turn } else { *sin / distance };
                let value = sinc * window.at(distance.abs() * self.per_frame);
                *coefficient = value as f32;
                sum += value;
                (*sin, *cos) = turned((*sin, *cos), self.group_step);
            }
        }
        let scale = (1.0 / sum) as f32;
        row.iter_mut().for_each(|coefficient| *coefficient *= scale);
    }

    /// Computes the window table, so that [`Self::row`] does not have to.
    pub(super) fn prepare() {
        LazyLock::force(&WINDOW);
    }
}

/// One half of the Kaiser window, in steps.
struct Window(Vec<f64>);

static WINDOW: LazyLock<Window> = LazyLock::new(Window::new);

impl Window {
    const STEPS: usize = 8_192;

    fn new() -> Self {
        let beta = 0.1102 * (ATTENUATION - 8.7);
        let peak = bessel_i0(beta);
        let value = |step: usize| {
            let x = (step as f64 / Self::STEPS as f64).min(1.0);
            bessel_i0(beta * (1.0 - x * x).sqrt()) / peak
        };
        Self((0..Self::STEPS + 2).map(value).collect())
    }

    /// The window so many steps from its middle (0) towards its end.
    #[inline]
    fn at(&self, position: f64) -> f64 {
        let step = (position as usize).min(Self::STEPS);
        let share = position - step as f64;
        self.0[step] + (self.0[step + 1] - self.0[step]) * share
    }
}

/// The modified Bessel function of the first kind of order 0.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut n) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= quarter / (n * n);
        sum += term;
        n += 1.0;
    }
    sum
}
