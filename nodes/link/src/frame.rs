//! What travels in a message between endpoints: one version byte, a head, and bytes that are not looked into.

use std::time::Duration;

use protocol::codec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A question's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The session it belongs to, as the receiver named it.
    pub token: u128,
    pub operation: Operation,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    /// Are you there?
    Ping,
    /// The bytes are a whole call. The answer comes back in parts of at most `part_bytes`.
    Call { topic: String, left_micros: u64, part_bytes: u32 },
    /// The bytes are a part of a call of `total` bytes.
    Part { transfer: u64, total: u64, offset: u64, left_micros: u64 },
    /// All parts are there: this is what they were for.
    Execute { transfer: u64, topic: String, left_micros: u64, part_bytes: u32 },
    /// The part of an answer from `offset` on.
    FetchPart { transfer: u64, offset: u64, part_bytes: u32 },
}

/// An answer's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Response {
    Pong,
    /// The bytes are the whole answer.
    Complete,
    /// The bytes are the first part of it: ask for more.
    FirstPart {
        transfer: u64,
        total: u64,
    },
    /// The part was taken.
    Accepted,
    /// The bytes are the part that was asked for.
    Part,
    /// The handler refuses.
    Refused(String),
    /// Too much is under way here.
    Busy,
    /// The deadline passed before there was an answer.
    Expired,
    /// The session or transfer is not known here any more.
    Unknown,
}

/// A frame of `head` and `bytes`.
pub(crate) fn encode<H: Serialize>(head: &H, bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(bytes.len() + 96);
    frame.push(codec::FORMAT);
    codec::append(&mut frame, head);
    frame.extend_from_slice(bytes);
    frame
}

/// Takes a frame apart: its head, and where its bytes begin.
pub(crate) fn decode<H: DeserializeOwned>(frame: &[u8]) -> Option<(H, usize)> {
    let (version, rest) = frame.split_first()?;
    if *version != codec::FORMAT {
        return None;
    }
    let (head, taken) = codec::take(rest).ok()?;
    Some((head, 1 + taken))
}

/// The bytes behind the head, in the frame's own memory.
pub(crate) fn tail(mut frame: Vec<u8>, from: usize) -> Vec<u8> {
    frame.drain(..from);
    frame
}

/// As it travels: durations beyond half a million years do not.
pub(crate) fn micros(left: Duration) -> u64 {
    u64::try_from(left.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_apart_as_they_were_sealed() {
        for bytes in [&b""[..], b"x", &[7; 5000]] {
            let operation = Operation::Call { topic: "raft/auth".to_owned(), left_micros: 5, part_bytes: 9 };
            let ask = Request { token: u128::MAX, operation };
            let frame = encode(&ask, bytes);
            let (opened, from) = decode::<Request>(&frame).expect("a frame");
            assert_eq!(opened, ask);
            assert_eq!(tail(frame, from), bytes);
        }
    }

    #[test]
    fn garbage_is_no_frame() {
        let mut newer = encode(&Response::Pong, b"");
        newer[0] = codec::FORMAT + 1;
        for frame in [&b""[..], &[codec::FORMAT], &[codec::FORMAT, 255, 255], &newer] {
            assert_eq!(decode::<Response>(frame), None);
        }
    }
}
