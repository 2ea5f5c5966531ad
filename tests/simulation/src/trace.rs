//! The trace of a run: its last lines.

use std::collections::VecDeque;

/// The most characters of a line.
const CHARS_MAX: usize = 320;

/// The last events of a run.
#[derive(Debug, Default)]
pub struct Trace {
    step: usize,
    lines_max: usize,
    lines: VecDeque<String>,
}

impl Trace {
    /// Keeps the last `lines_max` lines.
    pub fn new(lines_max: usize) -> Self {
        Self { lines_max, ..Self::default() }
    }

    /// Starts a step.
    pub fn step(&mut self, step: usize) {
        self.step = step;
    }

    /// Records an event.
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

    /// All lines that are kept.
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
