//! QR codes as SVG pictures.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// The QR code of a text, one unit a module, with the quiet zone of 4 modules that ISO/IEC 18004 requires. `None` if the
/// text is longer than a QR code can hold.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    Some(code.render::<svg::Color<'_>>().module_dimensions(1, 1).build())
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_that_fit_are_rendered_with_a_quiet_zone() {
        let picture = super::svg("https://inn.example/bookings/rsv_0123?key=abcdefgh").unwrap();
        assert!(picture.starts_with("<?xml ") && picture.ends_with("</svg>") && picture.len() < 20_000);
        // Version 4 has 33 modules a side. The first dark module follows 4 light ones on each side.
        assert!(picture.contains(r#"viewBox="0 0 41 41""#), "{picture}");
        assert!(picture.contains(r#"d="M4 4h1v1H4V4"#), "{picture}");
        assert_eq!(super::svg(&"x".repeat(5_000)), None);
    }
}
