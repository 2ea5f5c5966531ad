//! The little of HTTP/1.1 that a load generator must understand of an answer: its status and where it ends.

use std::io;

/// Bytes of an answer's head at most.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes of an answer's body at most: more is no answer of ours.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes.
    Known(usize),
    /// Chunk by chunk.
    Chunked,
}

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// 100 to 599.
    pub status: u16,
    /// Of the head itself, the empty line included.
    pub bytes: usize,
    /// Of the body.
    pub length: Length,
    /// The server closes the connection afterwards.
    pub closes: bool,
}

/// Reads a head; none while it is not there as a whole.
///
/// # Errors
/// When it is no answer, or one whose end cannot be told.
pub(super) fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut head = Head { status: 0, bytes: 0, length: Length::Known(0), closes: false };
    let mut told = false;
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        head.bytes += end + 1;
        rest = &rest[end + 1..];
        if head.status == 0 {
            head.status = status(line).ok_or_else(|| broken("no HTTP/1.1 answer"))?;
        } else if line.is_empty() {
            // Answers without content have no length either (RFC 9110 §8.6).
            if !told && !matches!(head.status, 204 | 304) {
                return Err(broken("an answer without a length"));
            }
            return Ok(Some(head));
        } else if let Some(value) = value_of(line, b"content-length:") {
            let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            let length = length.filter(|length| *length <= BODY_BYTES_MAX);
            head.length = Length::Known(length.ok_or_else(|| broken("a length that is no use"))?);
            told = true;
        } else if let Some(value) = value_of(line, b"transfer-encoding:") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(broken("an unknown transfer encoding"));
            }
            head.length = Length::Chunked;
            told = true;
        } else if let Some(value) = value_of(line, b"connection:") {
            head.closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    if bytes.len() > HEAD_BYTES_MAX {
        return Err(broken("a head without an end"));
    }
    Ok(None)
}

/// Puts the chunks of a body together in `body`; says how many bytes they took, or none while the last is missing.
///
/// # Errors
/// When they are no chunks.
pub(super) fn join_chunks(bytes: &[u8], body: &mut Vec<u8>) -> io::Result<Option<usize>> {
    body.clear();
    let mut at = 0;
    loop {
        let Some(line) = bytes[at..].iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let size = bytes[at..at + line].split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size
            .filter(|size| body.len() + size <= BODY_BYTES_MAX)
            .ok_or_else(|| broken("a broken chunk"))?;
        at += line + 1;
        // No trailers: Poem sends none.
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err(broken("a broken chunk"));
        }
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

fn status(line: &[u8]) -> Option<u16> {
    let code = line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(code).ok()?.parse().ok().filter(|status| (100..600).contains(status))
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(status: u16, bytes: usize, length: usize) -> Head {
        Head { status, bytes, length: Length::Known(length), closes: false }
    }

    #[test]
    fn heads() {
        let table: [(&str, Option<Head>); 7] = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello", Some(known(200, 39, 12))),
            ("HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n", Some(known(204, 36, 0))),
            ("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n", None),
            ("HTTP/1.1 20", None),
            ("", None),
            (
                "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n",
                Some(Head { length: Length::Chunked, ..known(200, 47, 0) }),
            ),
            (
                "HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
                Some(Head { closes: true, ..known(503, 56, 0) }),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(head(text.as_bytes()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "GET / HTTP/1.1\r\n",
            "HTTP/1.1 99 x\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        ] {
            assert!(head(text.as_bytes()).is_err(), "{text}");
        }
        assert!(head(&[b'a'; HEAD_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn chunks() {
        let mut body = Vec::new();
        assert_eq!(
            join_chunks(b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\nrest", &mut body).unwrap(),
            Some(30)
        );
        assert_eq!(body, b"hello world");
        for part in ["", "5", "5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n"] {
            assert_eq!(join_chunks(part.as_bytes(), &mut body).unwrap(), None, "{part}");
        }
        for wrong in ["x\r\n", "2\r\nhello\r\n", "ffffffff\r\n"] {
            assert!(join_chunks(wrong.as_bytes(), &mut body).is_err(), "{wrong}");
        }
    }
}
