//! A parser of mails (RFC 5322, MIME). It shares no code with the product, so that tests check the format independently.

use std::path::Path;

use data_encoding::BASE64_MIME_PERMISSIVE as BASE64;

/// A parsed mail.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// The message id, without angle brackets.
    pub id: String,
    /// The `To` header, not decoded.
    pub to: String,
    /// The decoded subject.
    pub subject: String,
    /// The plain-text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
    pub attachments: Vec<Attachment>,
}

/// A file that is attached to a mail.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The file name.
    pub name: String,
    /// The content type, with parameters.
    pub content_type: String,
    /// The decoded content.
    pub bytes: Vec<u8>,
}

impl Mail {
    pub fn parse(bytes: &[u8]) -> Self {
        let (headers, body) = split(bytes);
        let mut mail = Self {
            id: header(&headers, "message-id").trim_matches(['<', '>']).to_owned(),
            to: header(&headers, "to"),
            subject: words(&header(&headers, "subject")),
            ..Self::default()
        };
        mail.take(&headers, body);
        mail
    }

    /// The first URL in the plain text that starts with `beginning`. It ends before white space, a quotation mark, `<`, `>` or `)`.
    pub fn link(&self, beginning: &str) -> Option<String> {
        let at = self.text.find(beginning)?;
        let link = self.text[at..].split(|c: char| c.is_whitespace() || "\"'<>)".contains(c)).next()?;
        Some(link.to_owned())
    }

    /// The first PDF attachment.
    pub fn pdf(&self) -> Option<&Attachment> {
        self.attachments.iter().find(|file| file.content_type.starts_with("application/pdf"))
    }

    fn take(&mut self, headers: &[(String, String)], body: &[u8]) {
        let content_type = header(headers, "content-type");
        let kind = content_type.to_lowercase();
        if kind.starts_with("multipart/") {
            let boundary = format!("--{}", parameter(&content_type, "boundary"));
            for part in parts(body, boundary.as_bytes()) {
                let (headers, body) = split(part);
                self.take(&headers, body);
            }
            return;
        }
        let bytes = match header(headers, "content-transfer-encoding").to_lowercase().as_str() {
            "base64" => BASE64.decode(body.trim_ascii()).expect("invalid base64 in a mail"),
            "quoted-printable" => quoted_printable(body),
            _ => body.to_vec(),
        };
        let disposition = header(headers, "content-disposition");
        if disposition.starts_with("attachment") {
            let name = words(&parameter(&disposition, "filename"));
            self.attachments.push(Attachment { name, content_type, bytes });
        } else if kind.starts_with("text/html") {
            self.html = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        } else {
            self.text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        }
    }
}

/// Parses all `.eml` files of a directory.
pub fn read(directory: &Path) -> Vec<Mail> {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mails = files.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    mails.filter_map(|path| std::fs::read(path).ok()).map(|bytes| Mail::parse(&bytes)).collect()
}

fn split(bytes: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let (end, skip) = match find(bytes, b"\r\n\r\n") {
        Some(at) => (at, 4),
        None => find(bytes, b"\n\n").map_or((bytes.len(), 0), |at| (at, 2)),
    };
    let head = String::from_utf8_lossy(&bytes[..end]).replace("\r\n", "\n");
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.lines() {
        match (line.starts_with([' ', '\t']), headers.last_mut()) {
            (true, Some((_, value))) => value.push_str(&format!(" {}", line.trim())),
            _ => {
                if let Some((name, value)) = line.split_once(':') {
                    headers.push((name.to_lowercase(), value.trim().to_owned()));
                }
            }
        }
    }
    (headers, &bytes[end + skip..])
}

fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    let mut rest = body;
    let mut inside = false;
    while let Some(at) = find(rest, boundary) {
        if inside {
            found.push(rest[..at].strip_suffix(b"\r\n").unwrap_or(&rest[..at]));
        }
        rest = &rest[at + boundary.len()..];
        if rest.starts_with(b"--") {
            break;
        }
        let line = find(rest, b"\n").map_or(rest.len(), |at| at + 1);
        rest = &rest[line..];
        inside = true;
    }
    found
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn header(headers: &[(String, String)], name: &str) -> String {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn parameter(value: &str, name: &str) -> String {
    let found = value.split(';').map(str::trim).find_map(|part| part.strip_prefix(&format!("{name}=")));
    found.unwrap_or_default().trim_matches('"').to_owned()
}

fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let code = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        rest = match (first, after) {
            (b'=', [b'\r', b'\n', more @ ..]) | (b'=', [b'\n', more @ ..]) => more,
            (b'=', [a, b, more @ ..]) => {
                out.push(code(&[*a, *b]).expect("invalid quoted-printable text in a mail"));
                more
            }
            _ => {
                out.push(*first);
                after
            }
        };
    }
    out
}

/// Decodes the encoded words (RFC 2047) of a header value. The charset has to be UTF-8.
fn words(text: &str) -> String {
    let mut out = String::new();
    let mut after_word = false;
    for word in text.split(' ') {
        let decoded = encoded(word);
        // White space between two encoded words is not part of the text.
        let joined = after_word && decoded.is_some();
        if !out.is_empty() && !joined {
            out.push(' ');
        }
        after_word = decoded.is_some();
        out.push_str(&decoded.unwrap_or_else(|| word.to_owned()));
    }
    out
}

fn encoded(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut parts = inner.splitn(3, '?');
    let (_charset, kind, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = match kind {
        "b" | "B" => BASE64.decode(text.as_bytes()).ok()?,
        _ => quoted_printable(text.replace('_', " ").as_bytes()),
    };
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multipart_mail_is_parsed() {
        let raw = "Message-ID: <a@b>\r\nTo: x@y.example\r\nSubject: =?utf-8?b?xYF1?=\r\n =?utf-8?b?Y2phIQ==?= ok\r\n\
            Content-Type: multipart/mixed;\r\n boundary=\"B\"\r\n\r\n--B\r\nContent-Type: text/plain\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nna=C3=AFve=\r\n text\r\n--B\r\n\
            Content-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nJVBE\r\nRi0=\r\n--B--\r\n";
        let mail = Mail::parse(raw.as_bytes());
        assert_eq!((mail.id.as_str(), mail.subject.as_str()), ("a@b", "Łucja! ok"));
        assert_eq!(mail.text.trim_end(), "naïve text");
        assert_eq!(mail.attachments[0].name, "a.pdf");
        assert_eq!(mail.attachments[0].bytes, b"%PDF-");
    }
}
