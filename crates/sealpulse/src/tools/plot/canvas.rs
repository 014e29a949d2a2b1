//! What a picture is drawn on: an SVG document, or pixels.

use std::fmt::Write as _;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Red, green and blue.
pub(super) type Colour = [u8; 3];

/// Which end of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Drawing in pixels from the upper left corner. What lies outside is left out.
pub(super) trait Canvas {
    fn rectangle(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour);
    /// Columns of one pixel each, from `x` on, each from its upper to its lower end.
    fn columns(&mut self, x: usize, columns: &[Option<(f32, f32)>], colour: Colour);
    /// A picture of `width` pixels in each row.
    fn image(&mut self, x: usize, y: usize, width: usize, pixels: &[Colour]);
    /// `y` is the middle of the line.
    fn text(&mut self, x: usize, y: usize, anchor: Anchor, title: bool, text: &str);
    /// The file's contents.
    fn finish(self: Box<Self>) -> io::Result<Vec<u8>>;
}

/// A raster image, written as PNG.
pub(super) struct Raster {
    width: usize,
    pixels: Vec<Colour>,
}

impl Raster {
    pub(super) fn new(width: usize, height: usize, background: Colour) -> Self {
        Self { width, pixels: vec![background; width * height] }
    }

    /// Lays `colour` over a pixel; 1 hides it entirely.
    fn blend(&mut self, x: usize, y: usize, colour: Colour, part: f32) {
        if x >= self.width {
            return;
        }
        if let Some(pixel) = self.pixels.get_mut(y * self.width + x) {
            for (old, new) in pixel.iter_mut().zip(colour) {
                *old = (f32::from(*old) * (1.0 - part) + f32::from(new) * part).round() as u8;
            }
        }
    }
}

impl Canvas for Raster {
    fn rectangle(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        for y in y..y + height {
            for x in x..x + width {
                self.blend(x, y, colour, 1.0);
            }
        }
    }

    fn columns(&mut self, x: usize, columns: &[Option<(f32, f32)>], colour: Colour) {
        for (index, column) in columns.iter().enumerate() {
            let Some((top, bottom)) = *column else { continue };
            for y in top.max(0.0) as usize..bottom.max(0.0).ceil() as usize {
                // Pixels at the ends are covered in part.
                let part = (bottom.min(y as f32 + 1.0) - top.max(y as f32)).clamp(0.0, 1.0);
                self.blend(x + index, y, colour, part);
            }
        }
    }

    fn image(&mut self, x: usize, y: usize, width: usize, pixels: &[Colour]) {
        for (index, &pixel) in pixels.iter().enumerate() {
            self.blend(x + index % width, y + index / width, pixel, 1.0);
        }
    }

    fn text(&mut self, x: usize, y: usize, anchor: Anchor, title: bool, text: &str) {
        let (weight, size) = if title {
            (FontWeight::Bold, RasterHeight::Size20)
        } else {
            (FontWeight::Regular, RasterHeight::Size16)
        };
        let letter_width = get_raster_width(weight, size);
        let length = text.chars().count() * letter_width;
        let mut left = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x.saturating_sub(length / 2),
            Anchor::End => x.saturating_sub(length),
        };
        let top = y.saturating_sub(size.val() / 2);
        for letter in text.chars() {
            let glyph = get_raster(letter, weight, size).or_else(|| get_raster('?', weight, size));
            for (row, line) in glyph.iter().flat_map(|glyph| glyph.raster().iter().enumerate()) {
                for (column, &intensity) in line.iter().enumerate() {
                    self.blend(left + column, top + row, TEXT, f32::from(intensity) / 255.0);
                }
            }
            left += letter_width;
        }
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<u8>> {
        png(self.width, &self.pixels)
    }
}

/// The colour of letters.
const TEXT: Colour = [0x33, 0x36, 0x3d];

/// A vector image, in which only the spectrogram is made of pixels.
pub(super) struct Svg {
    document: String,
}

impl Svg {
    pub(super) fn new(width: usize, height: usize, background: Colour) -> Self {
        let mut document = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Noto Sans Mono, DejaVu Sans Mono, monospace\" \
             fill=\"{}\">\n",
            hex(TEXT)
        );
        let _ =
            writeln!(document, "<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>", hex(background));
        Self { document }
    }
}

impl Canvas for Svg {
    fn rectangle(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        let _ = writeln!(
            self.document,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{}\" shape-rendering=\"crispEdges\"/>",
            hex(colour)
        );
    }

    fn columns(&mut self, x: usize, columns: &[Option<(f32, f32)>], colour: Colour) {
        let mut path = String::new();
        for (index, column) in columns.iter().enumerate() {
            if let Some((top, bottom)) = column {
                let _ = write!(path, "M{} {top:.1}V{bottom:.1}", (x + index) as f32 + 0.5);
            }
        }
        if !path.is_empty() {
            let _ = writeln!(self.document, "<path d=\"{path}\" stroke=\"{}\" fill=\"none\"/>", hex(colour));
        }
    }

    fn image(&mut self, x: usize, y: usize, width: usize, pixels: &[Colour]) {
        let height = pixels.len() / width.max(1);
        // Pixels that are all there can be encoded.
        let Ok(png) = png(width, pixels) else { return };
        let _ = writeln!(
            self.document,
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
             href=\"data:image/png;base64,{}\"/>",
            STANDARD.encode(png)
        );
    }

    fn text(&mut self, x: usize, y: usize, anchor: Anchor, title: bool, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let style = if title { "font-size=\"17\" font-weight=\"bold\"" } else { "font-size=\"13\"" };
        let _ = writeln!(
            self.document,
            "<text x=\"{x}\" y=\"{y}\" dy=\"0.35em\" text-anchor=\"{anchor}\" {style} xml:space=\"preserve\">{}</text>",
            escaped(text)
        );
    }

    fn finish(mut self: Box<Self>) -> io::Result<Vec<u8>> {
        self.document += "</svg>\n";
        Ok(self.document.into_bytes())
    }
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text as XML can hold it: what a file is called must not end the element.
fn escaped(text: &str) -> String {
    let mut result = String::new();
    for letter in text.chars() {
        match letter {
            '&' => result += "&amp;",
            '<' => result += "&lt;",
            '>' => result += "&gt;",
            '"' => result += "&quot;",
            _ if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => result.push('\u{fffd}'),
            _ => result.push(letter),
        }
    }
    result
}

fn png(width: usize, pixels: &[Colour]) -> io::Result<Vec<u8>> {
    let side = |length: usize| u32::try_from(length).map_err(io::Error::other);
    let height = pixels.len() / width.max(1);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels.as_flattened())?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_document() {
        assert_eq!(escaped("a<b>&\"\u{1b}"), "a&lt;b&gt;&amp;&quot;\u{fffd}");
    }

    #[test]
    fn drawing_beyond_the_edge_is_left_out() {
        let mut raster = Raster::new(10, 10, [0; 3]);
        raster.rectangle(8, 8, 10, 10, [9; 3]);
        raster.text(9, 9, Anchor::Start, true, "Äß漢");
        raster.columns(9, &[Some((-5.0, 50.0)), Some((0.0, 1.0))], [7; 3]);
        raster.image(9, 9, 2, &[[1; 3]; 4]);
        assert_eq!(raster.pixels[0], [0; 3]);
    }
}
