//! Grey pictures in a terminal: one character for two pixels, one above the other.

/// Brightness from which a pixel counts as set in block characters.
const THRESHOLD: f32 = 0.35;

/// From dark to bright, where block characters are not to be had.
const RAMP: &[u8] = b" .:-=+*#%@";

/// A picture as lines of `columns` characters.
///
/// `pixels` holds rows from the top, brightness 0 to 1. `border` pixels are cut off on every side.
pub(crate) fn lines(pixels: &[f32], columns: usize, border: usize, blocks: bool) -> Vec<String> {
    let rows = pixels.len() / columns;
    let at = |row: usize, column: usize| {
        if row < rows - border {
            pixels[row * columns + column]
        } else {
            0.0
        }
    };
    let character = |top: f32, bottom: f32| match (blocks, top >= THRESHOLD, bottom >= THRESHOLD) {
        (true, true, true) => '█',
        (true, true, false) => '▀',
        (true, false, true) => '▄',
        (true, false, false) => ' ',
        (false, ..) => {
            let brightness = (top + bottom).clamp(0.0, 2.0) / 2.0;
            char::from(RAMP[(brightness * (RAMP.len() - 1) as f32).round() as usize])
        }
    };
    (border..rows - border)
        .step_by(2)
        .map(|row| {
            (border..columns - border)
                .map(|column| character(at(row, column), at(row + 1, column)))
                .collect()
        })
        .collect()
}

/// Pictures of equal size next to each other, `gap` spaces apart.
pub(crate) fn beside(pictures: &[Vec<String>], gap: usize) -> Vec<String> {
    let height = pictures.iter().map(Vec::len).max().unwrap_or(0);
    let gap = " ".repeat(gap);
    (0..height)
        .map(|row| {
            let parts: Vec<&str> = pictures
                .iter()
                .map(|lines| lines.get(row).map_or("", String::as_str))
                .collect();
            parts.join(&gap).trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pixels_a_character() {
        let pixels = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0];
        assert_eq!(lines(&pixels, 4, 0, true), [" ▀▄█"]);
        assert_eq!(lines(&pixels, 4, 0, false), [" ++@"]);
        // An odd row is half empty, and NaN is dark.
        assert_eq!(lines(&[1.0, f32::NAN], 2, 0, true), ["▀ "]);
        assert_eq!(
            lines(&[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], 3, 1, true),
            ["▀"]
        );
    }

    #[test]
    fn pictures_stand_beside_each_other() {
        let (a, b) = (
            vec!["ab".to_owned(), "c ".to_owned()],
            vec!["x ".to_owned(), "y ".to_owned()],
        );
        assert_eq!(beside(&[a, b], 2), ["ab  x", "c   y"]);
    }
}
