//! The head of a document: its title, its sender, and the content of page header and footer.

use super::DrawError;

/// The fields of the head. Every field may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// `title`: of the file, as readers show it.
    pub title: String,
    /// `author`: of the file.
    pub author: String,
    /// `subject`: of the file.
    pub subject: String,
    /// `issued`: an RFC 3339 instant, the file's date of creation.
    pub issued: String,
    /// `language`: of the text, such as `en`.
    pub language: String,
    /// `letterhead`: large, at the top of the first page, small on the others.
    pub letterhead: String,
    /// `address`: below the letterhead.
    pub address: String,
    /// `contact`: below the address.
    pub contact: String,
    /// `label`: at the top right: what kind of document this is.
    pub label: String,
    /// `number`: below the label.
    pub number: String,
    /// `banner`: across the top of every page.
    pub banner: String,
    /// `footer`: at the bottom left of every page.
    pub footer: String,
}

/// The longest value, in characters; longer values are truncated.
const VALUE_CHARS_MAX: usize = 400;

/// Splits the head from the text. A document without a head does not begin with `---`.
pub(super) fn split(document: &str) -> Result<(Head, &str), DrawError> {
    let mut head = Head::default();
    let document = document.trim_start_matches(['\n', '\r', ' ', '\u{feff}']);
    let Some(mut rest) = document.strip_prefix("---\n") else { return Ok((head, document)) };
    let mut line = 1;
    loop {
        line += 1;
        let (text, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if text.trim_end() == "---" {
            return Ok((head, after));
        }
        if rest.is_empty() {
            return Err(DrawError::Head { line, reason: "it does not end in `---`".to_owned() });
        }
        if !text.trim().is_empty() {
            set(&mut head, text).map_err(|reason| DrawError::Head { line, reason })?;
        }
        rest = after;
    }
}

fn set(head: &mut Head, line: &str) -> Result<(), String> {
    let (key, value) = line.split_once(':').ok_or("a line here is `key: value`")?;
    let field = match key.trim() {
        "title" => &mut head.title,
        "author" => &mut head.author,
        "subject" => &mut head.subject,
        "issued" => &mut head.issued,
        "language" => &mut head.language,
        "letterhead" => &mut head.letterhead,
        "address" => &mut head.address,
        "contact" => &mut head.contact,
        "label" => &mut head.label,
        "number" => &mut head.number,
        "banner" => &mut head.banner,
        "footer" => &mut head.footer,
        other if other.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
            return Err(format!("no such key: `{}`", other.chars().take(40).collect::<String>()));
        }
        _ => return Err("no such key".to_owned()),
    };
    *field = unescaped(value.trim()).chars().take(VALUE_CHARS_MAX).collect();
    Ok(())
}

/// Removes the backslashes that escape Markdown, for places that are not Markdown.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next) if character == '\\' && next.is_ascii_punctuation() => {
                plain.push(*next);
                characters.next();
            }
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let (head, body) = split("---\ntitle: A\\-1\n\nnumber: x: y\n---\n# Text").expect("a head");
        assert_eq!((head.title.as_str(), head.number.as_str(), body), ("A-1", "x: y", "# Text"));
        assert_eq!(split("# No head\n---\n").expect("none").1, "# No head\n---\n");
        for (document, expect) in
            [("---\nfoo: 1\n---\n", 2), ("---\ntitle: x\nplain\n---\n", 3), ("---\ntitle: x\n", 3)]
        {
            let error = split(document).expect_err(document);
            assert!(matches!(error, DrawError::Head { line, .. } if line == expect), "{error}");
        }
    }

    #[test]
    fn backslashes_go() {
        assert_eq!(unescaped(r"https\:\/\/x\.y\?a\=1\&b\=\\"), r"https://x.y?a=1&b=\");
        assert_eq!(unescaped(r"C:\Users"), r"C:\Users");
    }
}
