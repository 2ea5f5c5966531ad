//! How a value is made harmless in each format.

use std::fmt::{self, Write};

/// Writes `value` as one line of text: runs of white space and control characters become one space, and characters
/// that turn the reading direction around are dropped, so that a value can neither start a line (of a header, of a
/// log) nor dress up what follows it.
pub fn write_text(out: &mut dyn Write, value: &str) -> fmt::Result {
    let mut pending = false;
    let mut started = false;
    for character in value.chars() {
        if turns_around(character) {
            continue;
        }
        if breaks(character) {
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

/// Writes `value` as text that Markdown takes literally: one line, and a backslash before every character of ASCII
/// punctuation, which CommonMark allows anywhere but in code.
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

/// As [`write_text`].
pub fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    write_text(&mut out, value).expect("strings take everything");
    out
}

/// As [`write_markdown`].
pub fn markdown(value: &str) -> String {
    let mut out = String::with_capacity(value.len() * 2);
    write_markdown(&mut out, value).expect("strings take everything");
    out
}

/// White space but the no-break kinds, and control characters.
fn breaks(character: char) -> bool {
    character.is_control() || (character.is_whitespace() && !matches!(character, '\u{a0}' | '\u{202f}'))
}

/// Unicode's bidirectional controls.
fn turns_around(character: char) -> bool {
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
    fn markdown_is_taken_literally() {
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
