//! Tables: columns sized by content, right-aligned numbers, a rule above totals, repeated headers on each page.

use super::DrawError;
use super::blocks::{Cell, Inline, Table, all_bold};
use super::flow::{self, Line, Look};
use super::sheet::Sheet;
use super::style::{BODY, BOTTOM, Font, Ink, LEADING, SMALL};

/// The space between columns.
const GAP: f32 = 16.0;
/// The space above and below the text of a row.
const PAD: f32 = 3.6;

const TEXT: Look = Look { size: BODY, ink: Ink::Dark, font: Font::Regular };
const LABEL: Look = Look { size: BODY, ink: Ink::Quiet, font: Font::Regular };
const HEAD: Look = Look { size: SMALL, ink: Ink::Quiet, font: Font::Bold };

/// The positions of the columns.
struct Columns {
    x: f32,
    width: f32,
    widths: Vec<f32>,
    right: Vec<bool>,
    /// Whether it is a table of labels and values.
    facts: bool,
}

/// Sets a table from `x` to the right margin.
pub(super) fn table(sheet: &mut Sheet, table: &Table, x: f32) -> Result<(), DrawError> {
    let facts = table.head.iter().all(blank);
    if !facts {
        sheet.clear();
    }
    let width = sheet.room(x);
    let count = table.right.len().max(1);
    let widths = widths(table, facts, count, width - GAP * (count - 1) as f32);
    let columns = Columns { x, width, widths, right: table.right.clone(), facts };
    if !facts {
        sheet.need(4.0 * BODY * LEADING)?;
        header(sheet, &columns, &table.head)?;
    }
    for cells in &table.rows {
        row(sheet, &columns, table, cells)?;
    }
    Ok(())
}

fn blank(cell: &Cell) -> bool {
    cell.iter().all(|inline| match inline {
        Inline::Text(span) => span.text.trim().is_empty(),
        Inline::Break => true,
    })
}

impl Columns {
    fn look(&self, column: usize) -> Look {
        if self.facts && column.is_multiple_of(2) { LABEL } else { TEXT }
    }

    fn set(&self, cells: &[Cell], look: impl Fn(usize) -> Look) -> Vec<Vec<Line>> {
        let none = Cell::new();
        let cells = self
            .widths
            .iter()
            .enumerate()
            .map(|(column, width)| flow::lines(cells.get(column).unwrap_or(&none), look(column), *width));
        cells.collect()
    }

    /// Sets one line of each cell with its baseline at `y`.
    fn place(&self, sheet: &mut Sheet, cells: &[Vec<Line>], line: usize, y: f32) {
        let mut x = self.x;
        for (column, lines) in cells.iter().enumerate() {
            let width = self.widths[column];
            if let Some(line) = lines.get(line) {
                let shift = if self.right[column] { width - line.width } else { 0.0 };
                sheet.line(line, x + shift, y);
            }
            x += width + GAP;
        }
    }
}

fn header(sheet: &mut Sheet, columns: &Columns, head: &[Cell]) -> Result<(), DrawError> {
    let cells = columns.set(head, |_| HEAD);
    let leading = SMALL * LEADING;
    let tallest = cells.iter().map(Vec::len).max().unwrap_or(1).min(6);
    for line in 0..tallest {
        sheet.y += leading;
        columns.place(sheet, &cells, line, sheet.y - leading * 0.28);
    }
    sheet.y += 3.0;
    sheet.rule(columns.x, columns.width, 0.8, Ink::Quiet);
    sheet.y += 0.8;
    Ok(())
}

fn row(sheet: &mut Sheet, columns: &Columns, table: &Table, cells: &[Cell]) -> Result<(), DrawError> {
    let sum = !columns.facts && all_bold(cells);
    let set = columns.set(cells, |column| columns.look(column));
    let leading = BODY * LEADING;
    let pad = if columns.facts { 1.6 } else { PAD };
    let tallest = set.iter().map(Vec::len).max().unwrap_or(1);
    let height = tallest as f32 * leading + 2.0 * pad;
    // A row is not split unless it fills much of a page.
    let together = if height < (BOTTOM - sheet.top) / 2.0 { height } else { leading + 2.0 * pad };
    let again = |sheet: &mut Sheet, room: f32| -> Result<(), DrawError> {
        if sheet.y + room > BOTTOM {
            sheet.new_page()?;
            if !columns.facts {
                header(sheet, columns, &table.head)?;
            }
        }
        Ok(())
    };
    again(sheet, together)?;
    if sum {
        sheet.rule(columns.x, columns.width, 0.8, Ink::Dark);
        sheet.y += 1.6;
    }
    sheet.y += pad;
    for line in 0..tallest {
        again(sheet, leading)?;
        sheet.y += leading;
        columns.place(sheet, &set, line, sheet.y - leading * 0.28);
    }
    sheet.y += pad;
    if !columns.facts {
        sheet.rule(columns.x, columns.width, 0.4, Ink::Rule);
        sheet.y += 0.4;
    }
    Ok(())
}

/// Shares `room` out: what a column needs on one line if all fit, else in proportion, but never less than the longest
/// word where that is possible.
fn widths(table: &Table, facts: bool, count: usize, room: f32) -> Vec<f32> {
    let mut least = vec![0.0f32; count];
    let mut most = vec![0.0f32; count];
    for (number, cells) in std::iter::once(&table.head).chain(&table.rows).enumerate() {
        let look = if number == 0 { HEAD } else { TEXT };
        for (column, cell) in cells.iter().enumerate().take(count) {
            let whole = flow::lines(cell, look, f32::MAX);
            let natural = whole.iter().map(|line| line.width).fold(0.0, f32::max);
            most[column] = most[column].max(natural);
            // A single word may claim at most a quarter of the room.
            let words = flow::lines(cell, look, (room / 4.0).min(natural));
            let word = words.iter().map(|line| line.width).fold(0.0, f32::max);
            least[column] = least[column].max(word.min(room / count as f32));
        }
    }
    let (all_least, all_most) = (least.iter().sum::<f32>(), most.iter().sum::<f32>());
    if all_most <= room {
        let mut widths = most;
        // The rest goes to the first column, or to the last column in tables of labels and values.
        let takes = if facts { count - 1 } else { 0 };
        widths[takes] += room - all_most;
        return widths;
    }
    if all_least >= room || all_most <= all_least {
        return vec![room / count as f32; count];
    }
    let part = (room - all_least) / (all_most - all_least);
    least.iter().zip(&most).map(|(least, most)| least + (most - least) * part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::blocks::Span;

    fn cell(text: &str) -> Cell {
        vec![Inline::Text(Span { text: text.into(), ..Span::default() })]
    }

    #[test]
    fn columns_fill_the_room_exactly() {
        let long = "word ".repeat(60);
        for rows in [
            vec![vec![cell("Room"), cell("€5")]],
            vec![vec![cell(&long), cell("€5")]],
            vec![vec![cell(&long), cell(&long)]],
            vec![vec![cell(&"x".repeat(10_000)), cell(&"y".repeat(10_000))]],
        ] {
            let table = Table { right: vec![false, true], head: vec![cell("a"), cell("b")], rows };
            let widths = widths(&table, false, 2, 400.0);
            assert!((widths.iter().sum::<f32>() - 400.0).abs() < 0.1, "{widths:?}");
            assert!(widths.iter().all(|width| *width > 10.0), "{widths:?}");
        }
    }
}
