//! What calls are on their way to another node: a format version, who calls and what for, then what is said. The answer
//! is an encoded `Result`. The receiving group decodes both with its contract's types, and verifies the token itself.
//!
//! All of it grows at its ends only.

use std::sync::Arc;

use protocol::codec::{self, DecodeError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::call::{Attempt, Call};

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// To have a command applied. Behind it: the command. Answered by `Result<Reply, Failure<Refusal>>`.
    Command {
        /// Which attempt at which command.
        attempt: Attempt,
        /// [`Call::key`].
        key: Option<u128>,
    },
    /// To have a query answered. Behind it: the query. Answered by `Result<Answer, Failure<Refusal>>`.
    Query,
    /// To have rows of an outbox applied. Behind it: a [`crate::Delivery`]. Answered by
    /// `Result<Vec<Option<String>>, Failure<()>>`.
    Deliver,
}

#[derive(Serialize, Deserialize)]
struct Head<T> {
    token: Option<T>,
    request_id: T,
    ask: Ask,
}

/// A call that came from another node.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who calls, and until when.
    pub call: Call,
    /// What for.
    pub ask: Ask,
    bytes: Vec<u8>,
    payload_at: usize,
}

/// The bytes of a call. How long there is time for it travels outside of them.
pub fn seal<T: Serialize>(call: &Call, ask: Ask, payload: &T) -> Vec<u8> {
    let mut bytes = codec::encode(&Head { token: call.token.as_deref(), request_id: &*call.request_id, ask });
    codec::encode_into(&mut bytes, payload);
    bytes
}

/// Reads who calls, and what for. `deadline`: until when somebody waits for the answer, as the way here has measured it.
///
/// # Errors
/// When the bytes are of a newer program, or no call.
pub fn open(bytes: Vec<u8>, deadline: Instant) -> Result<Request, DecodeError> {
    let rest = match bytes.split_first() {
        None => return Err(DecodeError::Empty),
        Some((&codec::FORMAT, rest)) => rest,
        Some((&version, _)) => return Err(DecodeError::NewerVersion(version)),
    };
    let (Head { token, request_id, ask }, length) = codec::decode_prefix::<Head<Arc<str>>>(rest)?;
    let key = match ask {
        Ask::Command { key, .. } => key,
        Ask::Query | Ask::Deliver => None,
    };
    let call = Call { token, deadline, key, request_id };
    Ok(Request { call, ask, payload_at: length + 1, bytes })
}

impl Request {
    /// What is said.
    ///
    /// # Errors
    /// When it is not a `T`, or more than one.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let rest = &self.bytes[self.payload_at..];
        let (payload, length) = codec::decode_prefix(rest)?;
        if length < rest.len() {
            return Err(DecodeError::Malformed(format!("{} bytes behind a call", rest.len() - length)));
        }
        Ok(payload)
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
            let ask = Ask::Command { attempt, key: call.key };
            let request = open(seal(&call, ask, &("three nights".to_owned(), 3_u8)), deadline).unwrap();
            assert_eq!(request.ask, ask);
            assert_eq!(request.payload(), Ok(("three nights".to_owned(), 3_u8)));
            let Call { token, deadline: until, key, request_id } = request.call;
            assert_eq!((token, until, key, request_id), (call.token, deadline, call.key, call.request_id));
        }
        let request = open(seal(&call(), Ask::Query, &7_u64), deadline).unwrap();
        assert_eq!((request.ask, request.call.key), (Ask::Query, None), "a question has no key");
        let rows = vec![(3, vec![1, 2, 3]), (9, Vec::new())];
        let delivery = Delivery { source: "1/till/0".into(), floor: 3, rows: rows.clone() };
        let request = open(seal(&call(), Ask::Deliver, &delivery), deadline).unwrap();
        let delivery = request.payload::<Delivery>().unwrap();
        assert_eq!((delivery.source.as_str(), delivery.floor, delivery.rows), ("1/till/0", 3, rows));
    }

    #[test]
    fn what_is_no_call_is_nothing_else_either() {
        let deadline = Instant::now();
        let sealed = seal(&call(), Ask::Query, &"a text of some length".to_owned());
        assert_eq!(open(Vec::new(), deadline).unwrap_err(), DecodeError::Empty);
        assert_eq!(open(vec![9, 1, 2], deadline).unwrap_err(), DecodeError::NewerVersion(9));
        for length in 1..sealed.len() {
            let whole = open(sealed[..length].to_vec(), deadline).and_then(|cut| cut.payload::<String>());
            assert!(whole.is_err(), "cut to {length} bytes");
        }
        let longer = [sealed.as_slice(), &[0]].concat();
        let read = open(longer, deadline).unwrap().payload::<String>();
        assert_eq!(read, Err(DecodeError::Malformed("1 bytes behind a call".into())));
    }

    #[test]
    fn answers_of_all_kinds_come_back() {
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

    /// Nodes of different age talk to each other while they are replaced one by one.
    #[test]
    fn yesterdays_calls_are_still_read() {
        let call = Call { token: Some("t".into()), key: Some(5), request_id: "r".into(), ..call() };
        let ask = Ask::Command { attempt: Attempt { id: 3, repeat: true }, key: call.key };
        assert_eq!(seal(&call, ask, &9_u8), [1, 1, 1, b't', 1, b'r', 0, 3, 1, 1, 5, 9]);
        assert_eq!(seal(&call, Ask::Query, &9_u8), [1, 1, 1, b't', 1, b'r', 1, 9]);
        assert_eq!(seal(&call, Ask::Deliver, &9_u8), [1, 1, 1, b't', 1, b'r', 2, 9]);
    }
}
