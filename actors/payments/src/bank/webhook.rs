//! Webhooks of the bank: signed over the raw body. Their content only triggers retrieval.
//!
//! Source: <https://docs.stripe.com/webhooks/signature>.

use contracts::PaymentId;
use hmac::{Hmac, Mac};
use protocol::Timestamp;
use serde::Deserialize;
use sha2::Sha256;

/// The largest accepted age of a signature, in seconds, in either direction.
const TOLERANCE_SECS: i64 = 300;
/// The most signatures that are checked. A bank that rotates its secret sends two.
const SIGNATURES_MAX: usize = 8;

/// The secret that the bank signs with. It is never printed.
#[derive(Clone)]
pub struct WebhookSecret(String);

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl WebhookSecret {
    /// `whsec_…`, unchanged.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }
}

/// The result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Valid and recent.
    Good,
    /// Valid, but too old or in the future: a replay, or a wrong clock.
    Stale,
    /// Invalid.
    Wrong,
}

impl Signature {
    /// Checks `Stripe-Signature: t=SECONDS,v1=HEX[,v1=HEX…]` over the raw body, in constant time.
    pub fn check(secret: &WebhookSecret, header: &str, body: &[u8], now: Timestamp) -> Self {
        let mut at = None;
        let mut given = Vec::new();
        for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
            match name {
                "t" => at = Some(value),
                "v1" if given.len() < SIGNATURES_MAX => given.push(value),
                // Other schemes, such as `v0`, are ignored.
                _ => {}
            }
        }
        let Some(at) = at else { return Self::Wrong };
        let mut good = false;
        for hex in given {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes()) else { return Self::Wrong };
            mac.update(at.as_bytes());
            mac.update(b".");
            mac.update(body);
            let tag = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap_or_default();
            good |= mac.verify_slice(&tag).is_ok();
        }
        match (good, at.parse::<i64>()) {
            (true, Ok(at)) if at.abs_diff(now.seconds()) <= TOLERANCE_SECS.unsigned_abs() => Self::Good,
            (true, _) => Self::Stale,
            (false, _) => Self::Wrong,
        }
    }
}

/// The fields of an event that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub id: String,
    pub kind: String,
    pub payment: Option<PaymentId>,
    pub intent: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: serde_json::Value,
}

impl Event {
    /// Reads the body of an event; `None` if it is not an event.
    pub fn read(body: &[u8]) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(body).ok()?;
        let object = &raw.data.object;
        let text =
            |value: &serde_json::Value| value.as_str().filter(|text| text.len() <= 255).map(str::to_owned);
        let intent = if object["object"] == "payment_intent" { text(&object["id"]) } else { None };
        let intent = intent.or_else(|| text(&object["payment_intent"]));
        let intent = intent.or_else(|| text(&object["payment_intent"]["id"]));
        let payment = object["metadata"]["payment"].as_str().and_then(|id| id.parse().ok());
        let (id, kind) = (raw.id, raw.kind);
        (id.len() <= 255 && kind.len() <= 255).then_some(Self { id, kind, payment, intent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn sign(secret: &str, at: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(format!("{at}.").as_bytes());
        mac.update(BODY);
        data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    #[test]
    fn only_a_valid_and_recent_signature_is_accepted() {
        let secret = WebhookSecret::new("whsec_1");
        let now = Timestamp(1_000_000_000);
        let good = sign("whsec_1", "1000000");
        let other = sign("whsec_2", "1000000");
        let old = sign("whsec_1", "999699");
        let edge = sign("whsec_1", "999700");
        let future = sign("whsec_1", "1000301");
        for (header, expect) in [
            (format!("t=1000000,v1={good}"), Signature::Good),
            (format!("t=1000000, v1={other}, v1={good}, v0=00"), Signature::Good),
            (format!("t=999700,v1={edge}"), Signature::Good),
            (format!("t=999699,v1={old}"), Signature::Stale),
            (format!("t=1000301,v1={future}"), Signature::Stale),
            (format!("t=1000001,v1={good}"), Signature::Wrong),
            (format!("t=1000000,v1={other}"), Signature::Wrong),
            (format!("t=1000000,v0={good}"), Signature::Wrong),
            (format!("t=1000000,v1={}", &good[..62]), Signature::Wrong),
            (format!("v1={good}"), Signature::Wrong),
            ("t=1000000".into(), Signature::Wrong),
            ("t=1000000,v1=".into(), Signature::Wrong),
            (String::new(), Signature::Wrong),
        ] {
            assert_eq!(Signature::check(&secret, &header, BODY, now), expect, "{header}");
        }
        let tampered = Signature::check(&secret, &format!("t=1000000,v1={good}"), b"{\"id\":\"evt_2\"}", now);
        assert_eq!(tampered, Signature::Wrong);
    }

    #[test]
    fn unknown_fields_of_events_are_ignored() {
        let payment = PaymentId(7);
        let intent = format!(
            r#"{{"id":"evt_1","type":"payment_intent.succeeded","new":1,
               "data":{{"object":{{"object":"payment_intent","id":"pi_1","metadata":{{"payment":"{payment}"}}}}}}}}"#
        );
        let read = Event::read(intent.as_bytes()).expect("an event");
        assert_eq!((read.payment, read.intent.as_deref()), (Some(payment), Some("pi_1")));
        let refund = br#"{"id":"evt_2","type":"refund.updated","data":{"object":{"object":"refund","id":"re_1","payment_intent":"pi_1"}}}"#;
        let read = Event::read(refund).expect("an event");
        assert_eq!((read.payment, read.intent.as_deref()), (None, Some("pi_1")));
        for garbage in [&b""[..], b"{}", b"[]", b"{\"id\":1}", b"\xff"] {
            assert_eq!(Event::read(garbage), None);
        }
    }
}
