//! `sealpulse plot`: a picture of a recording.

mod analysis;
mod canvas;
mod drawing;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::analysis::Analysis;
use self::canvas::{Canvas, Raster, Svg};
use self::drawing::{Drawing, Scale};
use super::time;
use crate::cli::PlotOptions;
use crate::media::decode::Decoder;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
enum PlotError {
    #[error("{}: the name of the picture must end in .svg or .png", path.display())]
    Kind { path: PathBuf },
    #[error("{name}: nothing to show: the recording ends after {}", time::clock(*length))]
    AfterTheEnd { name: String, length: Duration },
    #[error("{name}: the recording becomes {now} after {}; show one part with --duration or --start", time::clock(*at))]
    Changes { name: String, now: sealpulse_spec::SampleSpec, at: Duration },
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
}

/// Kinds of pictures.
#[derive(Clone, Copy)]
enum Kind {
    Svg,
    Png,
}

/// Draws the picture.
pub(crate) fn plot(options: &PlotOptions) -> Result<(), Box<dyn Error>> {
    let kind = kind(&options.output)?;
    let from_stdin = options.file == Path::new("-");
    let mut decoder = if from_stdin { Decoder::stdin() } else { Decoder::open(&options.file) }?;
    let spec = decoder.spec();
    let scale = Scale { lowest: if options.log { 20.0 } else { 0.0 }, highest: f64::from(spec.rate) / 2.0 };
    let map = decoder.map().cloned();
    let columns = drawing::plot_width(usize::from(options.width));
    let mut analysis = Analysis::new(
        usize::from(spec.channels),
        spec.rate,
        columns,
        drawing::SPECTROGRAM_HEIGHT,
        |height| scale.frequency(height),
    );
    let frames_of = |time: Duration| (time.as_secs_f64() * f64::from(spec.rate)).round() as u64;
    let start = options.start.map_or(0, frames_of);
    let end = options.duration.map_or(u64::MAX, |duration| start.saturating_add(frames_of(duration)));
    if start > 0 && !from_stdin {
        decoder.seek(start)?;
    }
    read(&mut decoder, &mut analysis, start..end, &options.file)?;
    if decoder.damaged() > 0 {
        eprintln!(
            "sealpulse: {}: {} damaged packets are left out",
            options.file.display(),
            decoder.damaged()
        );
    }
    if analysis.frames == 0 {
        let length = Duration::from_micros(spec.frames_to_usec(decoder.frames().unwrap_or(0)));
        return Err(PlotError::AfterTheEnd { name: options.file.display().to_string(), length }.into());
    }
    analysis.finish();
    let drawing = Drawing {
        name: options.file.file_name().unwrap_or(options.file.as_os_str()).to_string_lossy().into_owned(),
        spec,
        map,
        start,
        scale,
        range: f32::from(options.range),
        width: usize::from(options.width),
    };
    let height = drawing::height(analysis.channels.len());
    let mut canvas: Box<dyn Canvas> = match kind {
        Kind::Svg => Box::new(Svg::new(drawing.width, height, drawing::BACKGROUND)),
        Kind::Png => Box::new(Raster::new(drawing.width, height, drawing::BACKGROUND)),
    };
    drawing.draw(&analysis, &mut *canvas);
    let write_error = |error| PlotError::Write { path: options.output.clone(), error };
    let bytes = canvas.finish().map_err(write_error)?;
    std::fs::write(&options.output, bytes).map_err(write_error)?;
    Ok(())
}

fn kind(path: &Path) -> Result<Kind, PlotError> {
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("svg") => Ok(Kind::Svg),
        Some("png") => Ok(Kind::Png),
        _ => Err(PlotError::Kind { path: path.to_owned() }),
    }
}

/// Analyses the frames of a range.
fn read(
    decoder: &mut Decoder,
    analysis: &mut Analysis,
    range: std::ops::Range<u64>,
    file: &Path,
) -> Result<(), Box<dyn Error>> {
    let spec = decoder.spec();
    let mut samples = Vec::new();
    loop {
        let Some((at, block)) = decoder.next()? else { return Ok(()) };
        let frames = (block.len() / spec.frame_size()) as u64;
        let from = range.start.saturating_sub(at).min(frames) as usize * spec.frame_size();
        let to = range.end.saturating_sub(at).min(frames) as usize * spec.frame_size();
        samples.clear();
        samples.resize(to.saturating_sub(from) / spec.format.size(), 0.0);
        if let Some(block) = block.get(from..to) {
            sealpulse_dsp::decode(spec.format, block, &mut samples);
        }
        if at >= range.end {
            return Ok(());
        }
        if decoder.spec() != spec {
            let at = Duration::from_micros(spec.frames_to_usec(at));
            return Err(
                PlotError::Changes { name: file.display().to_string(), now: decoder.spec(), at }.into()
            );
        }
        analysis.push(&samples);
    }
}
