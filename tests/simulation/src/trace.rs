//! What happened, as far as anybody wants to read it.

use std::collections::VecDeque;

/// Lines that are kept.
const LINES_MAX: usize = 120;
/// Characters of a line.
const CHARS_MAX: usize = 220;

/// The last things that happened.
#[derive(Debug, Default)]
pub struct Trace {
    step: usize,
    lines: VecDeque<String>,
}

impl Trace {
    /// Another step begins.
    pub fn step(&mut self, step: usize) {
        self.step = step;
    }

    /// Something happened.
    pub fn note(&mut self, what: impl std::fmt::Display) {
        let line: String = format!("{:>4} {what}", self.step).chars().take(CHARS_MAX).collect();
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// All of it.
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
