//! Draws pages with pdf-canvas, in memory.

use std::fs::File;
use std::io::{self, Read, Seek};

use pdf_canvas::{Canvas, Pdf};

use super::outline::hundredths;
use super::sheet::{Mark, Page};
use super::style::{Font, Ink, PAGE_HEIGHT, PAGE_WIDTH};

/// Marks text that [`super::finish`] replaces by outlines. A control character, which no text of a document contains.
pub(super) const STAND_IN: char = '\u{81}';

/// The file that the library writes.
pub(super) fn pages(pages: &[Page]) -> io::Result<Vec<u8>> {
    let file = memory()?;
    let mut written = file.try_clone()?;
    let mut pdf = Pdf::new(file)?;
    for page in pages {
        pdf.render_page(PAGE_WIDTH, PAGE_HEIGHT, |canvas| paint(canvas, page))?;
    }
    pdf.finish()?;
    let mut bytes = Vec::new();
    written.rewind()?;
    written.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The library writes to files only; this file is in memory and has no name.
#[cfg(target_os = "linux")]
fn memory() -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create("document", rustix::fs::MemfdFlags::CLOEXEC)?))
}

/// The same on systems without files in memory.
#[cfg(not(target_os = "linux"))]
fn memory() -> io::Result<File> {
    tempfile::tempfile()
}

fn paint(canvas: &mut Canvas<'_>, page: &Page) -> io::Result<()> {
    let mut ink = None;
    let mut outlined_before = 0;
    let mut dip = |canvas: &mut Canvas<'_>, wanted: Ink| {
        if ink == Some(wanted) {
            return Ok(());
        }
        ink = Some(wanted);
        canvas.set_fill_color(wanted.color())
    };
    for mark in page {
        match mark {
            Mark::Text { x, y, text, font, size, ink, outlined, .. } => {
                dip(canvas, *ink)?;
                let (x, y, size) = (hundredths(*x), hundredths(PAGE_HEIGHT - y), hundredths(*size));
                if *outlined {
                    let stand_in = format!("{STAND_IN}{outlined_before}");
                    canvas.left_text(x, y, Font::Regular.builtin(), size, &stand_in)?;
                    outlined_before += 1;
                } else {
                    let text = text.replace(['\u{a0}', '\u{202f}'], " ");
                    canvas.left_text(x, y, font.builtin(), size, &text)?;
                }
            }
            Mark::Fill { x, y, width, height, ink } => {
                dip(canvas, *ink)?;
                rectangle(canvas, *x, *y, *width, *height)?;
                canvas.fill()?;
            }
            Mark::Qr { x, y, side, modules, across } => {
                dip(canvas, Ink::Dark)?;
                qr(canvas, (*x, *y), *side, modules, *across)?;
            }
            // Links are written with the page, not drawn.
            Mark::Link { .. } => {}
        }
    }
    Ok(())
}

fn rectangle(canvas: &mut Canvas<'_>, x: f32, y: f32, width: f32, height: f32) -> io::Result<()> {
    let (left, right) = (hundredths(x), hundredths(x + width));
    let (bottom, top) = (hundredths(PAGE_HEIGHT - y - height), hundredths(PAGE_HEIGHT - y));
    canvas.rectangle(left, bottom, hundredths(right - left), hundredths(top - bottom))
}

/// One rectangle for each run of dark modules in a row, and one fill for all.
fn qr(canvas: &mut Canvas<'_>, at: (f32, f32), side: f32, modules: &[bool], across: usize) -> io::Result<()> {
    let module = side / across as f32;
    for (down, row) in modules.chunks(across).enumerate() {
        let mut from = 0;
        while let Some(start) = row[from..].iter().position(|dark| *dark).map(|place| from + place) {
            let end = row[start..].iter().position(|dark| !dark).map_or(across, |place| start + place);
            let (x, y) = (at.0 + start as f32 * module, at.1 + down as f32 * module);
            rectangle(canvas, x, y, (end - start) as f32 * module, module)?;
            from = end;
        }
    }
    canvas.fill()
}
