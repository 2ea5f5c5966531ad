//! Parses Markdown into blocks.

use pulldown_cmark::{Alignment, CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use unicode_normalization::UnicodeNormalization;

use super::DrawError;
use super::blocks::{Block, Cell, Inline, Span, Table};
use super::head::unescaped;

/// The deepest nesting of lists and quotes.
const DEPTH_MAX: usize = 10;
/// The most columns of a table.
const COLUMNS_MAX: usize = 12;

/// Parses the text of a document.
pub(super) fn blocks(markdown: &str) -> Result<Vec<Block>, DrawError> {
    let mut reader = Reader { frames: vec![Frame::Blocks(Vec::new())], ..Reader::default() };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        reader.take(event)?;
    }
    reader.end_paragraph();
    match reader.frames.pop() {
        Some(Frame::Blocks(blocks)) => Ok(blocks),
        Some(Frame::List { .. }) | None => Ok(Vec::new()),
    }
}

/// An open container of blocks.
enum Frame {
    Blocks(Vec<Block>),
    List { start: Option<u64>, items: Vec<Vec<Block>> },
}

#[derive(Default)]
struct Reader {
    frames: Vec<Frame>,
    inlines: Vec<Inline>,
    bold: usize,
    italic: usize,
    link: Option<String>,
    /// The language and text of an open code block.
    code: Option<(String, String)>,
    table: Table,
    row: Vec<Cell>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), DrawError> {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                match &mut self.code {
                    Some((_, code)) => code.push_str(&text),
                    None => self.text(&text, false),
                }
                Ok(())
            }
            Event::Code(text) => {
                self.text(&unescaped(&text), true);
                Ok(())
            }
            Event::SoftBreak => {
                self.text(" ", false);
                Ok(())
            }
            Event::HardBreak => {
                self.inlines.push(Inline::Break);
                Ok(())
            }
            Event::Rule => {
                self.put(Block::Rule);
                Ok(())
            }
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => Ok(()),
        }
    }

    fn start(&mut self, tag: Tag<'_>) -> Result<(), DrawError> {
        match tag {
            Tag::BlockQuote(_) => {
                self.end_paragraph();
                self.open(Frame::Blocks(Vec::new()))?;
            }
            Tag::List(start) => {
                self.end_paragraph();
                self.open(Frame::List { start, items: Vec::new() })?;
            }
            Tag::Item => self.open(Frame::Blocks(Vec::new()))?,
            Tag::CodeBlock(kind) => {
                self.end_paragraph();
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.trim().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::Table(alignments) => {
                self.end_paragraph();
                if alignments.len() > COLUMNS_MAX {
                    return Err(DrawError::TooManyColumns(COLUMNS_MAX));
                }
                let right = alignments.iter().map(|alignment| *alignment == Alignment::Right).collect();
                self.table = Table { right, ..Table::default() };
            }
            Tag::TableHead | Tag::TableRow => self.row.clear(),
            Tag::Strong => self.bold += 1,
            Tag::Emphasis => self.italic += 1,
            Tag::Link { dest_url, .. } => self.link = link(&dest_url),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), DrawError> {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.end_paragraph(),
            TagEnd::Heading(level) => {
                let inlines = std::mem::take(&mut self.inlines);
                self.put(Block::Heading(level as u8, inlines));
            }
            TagEnd::BlockQuote(_) => {
                self.end_paragraph();
                if let Some(Frame::Blocks(blocks)) = self.frames.pop() {
                    self.put(Block::Quote(blocks));
                }
            }
            TagEnd::Item => {
                self.end_paragraph();
                if let Some(Frame::Blocks(blocks)) = self.frames.pop()
                    && let Some(Frame::List { items, .. }) = self.frames.last_mut()
                {
                    items.push(blocks);
                }
            }
            TagEnd::List(_) => {
                if let Some(Frame::List { start, items }) = self.frames.pop() {
                    self.put(Block::List { start, items });
                }
            }
            TagEnd::CodeBlock => self.end_code()?,
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.inlines)),
            TagEnd::TableHead => self.table.head = std::mem::take(&mut self.row),
            TagEnd::TableRow => self.table.rows.push(std::mem::take(&mut self.row)),
            TagEnd::Table => {
                let table = std::mem::take(&mut self.table);
                self.put(Block::Table(table));
            }
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::Link => self.link = None,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, frame: Frame) -> Result<(), DrawError> {
        // Each list takes two frames: its own, and its item's.
        if self.frames.len() > 2 * DEPTH_MAX {
            return Err(DrawError::TooDeep);
        }
        self.frames.push(frame);
        Ok(())
    }

    fn put(&mut self, block: Block) {
        match self.frames.last_mut() {
            Some(Frame::Blocks(blocks)) => blocks.push(block),
            Some(Frame::List { items, .. }) => items.push(vec![block]),
            None => {}
        }
    }

    fn end_paragraph(&mut self) {
        if !self.inlines.is_empty() {
            let inlines = std::mem::take(&mut self.inlines);
            self.put(Block::Paragraph(inlines));
        }
    }

    fn end_code(&mut self) -> Result<(), DrawError> {
        let Some((language, text)) = self.code.take() else { return Ok(()) };
        match language.as_str() {
            "qr" => {
                let text = unescaped(&text);
                let (data, caption) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
                if data.trim().is_empty() {
                    return Err(DrawError::Qr);
                }
                let caption = sanitised(&caption.replace('\n', " "));
                self.put(Block::Qr { data: data.trim().to_owned(), caption });
            }
            "page" => self.put(Block::Page),
            _ => {
                let lines: Vec<String> = unescaped(&text).lines().map(sanitised).collect();
                self.put(Block::Code(lines.join("\n")));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str, code: bool) {
        let text = sanitised(text);
        let span = Span { text, bold: self.bold > 0, italic: self.italic > 0, code, link: self.link.clone() };
        // Escaped punctuation arrives in pieces; pieces of the same style are joined.
        if let Some(Inline::Text(last)) = self.inlines.last_mut()
            && (last.bold, last.italic, last.code, &last.link)
                == (span.bold, span.italic, span.code, &span.link)
        {
            last.text.push_str(&span.text);
        } else if !span.text.is_empty() {
            self.inlines.push(Inline::Text(span));
        }
    }
}

/// Whether a link destination is allowed.
fn link(destination: &str) -> Option<String> {
    let allowed =
        ["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| destination.starts_with(scheme));
    (allowed && destination.len() <= 2000 && !destination.chars().any(char::is_control))
        .then(|| destination.to_owned())
}

/// Unicode NFC, without control characters, invisible characters and changes of direction.
pub(super) fn sanitised(text: &str) -> String {
    let plain = |c: char| ('\u{20}'..'\u{7f}').contains(&c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    let hidden = |c: &char| !matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}');
    text.nfc().filter(hidden).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_stays_whole_and_literal() {
        let read = blocks(r"a \*b\* \<script\> \[x\]\(y\) **bold**").expect("read");
        let [Block::Paragraph(inlines)] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(inlines.len(), 2, "{inlines:?}");
        let Inline::Text(span) = &inlines[0] else { panic!("{inlines:?}") };
        assert_eq!(span.text, "a *b* <script> [x](y) ");
    }

    #[test]
    fn links_go_to_the_web_only() {
        for (destination, expect) in
            [("https://x.example", true), ("javascript:alert(1)", false), ("file:///etc", false)]
        {
            assert_eq!(link(destination).is_some(), expect, "{destination}");
        }
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(blocks(&">".repeat(5000)), Err(DrawError::TooDeep));
        assert!(blocks(&format!("{}x", "> ".repeat(9))).is_ok());
        let wide = format!("{}|\n{}|\n", "|a".repeat(13), "|-".repeat(13));
        assert_eq!(blocks(&wide), Err(DrawError::TooManyColumns(12)));
        assert_eq!(blocks("```qr\n\n```\n"), Err(DrawError::Qr));
    }

    #[test]
    fn text_is_composed_and_visible() {
        assert_eq!(sanitised("e\u{301}\u{202e}x\u{0}y\u{200b}"), "éx y");
    }
}
