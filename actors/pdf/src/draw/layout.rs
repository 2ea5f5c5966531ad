//! Lays out blocks on pages.

use super::DrawError;
use super::blocks::{Block, Inline};
use super::flow::{self, Look};
use super::head::Head;
use super::sheet::{Mark, Page, Sheet};
use super::style::{BODY, BOTTOM, FOOT, Font, Ink, LEADING, MARGIN, PAGE_WIDTH, QR, SMALL, TOP, WIDTH};
use super::table;

const TEXT: Look = Look { size: BODY, ink: Ink::Dark, font: Font::Regular };
const QUIET: Look = Look { size: SMALL, ink: Ink::Quiet, font: Font::Regular };
/// The indentation of lists and quotes.
const INDENT: f32 = 15.0;
/// The height of the banner.
const BANNER: f32 = 24.0;

/// Lays out a document.
pub(super) fn pages(head: &Head, blocks: &[Block], pages_max: usize) -> Result<Vec<Page>, DrawError> {
    let mut sheet = Sheet::new(pages_max);
    letterhead(&mut sheet, head);
    self::blocks(&mut sheet, blocks, MARGIN)?;
    let count = sheet.pages.len();
    for number in 1..=count {
        let mut page = std::mem::take(&mut sheet.pages[number - 1]);
        furniture(&mut page, head, number, count);
        sheet.pages[number - 1] = page;
    }
    Ok(sheet.pages)
}

/// Name and address on the left, kind and number of the document on the right.
fn letterhead(sheet: &mut Sheet, head: &Head) {
    let banner = if head.banner.is_empty() { 0.0 } else { 14.0 };
    sheet.top = TOP + banner;
    sheet.y = sheet.top;
    if [&head.letterhead, &head.label, &head.number].iter().all(|text| text.is_empty()) {
        return;
    }
    let left = WIDTH * 0.62;
    let mut y = sheet.y;
    let name = Look { size: 21.0, ink: Ink::Dark, font: Font::Serif };
    for line in flow::plain(&head.letterhead, name, left, 3) {
        y += 23.0;
        sheet.line(&line, MARGIN, y);
    }
    y += 4.0;
    for text in [&head.address, &head.contact].into_iter().filter(|text| !text.is_empty()) {
        for line in flow::plain(text, QUIET, left, 2) {
            y += SMALL * 1.5;
            sheet.line(&line, MARGIN, y);
        }
    }
    let right = WIDTH - left - 12.0;
    let mut beside = sheet.y + 12.0;
    for (text, look) in [
        (&head.label, Look { size: SMALL, ink: Ink::Quiet, font: Font::Regular }),
        (&head.number, Look { size: 9.5, ink: Ink::Green, font: Font::Bold }),
    ] {
        for line in flow::plain(text, look, right, 2).iter().filter(|line| !line.runs.is_empty()) {
            sheet.line(line, MARGIN + WIDTH - line.width, beside);
            beside += look.size * 1.5 + 3.0;
        }
    }
    sheet.y = y.max(beside) + 13.0;
    sheet.rule(MARGIN, WIDTH, 0.8, Ink::Green);
    sheet.y += 12.0;
    sheet.top += 26.0;
}

/// The parts of every page: banner, running head, footer and page number.
fn furniture(page: &mut Page, head: &Head, number: usize, count: usize) {
    let mut sheet = Sheet::new(1);
    if !head.banner.is_empty() {
        sheet.mark(Mark::Fill {
            x: 0.0,
            y: 0.0,
            width: PAGE_WIDTH,
            height: BANNER + 8.0,
            ink: Ink::OchreTint,
        });
        let look = Look { size: 8.4, ink: Ink::Ochre, font: Font::Bold };
        for line in flow::plain(&head.banner, look, WIDTH, 1) {
            sheet.line(&line, (PAGE_WIDTH - line.width) / 2.0, BANNER / 2.0 + 7.0);
        }
    }
    if number > 1 && !head.letterhead.is_empty() {
        let y = TOP + if head.banner.is_empty() { -6.0 } else { 8.0 };
        for line in flow::plain(&head.letterhead, QUIET, WIDTH * 0.6, 1) {
            sheet.line(&line, MARGIN, y);
        }
        for line in flow::plain(&head.number, QUIET, WIDTH * 0.35, 1) {
            sheet.line(&line, MARGIN + WIDTH - line.width, y);
        }
        sheet.mark(Mark::Fill { x: MARGIN, y: y + 7.0, width: WIDTH, height: 0.5, ink: Ink::Rule });
    }
    sheet.mark(Mark::Fill { x: MARGIN, y: FOOT - 14.0, width: WIDTH, height: 0.5, ink: Ink::Rule });
    for line in flow::plain(&head.footer, QUIET, WIDTH * 0.75, 1) {
        sheet.line(&line, MARGIN, FOOT);
    }
    for line in flow::plain(&format!("Page {number} of {count}"), QUIET, WIDTH, 1) {
        sheet.line(&line, MARGIN + WIDTH - line.width, FOOT);
    }
    // Drawn first, so that a screen reader begins with the letterhead on the first page.
    let text = std::mem::take(page);
    page.extend(sheet.pages.into_iter().flatten());
    page.splice(0..0, text);
}

fn blocks(sheet: &mut Sheet, blocks: &[Block], x: f32) -> Result<(), DrawError> {
    for block in blocks {
        match block {
            Block::Heading(level, inlines) => heading(sheet, *level, inlines, x)?,
            Block::Paragraph(inlines) => {
                text(sheet, inlines, TEXT, x)?;
                sheet.skip(BODY * 0.7);
            }
            Block::List { start, items } => list(sheet, *start, items, x)?,
            Block::Table(table) => {
                table::table(sheet, table, x)?;
                sheet.skip(12.0);
            }
            Block::Quote(inside) => quote(sheet, inside, x)?,
            Block::Code(lines) => code(sheet, lines, x)?,
            Block::Qr { data, caption } => qr(sheet, data, caption)?,
            Block::Rule => {
                sheet.clear();
                sheet.need(16.0)?;
                sheet.skip(6.0);
                sheet.rule(x, MARGIN + WIDTH - x, 0.5, Ink::Rule);
                sheet.y += 10.0;
            }
            Block::Page => sheet.new_page()?,
        }
    }
    Ok(())
}

/// Sets text line by line from `sheet.y` down.
fn text(sheet: &mut Sheet, inlines: &[Inline], look: Look, x: f32) -> Result<(), DrawError> {
    let leading = look.size * LEADING;
    let room = sheet.room(x);
    for line in flow::lines(inlines, look, room) {
        sheet.need(leading)?;
        sheet.y += leading;
        let baseline = sheet.y - leading * 0.28;
        sheet.line(&line, x, baseline);
    }
    Ok(())
}

fn heading(sheet: &mut Sheet, level: u8, inlines: &[Inline], x: f32) -> Result<(), DrawError> {
    let (look, before, after) = match level {
        1 => (Look { size: 19.0, ink: Ink::Dark, font: Font::Serif }, 10.0, 8.0),
        2 => (Look { size: 11.0, ink: Ink::Green, font: Font::Bold }, 14.0, 4.0),
        _ => (Look { size: BODY, ink: Ink::Dark, font: Font::Bold }, 8.0, 2.0),
    };
    if level == 2 {
        sheet.clear();
    }
    // A heading is kept together with the block after it.
    sheet.need(before + look.size * LEADING + after + 3.0 * BODY * LEADING)?;
    sheet.skip(before);
    text(sheet, inlines, look, x)?;
    sheet.y += after;
    Ok(())
}

fn list(sheet: &mut Sheet, start: Option<u64>, items: &[Vec<Block>], x: f32) -> Result<(), DrawError> {
    for (place, item) in items.iter().enumerate() {
        sheet.need(BODY * LEADING)?;
        let label = match start {
            Some(start) => format!("{}.", start.saturating_add(place as u64)),
            None => "•".to_owned(),
        };
        let look = Look { ink: Ink::Green, ..TEXT };
        let baseline = sheet.y + BODY * LEADING * 0.72;
        let mut wide = 0.0f32;
        for line in flow::plain(&label, look, 60.0, 1) {
            sheet.line(&line, x + 2.0, baseline);
            wide = line.width;
        }
        let at = sheet.y;
        blocks(sheet, item, x + INDENT.max(wide + 7.0))?;
        if sheet.y > at {
            sheet.y -= BODY * 0.4;
        } else if item.is_empty() {
            sheet.y += BODY * LEADING;
        }
    }
    sheet.skip(BODY * 0.6);
    Ok(())
}

/// Indented, with a bar on the left.
fn quote(sheet: &mut Sheet, inside: &[Block], x: f32) -> Result<(), DrawError> {
    sheet.need(BODY * LEADING)?;
    let (first, from) = (sheet.pages.len(), sheet.y);
    blocks(sheet, inside, x + INDENT)?;
    let (last, to) = (sheet.pages.len(), sheet.y - BODY * 0.5);
    for page in first..=last {
        let from = if page == first { from } else { sheet.top };
        let to = if page == last { to } else { BOTTOM };
        let height = (to - from).max(0.0);
        sheet.pages[page - 1].push(Mark::Fill { x, y: from + 1.0, width: 2.0, height, ink: Ink::Green });
    }
    sheet.skip(4.0);
    Ok(())
}

fn code(sheet: &mut Sheet, lines: &str, x: f32) -> Result<(), DrawError> {
    let look = Look { size: 8.2, ink: Ink::Dark, font: Font::Mono };
    let leading = look.size * 1.4;
    let room = sheet.room(x);
    for row in lines.split('\n') {
        for line in flow::plain(row, look, room - 16.0, usize::MAX) {
            sheet.need(leading)?;
            let y = sheet.y;
            sheet.mark(Mark::Fill { x, y, width: room, height: leading + 0.2, ink: Ink::Tint });
            sheet.line(&line, x + 8.0, y + leading * 0.72);
            sheet.y += leading;
        }
    }
    sheet.skip(8.0);
    Ok(())
}

/// Aligned right; the blocks that follow are set beside it.
fn qr(sheet: &mut Sheet, data: &str, caption: &str) -> Result<(), DrawError> {
    let code = qrcode::QrCode::new(data).map_err(|_| DrawError::Qr)?;
    sheet.clear();
    let caption = flow::plain(caption, QUIET, QR + 16.0, 3);
    let height = QR + caption.len() as f32 * SMALL * 1.4 + 8.0;
    sheet.need(height)?;
    let x = MARGIN + WIDTH - QR;
    let top = sheet.y + 10.0;
    let modules = code.to_colors().into_iter().map(|color| color == qrcode::Color::Dark).collect();
    sheet.mark(Mark::Qr { x, y: top, side: QR, modules, across: code.width() });
    let mut y = top + QR + 3.0;
    for line in caption {
        y += SMALL * 1.4;
        sheet.line(&line, x + (QR - line.width) / 2.0, y);
    }
    sheet.beside = Some((y + 14.0, QR + 30.0));
    Ok(())
}
