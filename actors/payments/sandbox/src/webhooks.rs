//! Webhooks: events are stored with the change that they report, signed when they are sent, and retried until a receiver accepts
//! them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use store::Fault;

use crate::database::{Transaction, now_millis, now_secs, random_id};
use crate::server::Bank;

/// The poll interval while it is not empty.
const TICK: Duration = Duration::from_millis(50);
/// The poll interval while the queue is empty and there are no requests, because refunds still change on their own.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// The deadline of one delivery.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest pause between two attempts at one event, in milliseconds.
const PAUSE_MILLIS_MAX: u64 = 60_000;
/// The most events of one poll.
const BATCH: usize = 20;
/// The most events that are stored while no receiver accepts them.
const QUEUE_MAX: usize = 10_000;

/// The address of webhooks and the secret of their signatures.
#[derive(Debug, Clone)]
pub(crate) struct WebhookTarget {
    pub url: String,
    pub secret: String,
}

/// Stores an event to send.
pub(crate) fn enqueue(tx: &mut Transaction<'_>, kind: &str, object: &Value) -> Result<(), Fault> {
    let sequence = tx.next()?;
    let event = json!({
        "id": random_id("evt_"),
        "object": "event",
        "api_version": "2024-06-20",
        "created": now_secs(),
        "data": {"object": object},
        "livemode": false,
        "pending_webhooks": 1,
        "type": kind,
    });
    tx.put(&format!("event/{sequence:020}"), &event);
    Ok(())
}

/// Sends events until the task is dropped.
pub(crate) async fn deliver(bank: Arc<Bank>) {
    let http = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let Ok(http) = http else { return tracing::error!("no HTTP client: webhooks are not delivered") };
    // The time of the next attempt and the number of attempts of each event; after a restart all are retried at once.
    let tried: Mutex<BTreeMap<String, (u64, u32)>> = Mutex::default();
    let mut idle = false;
    loop {
        if idle {
            let _ = tokio::time::timeout(IDLE_TICK, bank.request_done.notified()).await;
        } else {
            tokio::time::sleep(TICK).await;
        }
        let due = Arc::clone(&bank);
        let due = tokio::task::spawn_blocking(move || due.due_events(BATCH + 200, QUEUE_MAX)).await;
        let due = match due {
            Ok(Ok(due)) => due,
            Ok(Err(fault)) => {
                tracing::error!(%fault, "the sandbox bank's store");
                continue;
            }
            Err(_) => return,
        };
        idle = due.is_empty();
        let Some(target) = bank.target() else { continue };
        let (double, hold) = bank.faults.webhooks();
        if hold {
            continue;
        }
        let now = now_millis();
        let ready =
            |key: &String| tried.lock().is_ok_and(|tried| tried.get(key).is_none_or(|(at, _)| *at <= now));
        let due: Vec<_> = due.into_iter().filter(|(key, _)| ready(key)).take(BATCH).collect();
        let mut delivered = Vec::new();
        for (key, event) in due {
            let mut good = send(&http, &target, &event).await;
            if double {
                good &= send(&http, &target, &event).await;
            }
            let Ok(mut tried) = tried.lock() else { return };
            if good {
                tried.remove(&key);
                delivered.push(key);
            } else {
                let count = tried.get(&key).map_or(0, |(_, count)| *count);
                let pause = (250 << count.min(10)).min(PAUSE_MILLIS_MAX);
                tried.insert(key, (now_millis() + pause, count + 1));
            }
        }
        if !delivered.is_empty() {
            let done = Arc::clone(&bank);
            let _ = tokio::task::spawn_blocking(move || done.remove_events(&delivered)).await;
        }
    }
}

async fn send(http: &reqwest::Client, target: &WebhookTarget, event: &Value) -> bool {
    let body = event.to_string();
    let signature = sign(&target.secret, now_secs(), body.as_bytes());
    let request = http.post(&target.url).header("Content-Type", "application/json; charset=utf-8");
    let sent = request.header("Stripe-Signature", signature).body(body).send().await;
    sent.is_ok_and(|response| response.status().is_success())
}

/// `t=SECONDS,v1=HEX` over the raw body.
pub(crate) fn sign(secret: &str, at: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes()))
}
