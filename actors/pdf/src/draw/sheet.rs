//! Pages, filled from top to bottom.

use super::DrawError;
use super::flow::{Line, Run};
use super::style::{BOTTOM, Font, Ink, MARGIN, TOP, WIDTH};

/// A mark on a page. Measures are in points from the top left corner; `y` is the baseline of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    Text { x: f32, y: f32, width: f32, text: String, font: Font, size: f32, ink: Ink, outlined: bool },
    Fill { x: f32, y: f32, width: f32, height: f32, ink: Ink },
    Qr { x: f32, y: f32, side: f32, modules: Vec<bool>, across: usize },
    Link { x: f32, y: f32, width: f32, height: f32, to: String },
}

/// The marks of a page in drawing order.
pub(super) type Page = Vec<Mark>;

/// The pages so far, and the next position on the last page.
pub(super) struct Sheet {
    pub pages: Vec<Page>,
    /// The next position, from the top of the page.
    pub y: f32,
    /// Where text begins on pages after the first.
    pub top: f32,
    /// The block on the right: its lower end and its width.
    pub beside: Option<(f32, f32)>,
    pages_max: usize,
}

impl Sheet {
    pub(super) fn new(pages_max: usize) -> Self {
        Self { pages: vec![Page::new()], y: TOP, top: TOP, beside: None, pages_max }
    }

    /// Adds a mark to the last page.
    pub(super) fn mark(&mut self, mark: Mark) {
        self.pages.last_mut().expect("never without a page").push(mark);
    }

    /// A thin rule at `y`.
    pub(super) fn rule(&mut self, x: f32, width: f32, thickness: f32, ink: Ink) {
        let y = self.y;
        self.mark(Mark::Fill { x, y, width, height: thickness, ink });
    }

    pub(super) fn new_page(&mut self) -> Result<(), DrawError> {
        if self.pages.len() >= self.pages_max {
            return Err(DrawError::TooManyPages(self.pages_max));
        }
        self.pages.push(Page::new());
        self.y = self.top;
        self.beside = None;
        Ok(())
    }

    /// Continues on the next page unless this much height is left.
    pub(super) fn need(&mut self, height: f32) -> Result<(), DrawError> {
        if self.y + height > BOTTOM && self.y > self.top { self.new_page() } else { Ok(()) }
    }

    /// Adds vertical space, except at the top of a page.
    pub(super) fn skip(&mut self, height: f32) {
        if self.y > self.top {
            self.y += height;
        }
    }

    /// Moves below the block on the right.
    pub(super) fn clear(&mut self) {
        if let Some((bottom, _)) = self.beside.take() {
            self.y = self.y.max(bottom);
        }
    }

    /// The available width from `x` on.
    pub(super) fn room(&mut self, x: f32) -> f32 {
        let all = MARGIN + WIDTH - x;
        match self.beside {
            Some((bottom, taken)) if self.y < bottom => all - taken,
            _ => all,
        }
    }

    /// Sets a line at `x` with its baseline at `y`.
    pub(super) fn line(&mut self, line: &Line, x: f32, y: f32) {
        for run in &line.runs {
            self.run(run, x + run.x, y);
        }
    }

    fn run(&mut self, run: &Run, x: f32, y: f32) {
        if let Some(to) = &run.link {
            let (y, height) = (y - run.size, run.size * 1.3);
            self.mark(Mark::Link { x, y, width: run.width, height, to: to.clone() });
        }
        let Run { width, font, size, ink, outlined, .. } = *run;
        self.mark(Mark::Text { x, y, width, text: run.text.clone(), font, size, ink, outlined });
    }
}
