//! Reading server-sent events, however they are cut into pieces on their way.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// What it is called; `message` where it has no name.
    pub name: String,
    /// What it says.
    pub data: String,
}

/// Puts events together again. Comments and fields that nobody here needs are passed over.
#[derive(Debug, Default)]
pub struct Reader {
    waiting: Vec<u8>,
    name: String,
    data: Vec<String>,
}

/// A line without an end is not waited for beyond this, in bytes.
const LINE_BYTES_MAX: usize = 64 << 20;

impl Reader {
    /// Takes what came; returns the events that are whole now.
    pub fn read(&mut self, piece: &[u8]) -> Vec<Event> {
        self.waiting.extend_from_slice(piece);
        let mut events = Vec::new();
        let mut begin = 0;
        while let Some(length) = self.waiting[begin..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.waiting[begin..begin + length]).into_owned();
            begin += length + 1;
            events.extend(self.line(line.trim_end_matches('\r')));
        }
        self.waiting.drain(..begin);
        if self.waiting.len() > LINE_BYTES_MAX {
            self.waiting.clear();
        }
        events
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let data = std::mem::take(&mut self.data);
            if data.is_empty() {
                return None;
            }
            let name = if name.is_empty() { "message".to_owned() } else { name };
            return Some(Event { name, data: data.join("\n") });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => self.data.push(value.to_owned()),
            // Comments, ids and the time to wait before another attempt.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "retry: 1000\n\n: heartbeat\n\nid: n1-1\nevent: node\ndata: {\"a\":1}\n\n\
                        data: one\r\ndata:two\r\n\r\nevent: empty\n\nevent: ümlaut\ndata: ü\n\n";

    fn expected() -> Vec<Event> {
        [("node", "{\"a\":1}"), ("message", "one\ntwo"), ("ümlaut", "ü")]
            .map(|(name, data)| Event { name: name.to_owned(), data: data.to_owned() })
            .into()
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        for size in 1..SENT.len() {
            let mut reader = Reader::default();
            let read: Vec<Event> =
                SENT.as_bytes().chunks(size).flat_map(|piece| reader.read(piece)).collect();
            assert_eq!(read, expected(), "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_whole_waits() {
        let mut reader = Reader::default();
        assert!(reader.read(b"event: node\ndata: 1\n").is_empty());
        assert_eq!(reader.read(b"\n").len(), 1);
    }
}
