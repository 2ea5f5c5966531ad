//! Bytes of transfers that are not finished: parts that have come, and answers that are still being fetched.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::options::Limits;

/// Operation one session keeps.
#[derive(Default)]
pub(crate) struct Transfers {
    incoming: HashMap<u64, IncomingTransfer>,
    outgoing: HashMap<u64, OutgoingTransfer>,
    next: u64,
}

struct IncomingTransfer {
    total: usize,
    bytes: Vec<u8>,
    until: Instant,
}

struct OutgoingTransfer {
    bytes: Arc<Vec<u8>>,
    until: Instant,
}

/// Operation became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PartResult {
    Accepted,
    /// No room now.
    Busy,
    /// Longer than any transfer may be, or not the part that comes next.
    Invalid,
}

impl Transfers {
    /// Takes a part of a call; parts come in order.
    pub(crate) fn take(
        &mut self,
        transfer: u64,
        total: u64,
        offset: u64,
        part: &[u8],
        until: Instant,
        limits: &Limits,
    ) -> PartResult {
        self.remove_expired();
        let Some(total) = usize::try_from(total).ok().filter(|total| *total <= limits.transfer_bytes_max)
        else {
            return PartResult::Invalid;
        };
        if offset == 0 && !self.incoming.contains_key(&transfer) {
            let held: usize = self.incoming.values().map(|incoming| incoming.total).sum();
            if held + total > limits.transfers_bytes_max {
                return PartResult::Busy;
            }
            // Room is made as bytes come, not as they are announced.
            self.incoming.insert(transfer, IncomingTransfer { total, bytes: Vec::new(), until });
        }
        let Some(incoming) = self.incoming.get_mut(&transfer) else {
            return PartResult::Invalid;
        };
        let fits = incoming.total == total
            && incoming.bytes.len() as u64 == offset
            && incoming.bytes.len() + part.len() <= total;
        if !fits {
            self.incoming.remove(&transfer);
            return PartResult::Invalid;
        }
        incoming.bytes.extend_from_slice(part);
        PartResult::Accepted
    }

    /// The call's bytes, if all have come.
    pub(crate) fn whole(&mut self, transfer: u64) -> Option<Vec<u8>> {
        let incoming = self.incoming.remove(&transfer)?;
        (incoming.bytes.len() == incoming.total).then_some(incoming.bytes)
    }

    /// Keeps an answer to be fetched in parts; `None` when there is no room.
    pub(crate) fn keep(&mut self, bytes: Vec<u8>, until: Instant, limits: &Limits) -> Option<u64> {
        self.remove_expired();
        let held: usize = self.outgoing.values().map(|outgoing| outgoing.bytes.len()).sum();
        if held + bytes.len() > limits.transfers_bytes_max {
            return None;
        }
        self.next += 1;
        self.outgoing.insert(self.next, OutgoingTransfer { bytes: Arc::new(bytes), until });
        Some(self.next)
    }

    /// A part of an answer; the last one ends its keeping.
    pub(crate) fn part(&mut self, transfer: u64, offset: u64, part_bytes: usize) -> Option<Vec<u8>> {
        let outgoing = self.outgoing.get(&transfer)?;
        let bytes = Arc::clone(&outgoing.bytes);
        let start = usize::try_from(offset).ok().filter(|start| *start <= bytes.len())?;
        let end = bytes.len().min(start.saturating_add(part_bytes.max(1)));
        if end == bytes.len() {
            self.outgoing.remove(&transfer);
        }
        Some(bytes[start..end].to_vec())
    }

    fn remove_expired(&mut self) {
        let now = Instant::now();
        self.incoming.retain(|_, incoming| incoming.until > now);
        self.outgoing.retain(|_, outgoing| outgoing.until > now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits() -> Limits {
        Limits { transfer_bytes_max: 10, transfers_bytes_max: 15, ..Limits::default() }
    }

    #[test]
    fn parts_make_the_whole_only_in_order_and_within_bounds() {
        let late = Instant::now() + Duration::from_secs(3600);
        let mut transfers = Transfers::default();
        assert_eq!(transfers.take(1, 6, 0, b"abc", late, &limits()), PartResult::Accepted);
        assert_eq!(transfers.take(2, 11, 0, b"abc", late, &limits()), PartResult::Invalid, "too long");
        assert_eq!(
            transfers.take(3, 10, 0, b"abc", late, &limits()),
            PartResult::Busy,
            "6 and 10 are over 15"
        );
        assert_eq!(
            transfers.take(4, 6, 3, b"abc", late, &limits()),
            PartResult::Invalid,
            "it has no beginning"
        );
        assert_eq!(transfers.take(1, 6, 3, b"def", late, &limits()), PartResult::Accepted);
        assert_eq!(transfers.whole(1), Some(b"abcdef".to_vec()));
        assert_eq!(transfers.whole(1), None, "once");
        assert_eq!(
            transfers.take(5, 4, 0, b"abcde", late, &limits()),
            PartResult::Invalid,
            "more than announced"
        );
        assert_eq!(transfers.take(6, 6, 0, b"abc", late, &limits()), PartResult::Accepted);
        assert_eq!(transfers.whole(6), None, "half of it");
    }

    #[test]
    fn answers_are_kept_until_fetched_or_late() {
        let late = Instant::now() + Duration::from_secs(3600);
        let mut transfers = Transfers::default();
        let transfer = transfers.keep(b"abcdefgh".to_vec(), late, &limits()).expect("room");
        assert_eq!(transfers.keep(vec![0; 8], late, &limits()), None, "no room");
        assert_eq!(transfers.part(transfer, 3, 3), Some(b"def".to_vec()));
        assert_eq!(transfers.part(transfer, 9, 3), None);
        assert_eq!(transfers.part(transfer, 6, 3), Some(b"gh".to_vec()));
        assert_eq!(transfers.part(transfer, 6, 3), None, "fetched");
        let past = transfers.keep(vec![0; 8], Instant::now(), &limits()).expect("room");
        assert!(transfers.keep(vec![0; 8], late, &limits()).is_some(), "the late one has gone");
        assert_eq!(transfers.part(past, 0, 3), None);
    }
}
