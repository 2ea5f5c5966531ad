//! Buffers of unfinished transfers: parts of incoming calls, and responses that the peer is still fetching.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::options::Limits;

/// Unfinished transfers of one session.
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

/// Result of storing a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PartResult {
    Accepted,
    /// The buffer limit is reached.
    Busy,
    /// The part is out of order, or the transfer is too long.
    Invalid,
}

impl Transfers {
    /// Stores a part of a call. Parts must arrive in order.
    pub(crate) fn add_part(
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
            let buffered: usize = self.incoming.values().map(|incoming| incoming.total).sum();
            if buffered + total > limits.transfers_bytes_max {
                return PartResult::Busy;
            }
            // Memory is allocated as bytes arrive, not when the total is announced.
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

    /// Removes a call and returns its bytes, if all of them have arrived.
    pub(crate) fn take_complete(&mut self, transfer: u64) -> Option<Vec<u8>> {
        let incoming = self.incoming.remove(&transfer)?;
        (incoming.bytes.len() == incoming.total).then_some(incoming.bytes)
    }

    /// Stores a response to be fetched in parts. `None` if the buffer limit is reached.
    pub(crate) fn store_response(&mut self, bytes: Vec<u8>, until: Instant, limits: &Limits) -> Option<u64> {
        self.remove_expired();
        let buffered: usize = self.outgoing.values().map(|outgoing| outgoing.bytes.len()).sum();
        if buffered + bytes.len() > limits.transfers_bytes_max {
            return None;
        }
        self.next += 1;
        self.outgoing.insert(self.next, OutgoingTransfer { bytes: Arc::new(bytes), until });
        Some(self.next)
    }

    /// Returns a part of a response. Fetching the last part removes the response.
    pub(crate) fn fetch_part(&mut self, transfer: u64, offset: u64, part_bytes: usize) -> Option<Vec<u8>> {
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
    fn a_call_is_complete_only_with_all_parts_in_order_and_within_limits() {
        let late = Instant::now() + Duration::from_secs(3600);
        let mut transfers = Transfers::default();
        assert_eq!(transfers.add_part(1, 6, 0, b"abc", late, &limits()), PartResult::Accepted);
        assert_eq!(transfers.add_part(2, 11, 0, b"abc", late, &limits()), PartResult::Invalid, "too long");
        assert_eq!(
            transfers.add_part(3, 10, 0, b"abc", late, &limits()),
            PartResult::Busy,
            "6 + 10 bytes exceed the limit of 15"
        );
        assert_eq!(
            transfers.add_part(4, 6, 3, b"abc", late, &limits()),
            PartResult::Invalid,
            "the first part is missing"
        );
        assert_eq!(transfers.add_part(1, 6, 3, b"def", late, &limits()), PartResult::Accepted);
        assert_eq!(transfers.take_complete(1), Some(b"abcdef".to_vec()));
        assert_eq!(transfers.take_complete(1), None, "it was removed");
        assert_eq!(
            transfers.add_part(5, 4, 0, b"abcde", late, &limits()),
            PartResult::Invalid,
            "longer than its announced total"
        );
        assert_eq!(transfers.add_part(6, 6, 0, b"abc", late, &limits()), PartResult::Accepted);
        assert_eq!(transfers.take_complete(6), None, "incomplete");
    }

    #[test]
    fn responses_are_stored_until_fetched_or_expired() {
        let late = Instant::now() + Duration::from_secs(3600);
        let mut transfers = Transfers::default();
        let transfer =
            transfers.store_response(b"abcdefgh".to_vec(), late, &limits()).expect("within the limit");
        assert_eq!(transfers.store_response(vec![0; 8], late, &limits()), None, "over the limit");
        assert_eq!(transfers.fetch_part(transfer, 3, 3), Some(b"def".to_vec()));
        assert_eq!(transfers.fetch_part(transfer, 9, 3), None);
        assert_eq!(transfers.fetch_part(transfer, 6, 3), Some(b"gh".to_vec()));
        assert_eq!(transfers.fetch_part(transfer, 6, 3), None, "fetched");
        let past = transfers.store_response(vec![0; 8], Instant::now(), &limits()).expect("within the limit");
        assert!(
            transfers.store_response(vec![0; 8], late, &limits()).is_some(),
            "the expired response was removed"
        );
        assert_eq!(transfers.fetch_part(past, 0, 3), None);
    }
}
