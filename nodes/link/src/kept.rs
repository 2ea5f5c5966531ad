//! Bytes of transfers that are not finished: parts that have come, and answers that are still being fetched.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::options::Limits;

/// What one session keeps.
#[derive(Default)]
pub(crate) struct Kept {
    coming: HashMap<u64, Coming>,
    going: HashMap<u64, Going>,
    next: u64,
}

struct Coming {
    total: usize,
    bytes: Vec<u8>,
    until: Instant,
}

struct Going {
    bytes: Arc<Vec<u8>>,
    until: Instant,
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Taken,
    /// No room now.
    Busy,
    /// Longer than any transfer may be, or not the part that comes next.
    Wrong,
}

impl Kept {
    /// Takes a part of a call; parts come in order.
    pub(crate) fn take(
        &mut self,
        transfer: u64,
        total: u64,
        offset: u64,
        part: &[u8],
        until: Instant,
        limits: &Limits,
    ) -> Part {
        self.forget_late();
        let Some(total) = usize::try_from(total).ok().filter(|total| *total <= limits.transfer_bytes_max)
        else {
            return Part::Wrong;
        };
        if offset == 0 && !self.coming.contains_key(&transfer) {
            let held: usize = self.coming.values().map(|coming| coming.total).sum();
            if held + total > limits.transfers_bytes_max {
                return Part::Busy;
            }
            // Room is made as bytes come, not as they are announced.
            self.coming.insert(transfer, Coming { total, bytes: Vec::new(), until });
        }
        let Some(coming) = self.coming.get_mut(&transfer) else {
            return Part::Wrong;
        };
        let fits = coming.total == total
            && coming.bytes.len() as u64 == offset
            && coming.bytes.len() + part.len() <= total;
        if !fits {
            self.coming.remove(&transfer);
            return Part::Wrong;
        }
        coming.bytes.extend_from_slice(part);
        Part::Taken
    }

    /// The call's bytes, if all have come.
    pub(crate) fn whole(&mut self, transfer: u64) -> Option<Vec<u8>> {
        let coming = self.coming.remove(&transfer)?;
        (coming.bytes.len() == coming.total).then_some(coming.bytes)
    }

    /// Keeps an answer to be fetched in parts; `None` when there is no room.
    pub(crate) fn keep(&mut self, bytes: Vec<u8>, until: Instant, limits: &Limits) -> Option<u64> {
        self.forget_late();
        let held: usize = self.going.values().map(|going| going.bytes.len()).sum();
        if held + bytes.len() > limits.transfers_bytes_max {
            return None;
        }
        self.next += 1;
        self.going.insert(self.next, Going { bytes: Arc::new(bytes), until });
        Some(self.next)
    }

    /// A part of an answer; the last one ends its keeping.
    pub(crate) fn part(&mut self, transfer: u64, offset: u64, part_bytes: usize) -> Option<Vec<u8>> {
        let going = self.going.get(&transfer)?;
        let bytes = Arc::clone(&going.bytes);
        let start = usize::try_from(offset).ok().filter(|start| *start <= bytes.len())?;
        let end = bytes.len().min(start.saturating_add(part_bytes.max(1)));
        if end == bytes.len() {
            self.going.remove(&transfer);
        }
        Some(bytes[start..end].to_vec())
    }

    fn forget_late(&mut self) {
        let now = Instant::now();
        self.coming.retain(|_, coming| coming.until > now);
        self.going.retain(|_, going| going.until > now);
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
        let mut kept = Kept::default();
        assert_eq!(kept.take(1, 6, 0, b"abc", late, &limits()), Part::Taken);
        assert_eq!(kept.take(2, 11, 0, b"abc", late, &limits()), Part::Wrong, "too long");
        assert_eq!(kept.take(3, 10, 0, b"abc", late, &limits()), Part::Busy, "6 and 10 are over 15");
        assert_eq!(kept.take(4, 6, 3, b"abc", late, &limits()), Part::Wrong, "it has no beginning");
        assert_eq!(kept.take(1, 6, 3, b"def", late, &limits()), Part::Taken);
        assert_eq!(kept.whole(1), Some(b"abcdef".to_vec()));
        assert_eq!(kept.whole(1), None, "once");
        assert_eq!(kept.take(5, 4, 0, b"abcde", late, &limits()), Part::Wrong, "more than announced");
        assert_eq!(kept.take(6, 6, 0, b"abc", late, &limits()), Part::Taken);
        assert_eq!(kept.whole(6), None, "half of it");
    }

    #[test]
    fn answers_are_kept_until_fetched_or_late() {
        let late = Instant::now() + Duration::from_secs(3600);
        let mut kept = Kept::default();
        let transfer = kept.keep(b"abcdefgh".to_vec(), late, &limits()).expect("room");
        assert_eq!(kept.keep(vec![0; 8], late, &limits()), None, "no room");
        assert_eq!(kept.part(transfer, 3, 3), Some(b"def".to_vec()));
        assert_eq!(kept.part(transfer, 9, 3), None);
        assert_eq!(kept.part(transfer, 6, 3), Some(b"gh".to_vec()));
        assert_eq!(kept.part(transfer, 6, 3), None, "fetched");
        let past = kept.keep(vec![0; 8], Instant::now(), &limits()).expect("room");
        assert!(kept.keep(vec![0; 8], late, &limits()).is_some(), "the late one has gone");
        assert_eq!(kept.part(past, 0, 3), None);
    }
}
