//! The bytes of calls between nodes: a format version, a header, and the payload. The response is an encoded `Result`. The
//! receiving group decodes both with the types of its contract, and verifies the token.
//!
//! Nodes of different versions call each other: enums and structs are only extended at their ends.

use std::sync::Arc;

use protocol::Contract;
use protocol::codec::{self, DecodeError};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::call::{Attempt, Call};
use super::command::EncodedCommand;

/// The kind of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallKind {
    /// Applies a command, the payload. The response is a `Result<Reply, Failure<Refusal>>`.
    Command {
        /// The id of the command, and whether it was attempted before.
        attempt: Attempt,
        /// [`Call::key`].
        key: Option<u128>,
    },
    /// Answers a query, the payload. The response is a `Result<Answer, Failure<Refusal>>`.
    Query,
    /// Applies rows of an outbox; the payload is a [`crate::Delivery`]. The response is a
    /// `Result<Vec<Option<String>>, Failure<()>>`.
    Deliver,
}

#[derive(Serialize, Deserialize)]
struct Header<T> {
    token: Option<T>,
    request_id: T,
    kind: CallKind,
}

/// A call from another node.
#[derive(Debug, Clone)]
pub struct Request {
    /// The caller and the deadline.
    pub call: Call,
    /// The kind of the call.
    pub kind: CallKind,
    bytes: Vec<u8>,
    payload_at: usize,
}

/// The bytes of a call with a payload that [`codec::encode`] has encoded. The transport sends the time left separately.
pub fn encode(call: &Call, kind: CallKind, payload: &[u8]) -> Vec<u8> {
    let mut bytes =
        codec::encode(&Header { token: call.token.as_deref(), request_id: &*call.request_id, kind });
    // The call has a format version of its own.
    bytes.extend_from_slice(payload.get(1..).unwrap_or_default());
    bytes
}

/// Reads the header of a call. `deadline` comes from the transport.
///
/// # Errors
/// When the bytes are of a newer version, or no call.
pub fn decode(bytes: Vec<u8>, deadline: Instant) -> Result<Request, DecodeError> {
    let rest = match bytes.split_first() {
        None => return Err(DecodeError::Empty),
        Some((&codec::FORMAT, rest)) => rest,
        Some((&version, _)) => return Err(DecodeError::NewerVersion(version)),
    };
    let (Header { token, request_id, kind }, length) = codec::decode_prefix::<Header<Arc<str>>>(rest)?;
    let key = match kind {
        CallKind::Command { key, .. } => key,
        CallKind::Query | CallKind::Deliver => None,
    };
    let call = Call { token, deadline, key, request_id };
    Ok(Request { call, kind, payload_at: length + 1, bytes })
}

impl Request {
    /// Decodes the payload.
    ///
    /// # Errors
    /// When it is not a `T`, or longer.
    pub fn payload<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let rest = &self.bytes[self.payload_at..];
        let (payload, length) = codec::decode_prefix(rest)?;
        if length < rest.len() {
            return Err(DecodeError::Malformed(format!("{} bytes behind a call", rest.len() - length)));
        }
        Ok(payload)
    }

    /// Decodes the payload of a [`CallKind::Command`], and keeps its bytes.
    ///
    /// # Errors
    /// As [`Request::payload`].
    pub fn command<C: Contract>(&self) -> Result<EncodedCommand<C>, DecodeError> {
        let command = self.payload()?;
        let rest = &self.bytes[self.payload_at..];
        let mut bytes = Vec::with_capacity(rest.len() + 1);
        bytes.push(codec::FORMAT);
        bytes.extend_from_slice(rest);
        Ok(EncodedCommand::from_parts(command, bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Delivery, Failure, Unavailable, Why};

    fn call() -> Call {
        Call { request_id: "req-1".into(), ..Call::bearer("v4.public.x", Duration::from_secs(5)) }
            .with_key("book", "htl_1", "k")
    }

    #[test]
    fn calls_arrive_as_they_were_sent() {
        let attempt = Attempt { id: u128::MAX - 7, repeat: true };
        let deadline = Instant::now() + Duration::from_secs(1);
        for token in [None, Some(Arc::<str>::from("v4.public.x"))] {
            let call = Call { token, ..call() };
            let kind = CallKind::Command { attempt, key: call.key };
            let request =
                decode(encode(&call, kind, &codec::encode(&("three nights".to_owned(), 3_u8))), deadline)
                    .unwrap();
            assert_eq!(request.kind, kind);
            assert_eq!(request.payload(), Ok(("three nights".to_owned(), 3_u8)));
            let Call { token, deadline: until, key, request_id } = request.call;
            assert_eq!((token, until, key, request_id), (call.token, deadline, call.key, call.request_id));
        }
        let request = decode(encode(&call(), CallKind::Query, &codec::encode(&7_u64)), deadline).unwrap();
        assert_eq!((request.kind, request.call.key), (CallKind::Query, None), "a query has no key");
        let rows = vec![(3, vec![1, 2, 3]), (9, Vec::new())];
        let delivery = Delivery { source: "1/till/0".into(), floor: 3, rows: rows.clone() };
        let request =
            decode(encode(&call(), CallKind::Deliver, &codec::encode(&delivery)), deadline).unwrap();
        let delivery = request.payload::<Delivery>().unwrap();
        assert_eq!((delivery.source.as_str(), delivery.floor, delivery.rows), ("1/till/0", 3, rows));
    }

    #[test]
    fn damaged_and_truncated_calls_are_refused() {
        let deadline = Instant::now();
        let encoded = encode(&call(), CallKind::Query, &codec::encode(&"a text of some length".to_owned()));
        assert_eq!(decode(Vec::new(), deadline).unwrap_err(), DecodeError::Empty);
        assert_eq!(decode(vec![9, 1, 2], deadline).unwrap_err(), DecodeError::NewerVersion(9));
        for length in 1..encoded.len() {
            let whole = decode(encoded[..length].to_vec(), deadline).and_then(|cut| cut.payload::<String>());
            assert!(whole.is_err(), "cut to {length} bytes");
        }
        let longer = [encoded.as_slice(), &[0]].concat();
        let read = decode(longer, deadline).unwrap().payload::<String>();
        assert_eq!(read, Err(DecodeError::Malformed("1 bytes behind a call".into())));
    }

    #[test]
    fn every_kind_of_response_survives_encoding() {
        type Answer = Result<u64, Failure<String>>;
        let unavailable = |why| Err(Unavailable { why, retry_after_secs: 7 }.into());
        let answers: Vec<Answer> = vec![
            Ok(7),
            Err(Failure::Refused("sold out".into())),
            Err(Failure::Unauthenticated("expired".into())),
            Err(Failure::Forbidden(vec!["reservations:write".into()])),
            Err(Failure::KeyReused),
            unavailable(Why::Overloaded),
            unavailable(Why::Store("full".into())),
            unavailable(Why::Elsewhere("n2".into())),
            unavailable(Why::Unknown),
        ];
        for answer in answers {
            assert_eq!(codec::decode::<Answer>(&codec::encode(&answer)), Ok(answer));
        }
    }

    /// Nodes of different versions call each other while they are upgraded one by one.
    #[test]
    fn the_encoding_of_calls_does_not_change() {
        let call = Call { token: Some("t".into()), key: Some(5), request_id: "r".into(), ..call() };
        let kind = CallKind::Command { attempt: Attempt { id: 3, repeat: true }, key: call.key };
        assert_eq!(encode(&call, kind, &codec::encode(&9_u8)), [1, 1, 1, b't', 1, b'r', 0, 3, 1, 1, 5, 9]);
        assert_eq!(encode(&call, CallKind::Query, &codec::encode(&9_u8)), [1, 1, 1, b't', 1, b'r', 1, 9]);
        assert_eq!(encode(&call, CallKind::Deliver, &codec::encode(&9_u8)), [1, 1, 1, b't', 1, b'r', 2, 9]);
    }
}
