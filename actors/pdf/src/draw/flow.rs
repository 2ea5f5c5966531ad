//! Line breaking.

use super::blocks::Inline;
use super::fonts;
use super::style::{Font, Ink};

/// The style of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub size: f32,
    pub ink: Ink,
    /// The font of text that is not bold, italic or code.
    pub font: Font,
}

/// Text of one style on one line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// The distance from the left end of the line, in points.
    pub x: f32,
    pub width: f32,
    pub text: String,
    pub font: Font,
    pub size: f32,
    pub ink: Ink,
    /// Whether it is drawn as outlines, because PDF readers have no font for it.
    pub outlined: bool,
    pub link: Option<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Line {
    pub runs: Vec<Run>,
    pub width: f32,
}

/// Breaks text into lines of at most `width`. There is at least one line.
pub(super) fn lines(inlines: &[Inline], look: Look, width: f32) -> Vec<Line> {
    let mut flow = Flow { lines: vec![Line::default()], room: width.max(look.size), gap: 0.0 };
    for inline in inlines {
        match inline {
            Inline::Break => flow.end_line(),
            Inline::Text(span) => {
                let font = match (span.code, span.bold, span.italic) {
                    (true, ..) => Font::Mono,
                    (false, true, true) => Font::BoldItalic,
                    (false, true, false) => Font::Bold,
                    (false, false, true) => Font::Italic,
                    (false, false, false) => look.font,
                };
                // A span is drawn in one way: a single letter without a standard font turns the whole span into outlines.
                let outlined = !fonts::is_latin(&span.text);
                let ink = if span.link.is_some() { Ink::Green } else { look.ink };
                let run = Run {
                    x: 0.0,
                    width: 0.0,
                    text: String::new(),
                    font,
                    size: look.size,
                    ink,
                    outlined,
                    link: span.link.clone(),
                };
                flow.text(&span.text, &run);
            }
        }
    }
    flow.lines
}

/// Like [`lines`], for text of one style, truncated after `most` lines.
pub(super) fn plain(text: &str, look: Look, width: f32, most: usize) -> Vec<Line> {
    let span = super::blocks::Span { text: super::parse::sanitised(text), ..Default::default() };
    let mut lines = lines(&[Inline::Text(span)], look, width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            cut(last, width);
        }
    }
    lines
}

/// Ends a line with an ellipsis, within `width`.
fn cut(line: &mut Line, width: f32) {
    let Some(run) = line.runs.last_mut() else { return };
    loop {
        run.text.pop();
        let text = format!("{}…", run.text.trim_end());
        run.width = fonts::width(run.font, run.size, &text, run.outlined);
        if run.x + run.width <= width || run.text.is_empty() {
            line.width = run.x + run.width;
            run.text = text;
            return;
        }
    }
}

struct Flow {
    lines: Vec<Line>,
    room: f32,
    /// The white space before the next word, in points.
    gap: f32,
}

impl Flow {
    fn line(&mut self) -> &mut Line {
        self.lines.last_mut().expect("never without a line")
    }

    fn end_line(&mut self) {
        self.gap = 0.0;
        self.lines.push(Line::default());
    }

    fn text(&mut self, text: &str, run: &Run) {
        let measure = |text: &str| fonts::width(run.font, run.size, text, run.outlined);
        let space = measure(" ");
        for word in text.split_inclusive(' ') {
            let bare = word.trim_end_matches(' ');
            if !bare.is_empty() {
                let width = measure(bare);
                if width <= self.room {
                    self.word(bare, width, space, run);
                } else {
                    self.long_word(bare, space, run);
                }
            }
            if bare.len() < word.len() {
                self.gap = space;
            }
        }
    }

    fn word(&mut self, word: &str, width: f32, space: f32, run: &Run) {
        let room = self.room;
        if self.line().width > 0.0 && self.line().width + self.gap + width > room {
            self.end_line();
        }
        let gap = if self.line().width > 0.0 { std::mem::take(&mut self.gap) } else { 0.0 };
        self.gap = 0.0;
        let line = self.line();
        if let Some(last) = line.runs.last_mut()
            && (last.font, last.outlined, &last.link, last.ink)
                == (run.font, run.outlined, &run.link, run.ink)
            && (gap == 0.0 || gap == space)
        {
            if gap > 0.0 {
                last.text.push(' ');
            }
            last.text.push_str(word);
            last.width += gap + width;
        } else {
            // The space is text too, so that whoever copies the line gets it; it belongs to the font that it is as
            // wide as.
            let (mut x, mut wide, mut text) = (line.width, width, word.to_owned());
            if gap == space {
                wide += gap;
                text.insert(0, ' ');
            } else if gap > 0.0 {
                x += gap;
                if let Some(last) = line.runs.last_mut() {
                    last.text.push(' ');
                    last.width += gap;
                }
            }
            line.runs.push(Run { x, width: wide, text, ..run.clone() });
        }
        line.width += gap + width;
    }

    /// Breaks a word that is longer than a line.
    fn long_word(&mut self, word: &str, space: f32, run: &Run) {
        let room = self.room;
        let mut part = String::new();
        let mut width = 0.0;
        for character in word.chars() {
            let wide = fonts::width(run.font, run.size, character.encode_utf8(&mut [0; 4]), run.outlined);
            if width + wide > room && !part.is_empty() {
                self.word(&part, width, space, run);
                part.clear();
                width = 0.0;
            }
            part.push(character);
            width += wide;
        }
        if !part.is_empty() {
            self.word(&part, width, space, run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::blocks::Span;

    const LOOK: Look = Look { size: 10.0, ink: Ink::Dark, font: Font::Regular };

    fn texts(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.runs.iter().map(|run| run.text.as_str()).collect()).collect()
    }

    fn span(text: &str) -> Inline {
        Inline::Text(Span { text: text.into(), ..Span::default() })
    }

    #[test]
    fn breaks_between_words_and_within_long_ones() {
        assert_eq!(texts(&lines(&[span("one two three")], LOOK, 40.0)), ["one two", "three"]);
        assert_eq!(texts(&lines(&[span("a"), Inline::Break, span("b")], LOOK, 40.0)), ["a", "b"]);
        let broken = lines(&[span(&"W".repeat(10_000))], LOOK, 100.0);
        assert!(broken.len() > 900 && broken.iter().all(|line| line.width <= 100.0), "{}", broken.len());
        assert_eq!(texts(&lines(&[], LOOK, 40.0)), [""]);
    }

    #[test]
    fn changes_of_style_keep_their_spaces() {
        let bold = Inline::Text(Span { text: "bold".into(), bold: true, ..Span::default() });
        let set = lines(&[span("some "), bold, span(" text")], LOOK, 400.0);
        assert_eq!(texts(&set), ["some bold text"]);
        assert_eq!(set[0].runs.len(), 3);
    }

    #[test]
    fn cuts_what_is_too_long() {
        let cut = plain("one two three", LOOK, 20.0, 2);
        assert_eq!(texts(&cut), ["one", "tw…"]);
    }
}
