//! From a window of input and a row of coefficients to a sample.

/// What the resampler's time goes into. One implementation is chosen for the whole program.
pub(super) trait Kernel {
    /// The sum of the products; both slices are of one length, a multiple of [`super::filter::LANES`].
    fn dot(window: &[f32], coefficients: &[f32]) -> f32;

    /// The coefficients `share` of the way from one row to the next.
    fn interpolate(row: &[f32], next: &[f32], share: f32, out: &mut [f32]);
}

/// Loops that compilers vectorise. They add in a fixed order, so that the result is the same on every machine.
pub(super) struct Portable;

impl Kernel for Portable {
    #[inline]
    fn dot(window: &[f32], coefficients: &[f32]) -> f32 {
        const LANES: usize = super::filter::LANES;
        let mut sums = [0.0; LANES];
        let (window, coefficients) = (window.as_chunks::<LANES>().0, coefficients.as_chunks::<LANES>().0);
        for (window, coefficients) in window.iter().zip(coefficients) {
            for lane in 0..LANES {
                sums[lane] += window[lane] * coefficients[lane];
            }
        }
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
            width /= 2;
        }
        sums[0]
    }

    #[inline]
    fn interpolate(row: &[f32], next: &[f32], share: f32, out: &mut [f32]) {
        for ((out, row), next) in out.iter_mut().zip(row).zip(next) {
            *out = row + (next - row) * share;
        }
    }
}
