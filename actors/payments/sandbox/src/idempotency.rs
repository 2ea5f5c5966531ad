//! Idempotency keys: the same request with the same key returns the stored response, another request is refused.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::Fault;

use crate::database::Transaction;
use crate::response::{ApiResponse, Body};

/// The longest key.
const KEY_CHARS_MAX: usize = 255;

#[derive(Debug, Serialize, Deserialize)]
struct StoredResponse {
    request: String,
    status: u16,
    body: Value,
}

/// The stored response of `key`, or why the key cannot be used.
pub(crate) fn replay(tx: &Transaction<'_>, key: &str, request: &str) -> Result<Option<ApiResponse>, Fault> {
    let refuse = |message: &str| {
        Some(ApiResponse::error(400, json!({"type": "idempotency_error", "message": message})))
    };
    if key.len() > KEY_CHARS_MAX {
        return Ok(refuse("An idempotency key has at most 255 characters."));
    }
    let stored = tx.get::<StoredResponse>(&row(key))?;
    Ok(match stored {
        None => None,
        Some(stored) if stored.request == digest(request) => Some(
            ApiResponse { status: stored.status, body: Body::Json(stored.body), headers: Vec::new() }
                .with("Idempotent-Replayed", "true"),
        ),
        Some(_) => refuse(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
        ),
    })
}

/// Stores the response, if the request was executed.
pub(crate) fn store(tx: &mut Transaction<'_>, key: &str, request: &str, response: &ApiResponse) {
    if let (Body::Json(body), 200 | 402 | 500) = (&response.body, response.status) {
        tx.put(
            &row(key),
            &StoredResponse { request: digest(request), status: response.status, body: body.clone() },
        );
    }
}

fn row(key: &str) -> String {
    format!("key/{}", digest(key))
}

fn digest(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}
