//! The HTTP server: authentication, dispatch, and durability before a response.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use data_encoding::BASE64;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};
use serde_json::Value;
use store::Fault as Broken;
use tokio::sync::Notify;

use crate::answer::{Answer, Body, broken, invalid, missing, unauthorized};
use crate::books::{Books, Entry};
use crate::faults::{Fault, Faults, Operation};
use crate::form::Form;
use crate::hooks::Target;
use crate::{charges, control, intents, keys, methods, page, refunds};

/// The longest request body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The bank: its store and its keys. Requests are executed one at a time.
pub(crate) struct Bank {
    pub books: Mutex<Books>,
    pub faults: Faults,
    pub secret_key: String,
    pub publishable_key: String,
    pub webhook_secret: String,
    /// The base URL of 3-D Secure pages.
    pub base_url: RwLock<String>,
    pub refund_delay: Duration,
    pub target: RwLock<Option<Target>>,
    /// Notified after each request, because it may have stored events.
    pub asked: Notify,
}

/// A parsed request.
struct Ask {
    method: Method,
    path: String,
    query: String,
    key: Option<String>,
    idempotency: Option<String>,
    body: Vec<u8>,
}

/// The bank as poem's endpoint.
pub(crate) struct Api(pub Arc<Bank>);

impl Endpoint for Api {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let header =
            |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (key, idempotency) =
            (header("authorization").as_deref().and_then(api_key), header("idempotency-key"));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let query = request.uri().query().unwrap_or_default().to_owned();
        let Ok(body) = request.take_body().into_bytes_limit(BODY_BYTES_MAX).await else {
            return Ok(respond(invalid("The request is too long.")));
        };
        let ask = Ask { method, path, query, key, idempotency, body: body.to_vec() };
        let fault = self.0.faults.hit(operation(&ask));
        let (before, after) = fault.map(Fault::pauses).unwrap_or_default();
        tokio::time::sleep(before).await;
        let answer = match fault {
            Some(Fault::Error) => broken(),
            Some(Fault::Down) => Answer::empty(503),
            Some(Fault::RateLimited) => {
                Answer::error(429, serde_json::json!({"type": "rate_limit_error", "code": "rate_limit"}))
            }
            Some(Fault::HangBefore(_)) => broken(),
            Some(Fault::ErrorAfter) => {
                self.handle(ask).await;
                broken()
            }
            Some(Fault::HangAfter(_)) | None => self.handle(ask).await,
        };
        tokio::time::sleep(after).await;
        Ok(respond(answer))
    }
}

impl Api {
    async fn handle(&self, ask: Ask) -> Answer {
        let bank = Arc::clone(&self.0);
        // The store is accessed on a thread that may block.
        let answered = tokio::task::spawn_blocking(move || bank.answer(&ask)).await;
        answered.unwrap_or_else(|_| broken())
    }
}

impl Bank {
    fn answer(&self, ask: &Ask) -> Answer {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = books.entry();
        let answered = self.route(&mut entry, ask).and_then(|answer| entry.land().map(|()| answer));
        self.asked.notify_one();
        answered.unwrap_or_else(|fault| {
            tracing::error!(%fault, "the sandbox bank's books");
            broken()
        })
    }

    fn route(&self, entry: &mut Entry<'_>, ask: &Ask) -> Result<Answer, Broken> {
        let path: Vec<&str> = ask.path.trim_matches('/').split('/').collect();
        let text = if ask.method == Method::POST {
            std::str::from_utf8(&ask.body).ok()
        } else {
            Some(ask.query.as_str())
        };
        let base = self.base_url.read().unwrap_or_else(PoisonError::into_inner).clone();
        match (ask.method.as_str(), path.as_slice()) {
            ("OPTIONS", ["v1", "payment_methods"]) => return Ok(cors(Answer::empty(204))),
            ("GET", ["3ds", id, action]) => {
                let intent = intents::awaiting(entry, id, action)?;
                return Ok(intent.map_or_else(page::over, |intent| page::ask(&intent)));
            }
            ("POST", ["3ds", id, action]) => {
                let form = text.and_then(Form::read).unwrap_or_default();
                let success = form.get("outcome") == Some("complete");
                let intent = intents::authenticated(entry, id, action, success, &base)?;
                return Ok(intent.map_or_else(page::over, |intent| {
                    page::back(&intent, intent.status == intents::Status::Succeeded)
                }));
            }
            _ => {}
        }
        let own_page = ask.key.as_ref() == Some(&self.publishable_key);
        if ask.key.as_ref() != Some(&self.secret_key) && !(own_page && path == ["v1", "payment_methods"]) {
            return Ok(if path == ["v1", "payment_methods"] { cors(unauthorized()) } else { unauthorized() });
        }
        match (ask.method.as_str(), path.as_slice()) {
            ("POST", ["_sandbox", "faults"]) => return Ok(control::faults(self, &ask.body)),
            ("DELETE", ["_sandbox", "faults"]) => return Ok(control::clear(self)),
            ("POST", ["_sandbox", "webhooks"]) => return Ok(control::webhooks(self, &ask.body)),
            _ => {}
        }
        let Some(form) = text.and_then(Form::read) else {
            return Ok(invalid("The parameters cannot be read."));
        };
        let request = format!("{} {} {}", ask.method, ask.path, form.canonical());
        let key = ask.idempotency.as_deref().filter(|_| ask.method == Method::POST);
        if let Some(key) = key
            && let Some(answer) = keys::replay(entry, key, &request)?
        {
            return Ok(answer);
        }
        let answer = match (ask.method.as_str(), path.as_slice()) {
            ("POST", ["v1", "payment_intents"]) => intents::create(entry, &form, &base)?,
            ("GET", ["v1", "payment_intents", id]) => intents::retrieve(entry, id, &form, &base)?,
            ("POST", ["v1", "payment_intents", id, "confirm"]) => intents::confirm(entry, id, &form, &base)?,
            ("POST", ["v1", "payment_intents", id, "cancel"]) => intents::cancel(entry, id, &form, &base)?,
            ("POST", ["v1", "refunds"]) => refunds::create(entry, &form, self.refund_delay)?,
            ("GET", ["v1", "refunds"]) => refunds::list(entry, &form)?,
            ("GET", ["v1", "refunds", id]) => refunds::retrieve(entry, id)?,
            ("GET", ["v1", "charges"]) => charges::list(entry, &form)?,
            ("GET", ["v1", "charges", id]) => charges::retrieve(entry, id)?,
            ("POST", ["v1", "payment_methods"]) => cors(methods::create(entry, &form)?),
            ("GET", ["v1", "payment_methods", id]) => methods::retrieve(entry, id)?,
            _ => missing(404, "resource", "url"),
        };
        if let Some(key) = key {
            keys::keep(entry, key, &request, &answer);
        }
        Ok(answer)
    }

    /// The oldest events, after due refunds have changed; events beyond `keep` are dropped.
    pub fn due_events(&self, limit: usize, keep: usize) -> Result<Vec<(String, Value)>, Broken> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = books.entry();
        refunds::ripen(&mut entry)?;
        let mut events = entry.list::<Value>("event/", limit)?;
        if self.target().is_none() && events.len() == limit {
            // Without a receiver the number of stored events is limited.
            let all = entry.list::<Value>("event/", keep + limit)?;
            let surplus = all.len().saturating_sub(keep);
            for (key, _) in all.iter().take(surplus) {
                entry.remove(key);
            }
            events.drain(..surplus.min(events.len()));
        }
        entry.land()?;
        Ok(events)
    }

    pub fn events_taken(&self, taken: &[String]) {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = books.entry();
        for key in taken {
            entry.remove(key);
        }
        if let Err(fault) = entry.land() {
            tracing::error!(%fault, "the sandbox bank's books");
        }
    }

    pub fn target(&self) -> Option<Target> {
        self.target.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_target(&self, target: Option<Target>) {
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = target;
    }
}

fn operation(ask: &Ask) -> Option<Operation> {
    let path: Vec<&str> = ask.path.trim_matches('/').split('/').collect();
    match (ask.method.as_str(), path.as_slice()) {
        ("POST", ["v1", "payment_intents"]) => Some(Operation::Create),
        ("GET", ["v1", "payment_intents", _]) => Some(Operation::Retrieve),
        ("POST", ["v1", "payment_intents", _, "confirm"]) => Some(Operation::Confirm),
        ("POST", ["v1", "payment_intents", _, "cancel"]) => Some(Operation::Cancel),
        ("POST", ["v1", "refunds"]) => Some(Operation::Refund),
        ("GET", ["v1", "refunds"]) => Some(Operation::ListRefunds),
        (_, ["v1", ..]) => Some(Operation::Any),
        _ => None,
    }
}

/// `Bearer KEY`, or the key as the user of basic authentication.
fn api_key(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    let decoded = String::from_utf8(BASE64.decode(value.trim().as_bytes()).ok()?).ok()?;
    Some(decoded.split(':').next().unwrap_or_default().to_owned())
}

/// Pages of other origins may read the response, because the request has the publishable key.
fn cors(answer: Answer) -> Answer {
    answer
        .with("Access-Control-Allow-Origin", "*")
        .with("Access-Control-Allow-Methods", "POST, OPTIONS")
        .with("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Stripe-Version")
        .with("Access-Control-Max-Age", "600")
}

fn respond(answer: Answer) -> Response {
    let mut response = match answer.body {
        Body::Json(value) => Response::builder().content_type("application/json").body(value.to_string()),
        Body::Html(page) => Response::builder().content_type("text/html; charset=utf-8").body(page),
        Body::Empty => StatusCode::OK.into_response(),
    };
    response.set_status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in answer.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
