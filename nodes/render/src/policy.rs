//! Restrictions on stored templates.
//!
//! Their authors may manage templates but not the server. Whatever builds values (and could double them until memory
//! is exhausted), refers to other templates or disables escaping is refused, with its line, before the engine parses
//! the template. What remains selects and formats: `{{ a.b[0]|filter }}`, `if`, `for`, `set` of one expression,
//! comparisons, `-`, `/` and `%`.

use crate::error::RenderError;

const STATEMENTS: [&str; 7] = ["if", "elif", "else", "endif", "for", "endfor", "set"];

/// Filters available in stored templates.
pub(crate) const FILTERS: [&str; 15] = [
    "money",
    "date",
    "datetime",
    "plural",
    "upper",
    "lower",
    "trim",
    "capitalize",
    "length",
    "count",
    "join",
    "default",
    "d",
    "abs",
    "first",
];

/// Tests available in stored templates.
pub(crate) const TESTS: [&str; 11] = [
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "mapping",
    "sequence",
    "true",
    "false",
    "odd",
    "even",
];

/// Keywords after which a bracket begins a list.
const OPERATORS: [&str; 9] = ["in", "if", "elif", "else", "and", "or", "not", "is", "set"];

/// Checks the tags of a template.
///
/// # Errors
/// The first construct that is not allowed.
pub(crate) fn check(source: &str) -> Result<(), RenderError> {
    let mut rest = source;
    let mut line = 1;
    while let Some(start) = next_tag(rest) {
        line += newlines(&rest[..start]);
        let kind = rest.as_bytes()[start + 1];
        let body = &rest[start + 2..];
        let length = if kind == b'#' {
            body.find("#}").map(|end| end + 2)
        } else {
            Some(tag(body, if kind == b'{' { "}}" } else { "%}" }, line)?)
        };
        // An unclosed comment extends to the end. The engine reports it.
        let Some(length) = length else { return Ok(()) };
        line += newlines(&body[..length]);
        rest = &body[length..];
    }
    Ok(())
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

fn next_tag(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes.windows(2).position(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

/// Checks one tag that begins at `body` (after the opening delimiter). Returns its length, including the closing
/// delimiter.
fn tag(body: &str, end: &str, line: u32) -> Result<usize, RenderError> {
    let mut line = line;
    let mut at = 0;
    // The character before a bracket decides whether it indexes or builds a list.
    let mut before = b' ';
    let mut words = Vec::new();
    let mut assigns = false;
    let bytes = body.as_bytes();
    loop {
        let Some(&byte) = bytes.get(at) else {
            return Err(RenderError::template(Some(line), format!("a tag without the closing `{end}`")));
        };
        if body[at..].starts_with(end) {
            break;
        }
        match byte {
            b'\n' => line += 1,
            b'"' | b'\'' => {
                let text = string_length(&bytes[at..]);
                let text = text.ok_or_else(|| RenderError::template(Some(line), "an unclosed string"))?;
                line += newlines(&body[at..at + text]);
                at += text;
                before = b'"';
                continue;
            }
            b'~' | b'+' | b'*' => return Err(refused(line, &format!("the operator `{}`", char::from(byte)))),
            b'{' => return Err(refused(line, "building a map")),
            b'[' if !(before.is_ascii_alphanumeric() || matches!(before, b'_' | b')' | b']')) => {
                return Err(refused(line, "building a list"));
            }
            b',' if end == "%}" && words.first() == Some(&"set") => {
                return Err(refused(line, "setting several names"));
            }
            b'=' => assigns = true,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let word = bytes[at..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                    .count();
                let word = &body[at..at + word];
                let called = body[at + word.len()..].trim_start().starts_with('(');
                if end == "}}" || !words.is_empty() {
                    check_name(word, before, &words, called).map_err(|what| refused(line, &what))?;
                } else if !STATEMENTS.contains(&word) {
                    return Err(refused(line, &format!("`{word}`")));
                }
                words.push(word);
                at += word.len();
                before = if OPERATORS.contains(&word) { b' ' } else { b'a' };
                continue;
            }
            byte if !byte.is_ascii() => {
                return Err(refused(line, "a character beyond ASCII outside a string"));
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        at += 1;
    }
    if end == "%}" {
        statement(&words, assigns, line)?;
    }
    Ok(at + end.len())
}

/// Checks that a filter, test or function is available, so that a misspelled name is reported when the template is
/// stored and not when a document is rendered.
fn check_name(word: &str, before: u8, words: &[&str], called: bool) -> Result<(), String> {
    let tested = match words {
        [.., "is"] => word != "not",
        [.., "is", "not"] => true,
        _ => false,
    };
    if before == b'|' {
        if FILTERS.contains(&word) { Ok(()) } else { Err(format!("the filter `{word}`")) }
    } else if tested {
        if TESTS.contains(&word) { Ok(()) } else { Err(format!("the test `{word}`")) }
    } else if called && before != b'.' && !OPERATORS.contains(&word) {
        Err(format!("the function `{word}`"))
    } else {
        Ok(())
    }
}

fn statement(words: &[&str], assigns: bool, line: u32) -> Result<(), RenderError> {
    match words.first() {
        None => Err(RenderError::template(Some(line), "an empty tag")),
        Some(&"set") if !assigns => Err(refused(line, "`set` of a block")),
        Some(&"for") if words.contains(&"recursive") => Err(refused(line, "a recursive loop")),
        Some(_) => Ok(()),
    }
}

fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let end = bytes.iter().skip(1).position(|byte| {
        let ends = !escaped && *byte == bytes[0];
        escaped = !escaped && *byte == b'\\';
        ends
    })?;
    Some(end + 2)
}

fn refused(line: u32, what: &str) -> RenderError {
    RenderError::template(Some(line), format!("{what} is not available in stored templates"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn selecting_and_formatting_is_allowed() {
        for source in [
            "plain { text } % {",
            "{{ a.b[0][\"c\"]|date('long') }} {# ~ + [ #}",
            "{%- for x in xs if x.y != 'a ~ b' -%}{{ loop.index - 1 }}{%- else %}{% endfor %}",
            "{% set x = a.b %}{% if x is defined and not (x < 3) %}{{ x }}{% elif y %}{% else %}{% endif %}",
            "{{ '}}' }}",
            "{% if not (a) and (b is not defined) and c in (d) %}{% endif %}{{ loop.cycle('a', 'b') | upper }}",
        ] {
            assert_eq!(check(source), Ok(()), "{source}");
        }
    }

    #[test]
    fn building_values_and_including_templates_is_refused_with_the_line() {
        for (source, line, word) in [
            ("\n\n{{ a ~ a }}", 3, "`~`"),
            ("{{ a + a }}", 1, "`+`"),
            ("{{ 'x' * 9 }}", 1, "`*`"),
            ("{{ a ** 9 }}", 1, "`*`"),
            ("{{ [a, a] }}", 1, "list"),
            ("{{ {'a': a} }}", 1, "map"),
            ("{% for x in [a] %}", 1, "list"),
            ("{% if not [a] == a %}", 1, "list"),
            ("{% set x = [a] %}", 1, "list"),
            ("{% include 'x' %}", 1, "`include`"),
            ("{% extends 'x' %}", 1, "`extends`"),
            ("{% import 'x' as y %}", 1, "`import`"),
            ("{% macro m() %}", 1, "`macro`"),
            ("{%- call m() %}", 1, "`call`"),
            ("{% raw %}", 1, "`raw`"),
            ("{% autoescape false %}", 1, "`autoescape`"),
            ("{% filter upper %}", 1, "`filter`"),
            ("{% block b %}", 1, "`block`"),
            ("{% with a = b %}", 1, "`with`"),
            ("{% do a() %}", 1, "`do`"),
            ("{% set x %}", 1, "`set`"),
            ("{% set a, b = x %}", 1, "several"),
            ("{% for x in y recursive %}", 1, "recursive"),
            ("{# c\n #}\n{{ 'a\n' }}{{ a ~ b }}", 4, "`~`"),
            ("{{ a|shell }}", 1, "`shell`"),
            ("{% if a is not divisibleby(3) %}", 1, "`divisibleby`"),
            ("{{ range(9) }}", 1, "`range`"),
            ("{{ a", 1, "closing"),
            ("{{ 'a }}", 1, "string"),
        ] {
            let error = check(source).expect_err(source);
            assert_eq!(error.line, Some(line), "{source}: {error}");
            assert!(error.reason.contains(word), "{source}: {error}");
        }
    }
}
