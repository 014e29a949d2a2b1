//! Volumes for other channels than they were meant for.

use sealpulse_spec::{ChannelMap, ChannelPosition, ChannelVolumes, Volume};

/// The volume that `wanted` means for what has `current`: one value sets the loudest channel and keeps the
/// balance.
pub(crate) fn fit_volume(current: &ChannelVolumes, wanted: &ChannelVolumes) -> ChannelVolumes {
    if wanted.channels() == current.channels() {
        return *wanted;
    }
    let (old, new) = (current.max(), wanted.max());
    if old == Volume::MUTED {
        return ChannelVolumes::all(current.channels(), new);
    }
    let scale = |volume: &Volume| {
        let scaled = u64::from(volume.0) * u64::from(new.0) / u64::from(old.0);
        Volume(scaled.min(u64::from(Volume::MAX.0)) as u32)
    };
    let scaled: Vec<Volume> = current.as_slice().iter().map(scale).collect();
    ChannelVolumes::from_slice(&scaled).unwrap_or(*current)
}

/// The volume for other positions: each takes that of its own, else of its side, else of all.
pub(crate) fn remap_volume(volume: &ChannelVolumes, from: &ChannelMap, to: &ChannelMap) -> ChannelVolumes {
    if from == to || volume.channels() != from.channels() {
        return volume.spread(to.channels());
    }
    let mean = |matches: &dyn Fn(ChannelPosition) -> bool| {
        let pairs = from.as_slice().iter().zip(volume.as_slice());
        let (sum, count) = pairs
            .filter(|(position, _)| matches(**position))
            .fold((0, 0), |(sum, count), (_, volume)| (sum + u64::from(volume.0), count + 1));
        (count > 0).then(|| Volume((sum / count) as u32))
    };
    let one = |to: &ChannelPosition| {
        let same_side = |from: ChannelPosition| {
            (from.is_left() && to.is_left())
                || (from.is_right() && to.is_right())
                || (from.is_center() && to.is_center())
        };
        mean(&|from| from == *to)
            .or_else(|| mean(&same_side))
            .or_else(|| mean(&|_| true))
            .unwrap_or(Volume::MUTED)
    };
    let remapped: Vec<Volume> = to.as_slice().iter().map(one).collect();
    ChannelVolumes::from_slice(&remapped).unwrap_or_else(|| volume.spread(to.channels()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volumes(values: &[u32]) -> ChannelVolumes {
        let values: Vec<Volume> = values.iter().map(|&value| Volume(value)).collect();
        ChannelVolumes::from_slice(&values).unwrap()
    }

    #[test]
    fn one_value_keeps_the_balance() {
        assert_eq!(fit_volume(&volumes(&[1000, 500]), &volumes(&[2000])), volumes(&[2000, 1000]));
        assert_eq!(fit_volume(&volumes(&[0, 0]), &volumes(&[7])), volumes(&[7, 7]));
        assert_eq!(fit_volume(&volumes(&[1, 2]), &volumes(&[3, 4])), volumes(&[3, 4]));
    }

    #[test]
    fn positions_take_their_own_side() {
        let (stereo, mono) = (ChannelMap::stereo(), ChannelMap::mono());
        assert_eq!(remap_volume(&volumes(&[10, 20]), &stereo, &mono), volumes(&[15]));
        assert_eq!(remap_volume(&volumes(&[10]), &mono, &stereo), volumes(&[10, 10]));
        let surround = ChannelMap::parse("surround-51").unwrap();
        let remapped = remap_volume(&volumes(&[10, 20]), &stereo, &surround);
        assert_eq!(remapped, volumes(&[10, 20, 10, 20, 15, 15]));
    }
}
