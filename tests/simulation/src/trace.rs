//! What happened, as far as anybody wants to read it.

use std::collections::VecDeque;

/// Characters of a line.
const CHARS_MAX: usize = 320;

/// The last things that happened.
#[derive(Debug, Default)]
pub struct Trace {
    step: usize,
    lines_max: usize,
    lines: VecDeque<String>,
}

impl Trace {
    /// So many lines are kept.
    pub fn new(lines_max: usize) -> Self {
        Self { lines_max, ..Self::default() }
    }

    /// Another step begins.
    pub fn step(&mut self, step: usize) {
        self.step = step;
    }

    /// Something happened.
    pub fn note(&mut self, what: impl std::fmt::Display) {
        if self.lines_max == 0 {
            return;
        }
        let line: String = format!("{:>4} {what}", self.step).chars().take(CHARS_MAX).collect();
        if self.lines.len() == self.lines_max {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// All of it.
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
