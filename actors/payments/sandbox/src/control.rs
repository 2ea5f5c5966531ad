//! Switches for tests over HTTP, behind the secret key: `POST /_sandbox/faults`, `DELETE /_sandbox/faults`,
//! `POST /_sandbox/webhooks`.

use serde::Deserialize;
use serde_json::json;

use crate::faults::{Fault, Operation};
use crate::response::{ApiResponse, invalid};
use crate::server::Bank;
use crate::webhooks::WebhookTarget;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arm {
    operation: Operation,
    /// `error`, `error_after`, `down`, `rate_limited`, `{"hang_before": MILLIS}`, `{"hang_after": MILLIS}`.
    fault: Fault,
    #[serde(default = "once")]
    times: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    double: Option<bool>,
    hold: Option<bool>,
    /// The new address of webhooks; the secret is unchanged unless it is given.
    url: Option<String>,
    secret: Option<String>,
}

fn once() -> u32 {
    1
}

pub(crate) fn faults(bank: &Bank, body: &[u8]) -> ApiResponse {
    match serde_json::from_slice::<Arm>(body) {
        Ok(arm) => {
            bank.faults.arm(arm.operation, arm.fault, arm.times);
            ApiResponse::ok(json!({"armed": true}))
        }
        Err(error) => invalid(&error.to_string()),
    }
}

pub(crate) fn clear(bank: &Bank) -> ApiResponse {
    bank.faults.clear();
    ApiResponse::ok(json!({"armed": false}))
}

pub(crate) fn webhooks(bank: &Bank, body: &[u8]) -> ApiResponse {
    let webhooks = match serde_json::from_slice::<Webhooks>(body) {
        Ok(webhooks) => webhooks,
        Err(error) => return invalid(&error.to_string()),
    };
    if let Some(on) = webhooks.double {
        bank.faults.double_webhooks(on);
    }
    if let Some(on) = webhooks.hold {
        bank.faults.hold_webhooks(on);
    }
    if let Some(url) = webhooks.url {
        let secret = webhooks.secret.unwrap_or_else(|| bank.webhook_secret.clone());
        bank.set_target(Some(WebhookTarget { url, secret }));
    }
    ApiResponse::ok(json!({"set": true}))
}
