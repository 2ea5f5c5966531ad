//! Frames between endpoints: one version byte, a header, and an opaque payload.

use std::time::Duration;

use protocol::codec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Token of the session, issued by the receiver.
    pub token: u128,
    pub operation: Operation,
}

/// Requested operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    /// Liveness check.
    Ping,
    /// The payload is a complete call. The response is sent in parts of at most `part_bytes`.
    Call { topic: String, left_micros: u64, part_bytes: u32 },
    /// The payload is a part of a call of `total` bytes.
    Part { transfer: u64, total: u64, offset: u64, left_micros: u64 },
    /// All parts were sent: execute the call.
    Execute { transfer: u64, topic: String, left_micros: u64, part_bytes: u32 },
    /// Requests the part of a response that begins at `offset`.
    FetchPart { transfer: u64, offset: u64, part_bytes: u32 },
}

/// Header of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Response {
    Pong,
    /// The payload is the complete response.
    Complete,
    /// The payload is the first part of the response. The rest is requested with [`Operation::FetchPart`].
    FirstPart {
        transfer: u64,
        total: u64,
    },
    /// The part was stored.
    Accepted,
    /// The payload is the requested part.
    Part,
    /// The handler refused the call.
    Refused(String),
    /// A limit on calls or transfers was reached.
    Busy,
    /// The deadline passed before the handler returned.
    Expired,
    /// The session or transfer does not exist, or no longer exists.
    Unknown,
}

/// Encodes a frame from a header and a payload.
pub(crate) fn encode<H: Serialize>(head: &H, bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(bytes.len() + 96);
    frame.push(codec::FORMAT);
    codec::encode_into(&mut frame, head);
    frame.extend_from_slice(bytes);
    frame
}

/// Decodes a frame: returns the header and the offset of the payload.
pub(crate) fn decode<H: DeserializeOwned>(frame: &[u8]) -> Option<(H, usize)> {
    let (version, rest) = frame.split_first()?;
    if *version != codec::FORMAT {
        return None;
    }
    let (head, taken) = codec::decode_prefix(rest).ok()?;
    Some((head, 1 + taken))
}

/// Returns the payload, reusing the frame's allocation.
pub(crate) fn tail(mut frame: Vec<u8>, from: usize) -> Vec<u8> {
    frame.drain(..from);
    frame
}

/// Converts to microseconds, saturating at `u64::MAX`.
pub(crate) fn micros(left: Duration) -> u64 {
    u64::try_from(left.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_decode_to_what_was_encoded() {
        for bytes in [&b""[..], b"x", &[7; 5000]] {
            let operation = Operation::Call { topic: "raft/auth".to_owned(), left_micros: 5, part_bytes: 9 };
            let request = Request { token: u128::MAX, operation };
            let frame = encode(&request, bytes);
            let (decoded, from) = decode::<Request>(&frame).expect("a frame");
            assert_eq!(decoded, request);
            assert_eq!(tail(frame, from), bytes);
        }
    }

    #[test]
    fn malformed_frames_are_rejected() {
        let mut newer = encode(&Response::Pong, b"");
        newer[0] = codec::FORMAT + 1;
        for frame in [&b""[..], &[codec::FORMAT], &[codec::FORMAT, 255, 255], &newer] {
            assert_eq!(decode::<Response>(frame), None);
        }
    }
}
