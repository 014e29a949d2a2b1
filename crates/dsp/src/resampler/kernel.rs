//! From windows of input and a row of coefficients to samples.

/// What the resampler's time goes into. One implementation is chosen for the whole program.
pub(super) trait Kernel {
    /// The sum of the products; both slices are of one length, a multiple of [`super::filter::LANES`].
    fn dot(window: &[f32], coefficients: &[f32]) -> f32;

    /// [`Self::dot`] for two channels at once, each the same to the bit.
    fn dot_pair(windows: [&[f32]; 2], coefficients: &[f32]) -> [f32; 2];

    /// The coefficients `share` of the way from one row to the next.
    fn interpolate(row: &[f32], next: &[f32], share: f32, out: &mut [f32]);
}

/// Loops that compilers vectorise. They add in a fixed order, so that the result is the same on every machine.
pub(super) struct Portable;

/// Sums that are kept apart until the end.
const LANES: usize = 8;

fn total(sums: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

impl Kernel for Portable {
    #[inline]
    fn dot(window: &[f32], coefficients: &[f32]) -> f32 {
        let mut sums = [0.0; LANES];
        let (window, coefficients) = (window.as_chunks::<LANES>().0, coefficients.as_chunks::<LANES>().0);
        for (window, coefficients) in window.iter().zip(coefficients) {
            for lane in 0..LANES {
                sums[lane] += window[lane] * coefficients[lane];
            }
        }
        total(sums)
    }

    #[inline]
    fn dot_pair([one, two]: [&[f32]; 2], coefficients: &[f32]) -> [f32; 2] {
        let mut sums = [[0.0; LANES]; 2];
        let windows = one.as_chunks::<LANES>().0.iter().zip(two.as_chunks::<LANES>().0);
        for ((one, two), coefficients) in windows.zip(coefficients.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[0][lane] += one[lane] * coefficients[lane];
            }
            for lane in 0..LANES {
                sums[1][lane] += two[lane] * coefficients[lane];
            }
        }
        sums.map(total)
    }

    #[inline]
    fn interpolate(row: &[f32], next: &[f32], share: f32, out: &mut [f32]) {
        for ((out, row), next) in out.iter_mut().zip(row).zip(next) {
            *out = row + (next - row) * share;
        }
    }
}
