//! Idempotency keys: the same request with the same key returns the stored response, another request is refused.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::Fault;

use crate::answer::{Answer, Body};
use crate::books::Entry;

/// The longest key.
const KEY_CHARS_MAX: usize = 255;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    request: String,
    status: u16,
    body: Value,
}

/// The stored response of `key`, or why the key cannot be used.
pub(crate) fn replay(entry: &Entry<'_>, key: &str, request: &str) -> Result<Option<Answer>, Fault> {
    let refuse =
        |message: &str| Some(Answer::error(400, json!({"type": "idempotency_error", "message": message})));
    if key.len() > KEY_CHARS_MAX {
        return Ok(refuse("An idempotency key has at most 255 characters."));
    }
    let kept = entry.get::<Kept>(&row(key))?;
    Ok(match kept {
        None => None,
        Some(kept) if kept.request == digest(request) => Some(
            Answer { status: kept.status, body: Body::Json(kept.body), headers: Vec::new() }
                .with("Idempotent-Replayed", "true"),
        ),
        Some(_) => refuse(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
        ),
    })
}

/// Stores the response, if the request was executed.
pub(crate) fn keep(entry: &mut Entry<'_>, key: &str, request: &str, answer: &Answer) {
    if let (Body::Json(body), 200 | 402 | 500) = (&answer.body, answer.status) {
        entry.put(&row(key), &Kept { request: digest(request), status: answer.status, body: body.clone() });
    }
}

fn row(key: &str) -> String {
    format!("key/{}", digest(key))
}

fn digest(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}
