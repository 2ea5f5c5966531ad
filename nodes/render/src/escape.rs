//! Escaping of values for each format.

use std::fmt::{self, Write};

/// Writes `value` as one line of text: runs of white space and control characters become one space, and bidirectional
/// control characters are dropped. A value can therefore neither start a new line (of a header or a log) nor disguise
/// the text after it.
pub fn write_text(out: &mut dyn Write, value: &str) -> fmt::Result {
    let mut pending = false;
    let mut started = false;
    for character in value.chars() {
        if is_bidi_control(character) {
            continue;
        }
        if is_break(character) {
            pending = started;
            continue;
        }
        if std::mem::take(&mut pending) {
            out.write_char(' ')?;
        }
        started = true;
        out.write_char(character)?;
    }
    Ok(())
}

/// Writes `value` as literal text for Markdown: one line, with a backslash before every ASCII punctuation character,
/// which CommonMark allows everywhere except in code.
pub fn write_markdown(out: &mut dyn Write, value: &str) -> fmt::Result {
    struct Backslashes<'a>(&'a mut dyn Write);
    impl Write for Backslashes<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.chars().try_for_each(|character| self.write_char(character))
        }

        fn write_char(&mut self, character: char) -> fmt::Result {
            if character.is_ascii_punctuation() {
                self.0.write_char('\\')?;
            }
            self.0.write_char(character)
        }
    }
    write_text(&mut Backslashes(out), value)
}

/// As [`write_text`], returning a string.
pub fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    write_text(&mut out, value).expect("writing to a string cannot fail");
    out
}

/// As [`write_markdown`], returning a string.
pub fn markdown(value: &str) -> String {
    let mut out = String::with_capacity(value.len() * 2);
    write_markdown(&mut out, value).expect("writing to a string cannot fail");
    out
}

/// White space except no-break spaces, and control characters.
fn is_break(character: char) -> bool {
    character.is_control() || (character.is_whitespace() && !matches!(character, '\u{a0}' | '\u{202f}'))
}

/// Unicode bidirectional control characters.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_line() {
        for (value, expect) in [
            ("Łukasz Żółć", "Łukasz Żółć"),
            ("a\r\nBcc: b@c", "a Bcc: b@c"),
            ("  a\t\u{2028} b\u{0}\u{85}c  ", "a b c"),
            ("\u{202e}gnp.exe\u{2069}", "gnp.exe"),
            ("PLN\u{a0}5", "PLN\u{a0}5"),
            ("\n\n", ""),
        ] {
            assert_eq!(text(value), expect, "{value:?}");
        }
    }

    #[test]
    fn markdown_syntax_is_escaped() {
        for (value, expect) in [
            ("# Title", "\\# Title"),
            ("    code", "code"),
            ("a\n\n- b", "a \\- b"),
            ("[x](http://y)", "\\[x\\]\\(http\\:\\/\\/y\\)"),
            ("1. <b>*|`~", "1\\. \\<b\\>\\*\\|\\`\\~"),
            ("===", "\\=\\=\\="),
            ("back\\slash", "back\\\\slash"),
        ] {
            assert_eq!(markdown(value), expect, "{value:?}");
        }
    }
}
