//! QR codes as one path.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, as ISO/IEC 18004 wants them.
const QUIET: usize = 4;

/// The code of some text; none when it is longer than a code holds.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, colours) = (code.width(), code.to_colors());
    let size = width + 2 * QUIET;
    let mut path = String::with_capacity(8_000);
    for (row, line) in colours.chunks(width).enumerate() {
        let mut column = 0;
        while column < width {
            let run = line[column..].iter().take_while(|colour| **colour == Color::Dark).count();
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", column + QUIET, row + QUIET);
            }
            column += run.max(1);
        }
    }
    Some(format!(
        concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {0}" width="{0}" height="{0}" shape-rendering="crispEdges">"##,
            r##"<rect width="{0}" height="{0}" fill="#fff"/><path d="{1}" fill="#000"/></svg>"##
        ),
        size, path
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_fits_is_drawn() {
        let drawn = super::svg("https://inn.example/bookings/rsv_0123?key=abcdefgh").unwrap();
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>") && drawn.len() < 20_000);
        assert_eq!(super::svg(&"x".repeat(5_000)), None);
    }
}
